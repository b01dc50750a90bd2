"""Ends the process when memory does not suffice, wherever that shows, so that Kubernetes starts it afresh.

A container's limit ends it anyway. Where the process is told instead, by a limit of its own, the error may come up in
asyncio's TLS or in a thread that cannot start; there it is only logged, and what was lost may be a watch.
"""

import asyncio
import logging
import os
import sys
from typing import Any, NoReturn

logger = logging.getLogger(__name__)


def watch_for_it(loop: asyncio.AbstractEventLoop) -> None:
    """Errors that nobody can catch: of the loop's own callbacks, and of threads before they run."""
    loop.set_exception_handler(_on_loops_error)
    sys.unraisablehook = _on_unraisable


def end() -> NoReturn:
    """At once: an orderly end needs memory, too. All that counts is in the Kubernetes API."""
    try:
        logger.critical("memory does not suffice; the process ends, to be started afresh")
    finally:
        os._exit(1)


def _on_loops_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if isinstance(context.get("exception"), MemoryError):
        end()
    loop.default_exception_handler(context)


def _on_unraisable(error: "sys.UnraisableHookArgs") -> None:
    if issubclass(error.exc_type, MemoryError):
        end()
    sys.__unraisablehook__(error)
