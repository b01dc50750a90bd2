"""What kubectl runs for `kubectl emqx-autocluster doctor dep<TAB>`: `kubectl_complete-emqx_autocluster doctor dep`.

It expects a candidate on each line, with a description behind a tab, and last an order for the shell. Candidates and
their form are those that fish gets.
"""

import os
import shlex
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO

from emqx_autocluster import cli

_NAME = "kubectl-emqx_autocluster"
_NO_FILES, _FILES = ":4", ":0"


def main() -> None:
    *words, begun = sys.argv[1:] or [""]
    os.environ |= {
        "_KUBECTL_EMQX_AUTOCLUSTER_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": f"{shlex.join([_NAME, *words])} {begun}",
    }
    told = StringIO()
    with redirect_stdout(told), suppress(SystemExit):
        cli.app(prog_name=_NAME)
    found = told.getvalue().strip()
    sys.stdout.write(f"{found}\n{_NO_FILES}\n" if found else f"{_FILES}\n")
