"""Several names leave the cluster by one exec: `emqx_ctl cluster force-leave` takes one name each.

The script depends on their number alone. The names are its arguments and no part of its text.
"""

import re
from collections.abc import Sequence

from emqx_autocluster.clients.emqx_answers import Answer, ForceLeaveOutcome, parse_force_leave

_MARK = "=== leaving "


def command(nodes: Sequence[str]) -> tuple[str, ...]:
    """Each answer comes after a line of its own, which has the number of the name. What failed is told by its words."""
    numbers = range(1, len(nodes) + 1)
    script = "; ".join(f"echo '{_MARK}{n}'; emqx_ctl cluster force-leave \"${{{n}}}\" 2>&1" for n in numbers)
    return ("sh", "-c", script, "sh", *nodes)


def parse(text: str, nodes: Sequence[str]) -> dict[str, Answer[ForceLeaveOutcome]]:
    """For each name; one whose answer is missing has an unknown outcome."""
    _, *parts = re.split(rf"^{_MARK}(\d+)$", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    answers = dict(zip(parts[::2], parts[1::2], strict=True))
    return {node: parse_force_leave(answers.get(str(n), "")) for n, node in enumerate(nodes, 1)}
