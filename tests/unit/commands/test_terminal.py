"""Nothing that others wrote does anything to the terminal, or to the program, that it is printed to."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

import emqx_autocluster.commands
from builders import a_case
from emqx_autocluster.cli import app
from emqx_autocluster.commands import checklist, checkup, proposal
from emqx_autocluster.emqx.discovery import API_SERVER, NAMESPACE
from hostile_text import HOSTILE, SHOWS, TERM, WIDTHS, a_table, hostile_case, misdeeds, orders, printed


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("show", SHOWS.values(), ids=SHOWS)
def test_a_hostile_text_moves_no_cursor_and_sets_nothing(show: Callable[[Console], None], width: int) -> None:
    output = printed(show, width)
    assert misdeeds(output) == []
    assert orders(output) == []


@pytest.mark.parametrize(
    "raw", ["\x1b[A", "\x1b]52;c;eA==\x07", "\x1b]0;t\x07", "\x1b[8mx", "\x9b2J", "\u202e", "\r", "\x08"]
)
def test_what_a_raw_text_does_is_seen(raw: str) -> None:
    assert misdeeds(f"before {raw} after\n")


def test_what_looks_like_markup_stays_whole() -> None:
    assert f"{TERM}\n" in printed(lambda console: console.print(TERM), 400)
    assert TERM in printed(a_table, 4000)


def test_the_end_of_a_long_word_is_seen_however_narrow_the_terminal_is() -> None:
    found = checkup.examine(a_case(env={API_SERVER: f"{'x' * 150}econnrefused"}))
    narrow = printed(lambda console: checklist.show(console, [found]), 40)
    assert "…" not in narrow
    seen = "".join(line.split("│")[-1].strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", narrow).splitlines())
    assert "econnrefused" in seen


TEXT_OF_A_LIBRARY = {
    "Text",
    "Text.assemble",
    "Console",
    "print",
    "typer.echo",
    "typer.secho",
    "Text.from_markup",
}


def calls(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_the_commands_print_by_that_door_alone() -> None:
    modules = Path(emqx_autocluster.commands.__file__).parent.glob("*.py")
    elsewhere = {m.name: set(calls(m)) & TEXT_OF_A_LIBRARY for m in modules if m.name != "terminal.py"}
    assert {name: found for name, found in elsewhere.items() if found} == {}


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: emqx}
spec:
  selector: {matchLabels: {app: emqx}}
  template:
    metadata: {labels: {app: emqx}}
    spec:
      containers:
        - name: emqx
          image: emqx/emqx:5.8.9
          env: []
"""


def hostile_manifest(where: tuple[str | int, ...]) -> str:
    document = yaml.safe_load(DEPLOYMENT)
    document["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "EMQX_CLUSTER__DISCOVERY_STRATEGY", "value": "k8s"},
        {"name": API_SERVER, "value": HOSTILE},
        {"name": "EMQX_CLUSTER__K8S__SERVICENAME", "value": HOSTILE},
        {"name": NAMESPACE, "value": HOSTILE},
    ]
    at = document
    for step in where[:-1]:
        at = at[step]
    if where:
        at[where[-1]] = HOSTILE
    return yaml.safe_dump(document)


POD = ("spec", "template", "spec")
PLACES = {
    "its values": (),
    "its name": ("metadata", "name"),
    "its namespace": ("metadata", "namespace"),
    "the name of its container": (*POD, "containers", 0, "name"),
    "its image": (*POD, "containers", 0, "image"),
    "its account": (*POD, "serviceAccountName"),
    "the name of a variable": (*POD, "containers", 0, "env", 2, "name"),
    "a label": (*POD[:2], "metadata", "labels", "app"),
}


@pytest.mark.parametrize("output", ["text", "json", "sarif"])
@pytest.mark.parametrize("where", PLACES.values(), ids=PLACES)
def test_a_hostile_manifest_prints_no_line_of_its_own(
    where: tuple[str | int, ...], output: str, tmp_path: Path
) -> None:
    path = tmp_path / "m\x1b[2J\n::error::x::.yaml"
    path.write_text(hostile_manifest(where))
    done = CliRunner().invoke(app, ["lint", "-n", "iot", "-o", output, "-f", str(path)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert misdeeds(done.output) == []
    assert orders(done.output) == []
    if output != "text" and done.exit_code in {0, 1}:
        assert all(map(is_seen, texts(json.loads(done.stdout))))


def is_seen(text: str) -> bool:
    """Also what a program reads from it and prints as it is."""
    return text.isprintable() and "##vso[" not in text


def texts(value: object) -> Iterator[str]:
    """All of a JSON value but the documents' own pages, which SARIF carries along."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if not (isinstance(each, dict) and "markdown" in each):
            yield from texts(each)


def test_explain_takes_a_hostile_word_for_what_it_is() -> None:
    done = CliRunner().invoke(app, ["explain", HOSTILE])
    assert done.exit_code == 1
    assert misdeeds(done.output) == []


def test_the_patch_keeps_a_hostile_value_in_letters_that_can_be_seen() -> None:
    patch = proposal.patch(checkup.examine(hostile_case()))
    assert patch.isascii()
    assert misdeeds(patch) == []
    yaml.safe_load(patch)
