"""The plugin of kubectl as krew wants it: for each platform one archive with all that the command needs but Python.

What is in it comes from the wheels of requirements/runtime.lock, whose hashes pip compares, and from our own.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from release import archive, artifacts
from release.archive import Entry
from release.tree import Commit

COMMAND = "kubectl-emqx_autocluster"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_LAUNCHER = Path(__file__).with_name("launcher.py")
_PURE = "-none-any.whl"
_GLIBC = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_12", "manylinux_2_5")

Tell = Callable[[str], None]


class UnpackableError(Exception):
    """A wheel has files that belong outside of the packages."""


@dataclass(frozen=True, slots=True)
class Platform:
    os: str
    """As krew and Go name it."""
    arch: str
    tags: tuple[str, ...]
    """Of the wheels that fit it; pip adds older macOS by itself."""

    def __str__(self) -> str:
        return f"{self.os}-{self.arch}"


PLATFORMS = (
    Platform("linux", "amd64", tuple(f"{glibc}_x86_64" for glibc in _GLIBC)),
    Platform("linux", "arm64", tuple(f"{glibc}_aarch64" for glibc in _GLIBC)),
    Platform("darwin", "amd64", ("macosx_10_13_x86_64",)),
    Platform("darwin", "arm64", ("macosx_11_0_arm64",)),
)


def build(root: Path, into: Path, platform: Platform, version: str, commit: Commit, tell: Tell) -> Path:
    """The archive of one platform."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder)
        artifacts.packages(root, wheels / "any", commit, "--target", "wheel")
        for python in PYTHONS:
            tell(f"fetching the wheels for Python {python} on {platform}")
            _fetch(root, wheels / f"cp{python.replace('.', '')}", platform, python)
        packed = archive.pack(_entries(root, wheels), commit)
    file = into / file_name(version, platform)
    file.write_bytes(packed)
    return file


def file_name(version: str, platform: Platform) -> str:
    return f"{COMMAND}-{version}-{platform}.tar.gz"


def _fetch(root: Path, into: Path, platform: Platform, python: str) -> None:
    fits = ["--implementation", "cp", "--python-version", python]
    tags = [word for tag in platform.tags for word in ("--platform", tag)]
    locked = ["--no-deps", "--require-hashes", "-r", str(root / "requirements" / "runtime.lock")]
    quiet = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(into)]
    subprocess.run([sys.executable, "-m", "pip", "download", *quiet, *fits, *tags, *locked], check=True)


def _entries(root: Path, wheels: Path) -> Iterator[Entry]:
    """What is the same for every Python once, and the rest for each."""
    yield Entry(PurePosixPath("LICENSE"), (root / "LICENSE").read_bytes())
    yield Entry(PurePosixPath(COMMAND), _LAUNCHER.read_bytes(), executable=True)
    unpacked: dict[PurePosixPath, bytes] = {}
    for wheel in sorted(wheels.glob("*/*.whl")):
        place = "any" if wheel.name.endswith(_PURE) else wheel.parent.name
        unpacked |= {PurePosixPath("lib", place, name): content for name, content in files(wheel)}
    for path in sorted(unpacked):
        yield Entry(path, unpacked[path])


def files(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Without the commands that others bring."""
    with ZipFile(wheel) as packed:
        for name in packed.namelist():
            first, _, rest = name.partition("/")
            if first.endswith(".data") and not rest.startswith("scripts/"):
                raise UnpackableError(f"{wheel.name} has {name}, which pip alone knows where to put")
            if not first.endswith(".data") and not name.endswith("/"):
                yield name, packed.read(name)
