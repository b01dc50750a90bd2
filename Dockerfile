# Another registry's copy, or another Python: --build-arg BASE=...
ARG BASE=python:3.12-slim

FROM ${BASE} AS builder
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
# The commit's time, by `make image`: the only one that stands in what is built.
ARG SOURCE_DATE_EPOCH
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/emqx-autocluster/bin/python install --no-deps --no-index --no-compile dist/*.whl
# Bytecode is written here, since nothing can be written where it runs. Of the Kubernetes client's 1900 modules it is that
# of the few that are imported: the others would make a quarter of the image. It counts without a look at the times of its
# sources, which are other ones in each build.
RUN python -m compileall -q --invalidation-mode unchecked-hash -x /kubernetes/ /opt/emqx-autocluster/lib \
    && /opt/emqx-autocluster/bin/python -B -c "import sys, emqx_autocluster.runtime.service; \
       print(*sorted(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'kubernetes'), sep='\n')" \
    | python -m compileall -q --invalidation-mode unchecked-hash -i - \
    && PYTHONDONTWRITEBYTECODE=1 /opt/emqx-autocluster/bin/emqx-autocluster version


FROM ${BASE}
# Nothing is ever installed into a running operator.
RUN ensurepip="$(python -c 'import ensurepip; print(*ensurepip.__path__)')" \
    && PIP_ROOT_USER_ACTION=ignore pip uninstall --yes pip \
    && rm -rf "$ensurepip"
COPY --from=builder /opt/emqx-autocluster /opt/emqx-autocluster
# What is inside, for programs that look for known flaws.
COPY requirements/runtime.cdx.json /usr/share/sbom/emqx-autocluster.cdx.json
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
