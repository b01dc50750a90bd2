"""Tab, in a real bash: what the command line offers, and that it is silent where there is nothing to offer."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emqx_autocluster.api.findings import Reason
from emqx_autocluster.commands import completion

BIN = Path(sys.executable).parent
PRESSED = """
source <("$1" --show-completion)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function="$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
"$function" "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def pressed(*words: str, kubeconfig: Path = Path("/nonexistent")) -> tuple[list[str], str]:
    """What bash would offer behind these words, of which the last has just begun; and what is on the screen besides."""
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "KUBECONFIG": str(kubeconfig),
    }
    argv = ["bash", "--norc", "-c", PRESSED, "bash", *words]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split(), done.stderr


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("kubectl-emqx_autocluster", "doc"), ["doctor"]),
        (("emqx-autocluster", "doctor", "--str"), ["--strict"]),
        (("emqx-autocluster", "lint", "-o", "s"), ["sarif"]),
        (("emqx-autocluster", "explain", "APIServerM"), ["APIServerMalformed", "APIServerMissing"]),
    ],
)
def test_commands_options_values_and_reasons_are_offered(words: tuple[str, ...], offered: list[str]) -> None:
    assert pressed(*words) == (offered, "")


def test_without_a_kubeconfig_no_name_is_offered_and_nothing_is_said() -> None:
    assert pressed("emqx-autocluster", "doctor", "dep") == ([], "")


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A kubeconfig whose program for credentials talks, and takes its time."""
    file = tmp_path / "kubeconfig"
    file.write_text(
        """
        apiVersion: v1
        kind: Config
        current-context: a
        contexts: [{name: a, context: {cluster: a, user: a}}]
        clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
        users:
        - name: a
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              interactiveMode: Never
              command: sh
              args: ["-c", "echo please log in >&2; exec sleep 30"]
        """
    )
    return file


def test_a_program_for_credentials_that_takes_its_time_holds_nobody_up(slow: Path) -> None:
    began = time.monotonic()
    assert pressed("emqx-autocluster", "doctor", "dep", kubeconfig=slow) == ([], "")
    assert time.monotonic() - began < 20, "which would wait for ten seconds more, and say so"


def test_what_explain_takes_is_offered_whole() -> None:
    assert set(completion.explained("")) > set(Reason)
