"""Where manifests come from: files, folders, and what comes by pipe. Each of a bounded size, and of nothing endless."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from emqx_autocluster.commands.documents import UnreadableError

STDIN = "-"
_STDIN_NAME = "stdin"
_SUFFIXES = (".yaml", ".yml", ".json")
_LARGEST = 16 * 1024 * 1024
"""Bytes of one file; the largest charts come to a quarter of it."""


def texts(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(name, text) of each file. Raises UnreadableError."""
    for name in names:
        if name == STDIN:
            yield _STDIN_NAME, _decoded(_STDIN_NAME, _bounded(_STDIN_NAME, sys.stdin.buffer))
            continue
        try:
            for path in _expanded(Path(name)):
                yield str(path), _decoded(str(path), _content(path))
        except OSError as error:
            raise UnreadableError(f"{error.filename or name}: {error.strerror}") from error
        except ValueError as error:
            raise UnreadableError(f"{name}: {error}") from error  # no name of a file, such as one with a NUL


def _expanded(path: Path) -> list[Path]:
    """As kubectl takes a folder: its own files, and not those of folders in it."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)


def _content(path: Path) -> bytes:
    """Not to wait for anybody who may write into a pipe, it is opened without."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UnreadableError(f"{path}: this is no regular file; what comes by a pipe is read with -f -")
        return _bounded(str(path), file)


def _bounded(name: str, file: BinaryIO) -> bytes:
    content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise UnreadableError(f"{name}: not judged, since it has more than {_LARGEST // 1024 // 1024} MiB")
    return content


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{name}: this is no text in UTF-8") from error
