"""Too little memory ends the process, also where Python would only log it."""

import subprocess
import sys

import pytest

_STAGE = """
import asyncio, sys, threading
from emqx_autocluster.runtime import exhaustion

def fail(error):
    raise error

async def run():
    exhaustion.watch_for_it(asyncio.get_running_loop())
    {trouble}
    await asyncio.sleep(0.2)
    print("goes on")

asyncio.run(run())
"""

_IN_A_CALLBACK = "asyncio.get_running_loop().call_soon(fail, {error})"
_WHERE_NOBODY_CATCHES = """
    class Last:
        def __del__(self):
            fail({error})
    Last()
"""


def played(trouble: str, error: str) -> tuple[int, str, str]:
    code = _STAGE.format(trouble=trouble.format(error=error))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("trouble", [_IN_A_CALLBACK, _WHERE_NOBODY_CATCHES])
def test_it_ends_with_an_exit_code_that_is_seen(trouble: str) -> None:
    code, said, told = played(trouble, "MemoryError()")
    assert (code, said) == (1, "")
    assert "memory does not suffice; the process ends, to be started afresh" in told


@pytest.mark.parametrize("trouble", [_IN_A_CALLBACK, _WHERE_NOBODY_CATCHES])
def test_any_other_error_of_that_kind_is_told_and_it_goes_on(trouble: str) -> None:
    code, said, told = played(trouble, "ValueError('odd')")
    assert (code, said) == (0, "goes on\n")
    assert "ValueError: odd" in told
