"""The chart as one file, as `helm package` names it and Helm reads it: without Helm, and the same bytes each time."""

import subprocess
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from release import archive
from release.archive import Entry
from release.tree import Commit

NAME = "emqx-autocluster"
_FOLDER = PurePosixPath("charts", NAME)
_IGNORE = ".helmignore"
_BY_HELM_ITSELF = "templates/.?*"
"""What Helm leaves out, whatever the file says."""


class PatternError(Exception):
    """A line of .helmignore that is not understood: to guess would be to ship what nobody wanted."""


def package(root: Path, commit: Commit) -> bytes:
    found = files(root)
    return archive.pack((Entry(NAME / path, (root / _FOLDER / path).read_bytes()) for path in found), commit)


def files(root: Path) -> list[PurePosixPath]:
    """Those that the commit has, and no others that lie there, without what .helmignore names."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "."], cwd=root / _FOLDER, check=True, capture_output=True, text=True
    ).stdout
    patterns = _patterns((root / _FOLDER / _IGNORE).read_text())
    found = map(PurePosixPath, filter(None, listed.split("\0")))
    return sorted(path for path in found if not is_ignored(path, patterns))


def is_ignored(path: PurePosixPath, patterns: Iterable[str]) -> bool:
    """By Helm's rules, of which a folder takes all with it that is in it."""
    folders = [folder for folder in path.parents if folder.name]
    return any(
        any(_matches(folder, pattern.removesuffix("/")) for folder in folders)
        or (not pattern.endswith("/") and _matches(path, pattern))
        for pattern in patterns
    )


def _matches(path: PurePosixPath, pattern: str) -> bool:
    """With a / in it a pattern is of the whole path, part by part, else of the last part alone."""
    if "/" not in pattern:
        return fnmatchcase(path.name, pattern)
    wanted = pattern.removeprefix("/").split("/")
    return len(wanted) == len(path.parts) and all(map(fnmatchcase, path.parts, wanted))


def _patterns(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    for pattern in found:
        if pattern.startswith("!") or "**" in pattern or "[" in pattern or "\\" in pattern:
            raise PatternError(f"{_IGNORE} has {pattern!r}, which release/chart.py does not understand")
    return [*found, _BY_HELM_ITSELF]
