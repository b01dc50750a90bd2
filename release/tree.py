"""Whether what lies here may be released: exactly one commit, and a version that the changelog tells of."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


class NotReleasableError(Exception):
    """Says in one sentence what is to be done first."""


@dataclass(frozen=True, slots=True)
class Commit:
    revision: str
    seconds: int
    """When it was made, since 1970: the only time that a release knows."""


def releasable(root: Path, version: str) -> Commit:
    if differs(root):
        raise NotReleasableError("the tree differs from its commit; commit or stash what git status shows")
    section = rf"(?m)^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    if not re.search(section, (root / "CHANGELOG.md").read_text()):
        raise NotReleasableError(
            f"CHANGELOG.md has no section of {version}; write ## [{version}] - YYYY-MM-DD over its changes"
        )
    return commit(root)


def differs(root: Path) -> bool:
    return bool(_git(root, "status", "--porcelain"))


def commit(root: Path) -> Commit:
    revision, seconds = _git(root, "log", "-1", "--format=%H %ct").split()
    return Commit(revision, int(seconds))


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReleasableError(f"git says no commit here: {done.stderr.strip()}")
    return done.stdout.strip()
