#!/usr/bin/env python3
"""kubectl's door to emqx-autocluster as krew installs it: finds a Python that its parts were packed for.

It is read by whatever Python there is, so it is written for old ones as well.
"""

import os
import shutil
import sys

_LIB = os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib")
_COMPLETE = "kubectl_complete-"


def _packed() -> "list[tuple[int, int]]":
    """The Pythons that there are parts for, the newest first: (3, 13), (3, 12)."""
    names = [name for name in os.listdir(_LIB) if name.startswith("cp")]
    return sorted([(int(name[2]), int(name[3:])) for name in names], reverse=True)


def _go_on_with_another(packed: "list[tuple[int, int]]") -> None:
    for python in packed:
        found = shutil.which("python%d.%d" % python)
        if found:
            os.execv(found, [found, os.path.abspath(__file__)] + sys.argv[1:])
    sys.exit(
        "error: this plugin needs CPython %d.%d to %d.%d on the PATH, and python3 is %d.%d; install one of them."
        % (packed[-1] + packed[0] + tuple(sys.version_info[:2]))
    )


def _run() -> None:
    sys.path[:0] = [os.path.join(_LIB, "cp%d%d" % sys.version_info[:2]), os.path.join(_LIB, "any")]
    if os.path.basename(sys.argv[0]).startswith(_COMPLETE):
        from emqx_autocluster.kubectl_complete import main
    else:
        from emqx_autocluster.cli import main
    main()


if tuple(sys.version_info[:2]) not in _packed():
    _go_on_with_another(_packed())
_run()
