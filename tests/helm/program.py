"""Where helm comes from: a build of the version that go.mod pins, kept beside the sandbox's programs."""

from pathlib import Path

from sandbox import gobuild
from sandbox.telling import Progress

SOURCES = Path(__file__).parent / "go"


async def provide(tell: Progress) -> Path:
    """Its path; built first if there is none."""
    return await gobuild.provide(
        gobuild.Program("helm", "helm", "helm.sh/helm/v3/cmd/helm", SOURCES, _link_flags()), tell
    )


def _link_flags() -> str:
    """Helm leaves to the linker its version, and which Kubernetes it takes for granted where it asks none."""
    module = SOURCES / "helm"
    minor = gobuild.required_version(module, "k8s.io/client-go").split(".")[1]
    stamps = {
        "internal/version.version": gobuild.required_version(module, "helm.sh/helm/v3"),
        "pkg/chartutil.k8sVersionMajor": "1",
        "pkg/chartutil.k8sVersionMinor": minor,
        "pkg/lint/rules.k8sVersionMajor": "1",
        "pkg/lint/rules.k8sVersionMinor": minor,
    }
    return " ".join(["-s -w", *(f"-X helm.sh/helm/v3/{name}={value}" for name, value in stamps.items())])
