FROM python:3.12-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# Everything that comes from outside is pinned by hash, the build tool included, and comes ready made: no compiler here.
COPY requirements/build.lock requirements/runtime.lock requirements/
RUN pip install --require-hashes --no-deps --only-binary :all: -r requirements/build.lock
RUN python -m venv --without-pip /opt/emqx-autocluster \
    && pip --python /opt/emqx-autocluster/bin/python install \
        --require-hashes --no-deps --only-binary :all: --no-compile -r requirements/runtime.lock

COPY pyproject.toml README.md ./
COPY docs/reasons.md docs/reasons.md
COPY docs/causes docs/causes
COPY operator operator
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/emqx-autocluster/bin/python install --no-deps --no-index --no-compile dist/*.whl
# Bytecode is written here, since nothing can be written where it runs. Of the Kubernetes client's 1900 modules that is
# done by the first start for the few that are imported: the others would make a quarter of the image.
RUN python -m compileall -q -x /kubernetes/ /opt/emqx-autocluster/lib \
    && /opt/emqx-autocluster/bin/emqx-autocluster version


FROM python:3.12-slim
# Nothing is ever installed into a running operator.
RUN PIP_ROOT_USER_ACTION=ignore pip uninstall --yes pip \
    && rm -rf /usr/local/lib/python3.12/ensurepip
COPY --from=builder /opt/emqx-autocluster /opt/emqx-autocluster
# The user below is in no passwd file, nor is one that a cluster may choose instead; kopf asks for a user's name, the
# Kubernetes client for a home.
ENV HOME=/ \
    USER=emqx-autocluster \
    PATH=/opt/emqx-autocluster/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["emqx-autocluster"]
CMD ["run"]
