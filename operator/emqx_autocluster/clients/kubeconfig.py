"""The kubeconfig, which people and programs write: whatever is wrong with it is one sentence that names the file."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import kube_config, load_kube_config

from emqx_autocluster.clients.errors import Unavailable

PATIENCE = 10.0
"""Seconds for all of it, with the program that it may name for credentials."""
_FAREWELL = 0.2
"""Seconds in which the event loop hears of their end, before it ends itself."""
_DEFAULT = "~/.kube/config"


async def login(configuration: Configuration, path: Path | None, context: str | None) -> None:
    """Raises Unavailable."""
    file, before = None if path is None else str(path), _children()
    try:
        with _complaints() as said:
            async with asyncio.timeout(PATIENCE):
                await load_kube_config(  # type: ignore[no-untyped-call]
                    config_file=file,
                    context=context,
                    client_configuration=configuration,
                    persist_config=False,
                )
        server = urlsplit(str(configuration.host)).hostname
    except TimeoutError as error:
        await _end(_children() - before)
        why = f"the program that it names for credentials does not end within {PATIENCE:g} s"
        raise _unusable(file, why) from error
    except Exception as error:
        # The library reads it as it comes: what is of another form ends in any of Python's own errors.
        raise _unusable(file, _told(error)) from error
    if said or not server:
        raise _unusable(file, said[0] if said else "it names no server by its URL")


def unusable_certificate(path: Path | None, error: Exception) -> Unavailable:
    return _unusable(None if path is None else str(path), f"its certificates or keys are none: {error}")


def _unusable(file: str | None, why: str) -> Unavailable:
    name = file or os.environ.get("KUBECONFIG") or _DEFAULT
    return Unavailable(0, "NoCredentials", f"the kubeconfig {name} cannot be used: {why}")


def _children() -> set[int]:
    """Processes that this one started; none where the system does not tell."""
    found = Path("/proc/self/task").glob("*/children")
    return {int(pid) for listed in found for pid in listed.read_text().split()}


async def _end(processes: Iterable[int]) -> None:
    """The library leaves the program running that it no longer waits for."""
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(_FAREWELL)


def _told(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    if isinstance(error, AttributeError | TypeError | KeyError):
        return f"it is not of the form of a kubeconfig ({type(error).__name__}: {error})"
    return str(error) or type(error).__name__


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What the library only logs, such as that a program for credentials failed."""
    said: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(kube_config.__name__)
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated
