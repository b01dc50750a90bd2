"""Where krew comes from: a build of the version that go.mod pins, kept beside the sandbox's programs."""

from pathlib import Path

from sandbox import gobuild
from sandbox.telling import Progress

SOURCES = Path(__file__).parent / "go"
_FLAGS = "-s -w"


async def provide(tell: Progress) -> Path:
    """Its path; built first if there is none."""
    return await gobuild.provide(
        gobuild.Program("krew", "krew", "sigs.k8s.io/krew/cmd/krew", SOURCES, _FLAGS), tell
    )
