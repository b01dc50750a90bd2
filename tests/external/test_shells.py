"""Tab in zsh and fish, set up as the README says; bash is among the unit tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
NAMES = ("emqx-autocluster", "kubectl-emqx_autocluster")
ZSH = """
zmodload zsh/zpty
zpty z zsh -i
seen=''
typed() { zpty -n -w z "$1" }
until_seen() {
  local end=$((SECONDS + 30)) more
  while [[ $seen != *$1* ]]; do
    (( SECONDS < end )) || { print -r -- "not seen: $1 in $seen"; exit 1 }
    zpty -r -t z more && seen+=$more || sleep 0.1
  done
  seen=''
}
typed $'PS1=""; print rea""dy\\n'; until_seen ready
typed "$1 expl"$'\\t'; until_seen ain
typed $'APIServerMal\\t'; until_seen formed
"""


def run(home: Path, *argv: str) -> str:
    environment = {"HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "xterm"}
    done = subprocess.run(argv, env=environment, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_fish_completes(tmp_path: Path, name: str) -> None:
    run(tmp_path, "fish", "-c", f"{name} --install-completion")
    offered = run(tmp_path, "fish", "-c", f"complete -C '{name} doctor --str'")
    assert offered.split("\t")[0] == "--strict"


@pytest.mark.parametrize("name", NAMES)
def test_zsh_completes(tmp_path: Path, name: str) -> None:
    setup = f"autoload -Uz compinit; compinit; source <({name} --show-completion)"
    (tmp_path / ".zshrc").write_text(setup)
    run(tmp_path, "zsh", "-c", ZSH, "zsh", name)
