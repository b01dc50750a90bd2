"""`python -m release.image`: builds the image with what is there, labelled, and by no time but the commit's."""

import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from emqx_autocluster import __version__
from release import tree
from release.inventory import ROOT
from release.tree import Commit

NAME = f"emqx-autocluster:{__version__}"
ENGINES = ("docker", "podman", "buildah")
NO_ENGINE = "no engine that builds images answers; start Docker, or install Podman: apt install podman"
_LABEL = "org.opencontainers.image"


class NoEngineError(Exception):
    """Nothing here builds images."""


def engine() -> str:
    """The first that is installed and answers: of Docker there may be the client alone."""
    for name in ENGINES:
        try:
            done = subprocess.run([name, "info"], capture_output=True, check=False)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return name
    raise NoEngineError(NO_ENGINE)


def labels(root: Path, commit: Commit, *, differs: bool) -> dict[str, str]:
    """`differs`: what is built is not quite that commit."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return {
        f"{_LABEL}.title": project["name"],
        f"{_LABEL}.description": project["description"],
        f"{_LABEL}.version": __version__,
        f"{_LABEL}.revision": commit.revision + ("-dirty" if differs else ""),
        f"{_LABEL}.licenses": "Apache-2.0",
        f"{_LABEL}.created": datetime.fromtimestamp(commit.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def command(engine: str, labels: dict[str, str], commit: Commit, more: list[str]) -> list[str]:
    times = [] if engine == "docker" else ["--timestamp", str(commit.seconds)]
    named = [word for label in labels.items() for word in ("--label", "=".join(label))]
    epoch = ["--build-arg", f"SOURCE_DATE_EPOCH={commit.seconds}"]
    return [engine, "build", "--tag", NAME, *times, *epoch, *named, *more, "."]


def main(more: list[str]) -> int:
    """`more` is handed to the engine: --build-arg BASE=..."""
    try:
        commit = tree.commit(ROOT)
        told = labels(ROOT, commit, differs=tree.differs(ROOT))
        return subprocess.run(command(engine(), told, commit, more), cwd=ROOT, check=False).returncode
    except (NoEngineError, tree.NotReleasableError) as error:
        print(f"error: {error}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
