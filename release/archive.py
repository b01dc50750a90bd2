"""A .tar.gz that is the same bytes from each build: nobody's files, and of the time of the commit."""

import gzip
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from release.tree import Commit


@dataclass(frozen=True, slots=True)
class Entry:
    path: PurePosixPath
    content: bytes
    executable: bool = False


def pack(entries: Iterable[Entry], commit: Commit) -> bytes:
    """In the order given."""
    packed = io.BytesIO()
    # Neither a name nor a time in the head of the gzip file: both would be of the build.
    with (
        gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as unpacked,
        tarfile.open(fileobj=unpacked, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for entry in entries:
            archive.addfile(_member(entry, commit), io.BytesIO(entry.content))
    return packed.getvalue()


def _member(entry: Entry, commit: Commit) -> tarfile.TarInfo:
    """What a checkout has of owner, mode and time is its own."""
    member = tarfile.TarInfo(str(entry.path))
    member.size, member.mtime = len(entry.content), commit.seconds
    member.mode = 0o755 if entry.executable else 0o644
    return member
