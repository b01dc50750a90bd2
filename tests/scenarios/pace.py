"""How fast stories go: everything that only has to be waited for takes half the time, evenly.

The stand-ins take half of EMQX's own times to boot, to join and to answer, their probes come twice as often, and the
shared operator takes half of 20 s for safe between two pods of a rollout, and half of 30 s for old enough. So the same
comes first as in life. A story about a race is told in real time: it is marked `real_time`, and its resource asks for
`REAL_TIME`.
"""

from typing import Any

STAND_INS = {"pace": "0.5", "search_seconds": "1.5"}
"""Switches of a story's namespace. Who looks for peers that late finds all that became Ready with it."""
SAFE_SECONDS = 10
"""The least minReadySeconds for the shared operator, and for the commands that a story runs."""
SETTLING_SECONDS = 15
"""The age until which a member that stands alone may still find others; they need half as long."""
SETTINGS = {"MIN_READY_SECONDS": str(SAFE_SECONDS), "SETTLING_SECONDS": str(SETTLING_SECONDS)}
ENVIRONMENT = {f"EMQX_AUTOCLUSTER_{name}": value for name, value in SETTINGS.items()}
"""The same, for a command."""
REAL_TIME: dict[str, Any] = {"minReadySeconds": 20}
"""Of `spec.repair`."""
