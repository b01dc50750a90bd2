"""Keeps what lasts out of garbage collections, which stop all work: with a thousand workloads for 0.1 to 0.2 s.

CPython looks through everything whenever what is not new has grown by a quarter. Here what a whole collection leaves is
set aside, so that the next one looks through what has come since then. What is garbage later, and in a cycle, is found
once in a while, when all of it is looked through again.
"""

import asyncio
import gc

_EVERY = 600.0
_WHOLE = 2
"""The oldest generation."""


async def collect(every: float = _EVERY) -> None:
    """Until it is cancelled. `every`: seconds from one look through everything to the next."""
    gc.callbacks.append(_set_aside)
    try:
        while True:
            await asyncio.sleep(every)
            gc.unfreeze()
            gc.collect()
    finally:
        gc.callbacks.remove(_set_aside)
        gc.unfreeze()


def _set_aside(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == _WHOLE:
        gc.freeze()
