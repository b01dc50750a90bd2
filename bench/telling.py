"""Progress, so that nobody wonders whether anything happens."""

import time

_BEGAN = time.monotonic()


def tell(line: str) -> None:
    passed = time.monotonic() - _BEGAN
    print(f"{passed // 60:3.0f}:{passed % 60:02.0f}  {line}", flush=True)
