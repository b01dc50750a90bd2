"""`lint` in a pipeline: whatever it is given ends soon, in one sentence, with exit code 2."""

import os
from pathlib import Path

import pytest
from typer.testing import Result

from emqx_autocluster.commands import sources
from mutations import DEPLOYMENT, failures, lint

LEVELS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
MERGES = "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30))
BOMBS = {
    "aliases": (f"a0: &a0 [x]\n{LEVELS}kind: Deployment\nmetadata: {{}}\n", "its aliases make it too large"),
    "merge keys": (
        f"a0: &a0 {{k: v}}\n{MERGES}kind: Deployment\nmetadata: {{}}\n",
        "its aliases make it too large",
    ),
    "a long text, again and again": (
        f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]\nkind: Deployment\n",
        "its aliases make it too large",
    ),
    "itself": ("kind: Deployment\nmetadata: &a {name: emqx, annotations: *a}\n", "this refers to itself"),
    "a list of itself": ("a: &a [*a]\n", "this refers to itself"),
    "depth": ("[" * 5000, "nested too deeply"),
    "digits": (f"a: {'9' * 5000}\n", "digits"),
    "a time that is none": ("a: 2026-99-99\n", "month must be in 1..12"),
    "a tag that is not meant": ("a: !!timestamp x\n", ""),
    "a number that is none": ("a: !!int x\n", "invalid literal"),
    "a tag of Python": ("a: !!python/object/apply:os.system [true]\n", "could not determine a constructor"),
    "a list as the name of a mount": (
        DEPLOYMENT.replace("{name: data, mountPath", "{name: [data], mountPath"),
        "",
    ),
    "a name of digits": (DEPLOYMENT.replace("name: emqx,", "name: 5,"), "must be a string"),
    "a name that is none": (DEPLOYMENT.replace("name: emqx,", "name: 'a b',"), "is no name in Kubernetes"),
}


def is_one_sentence(done: Result) -> bool:
    ended = done.exception is None or isinstance(done.exception, SystemExit)
    return ended and len(done.output.splitlines()) == 1 and done.output.startswith("error: ")


@pytest.mark.parametrize(("text", "words"), BOMBS.values(), ids=BOMBS)
def test_bombs(text: str, words: str) -> None:
    done = lint("-", text=text)
    assert done.exit_code == 2, done.output
    assert is_one_sentence(done)
    assert words in done.output


def test_an_alias_that_is_no_bomb_is_read() -> None:
    text = DEPLOYMENT.replace("matchLabels: {", "matchLabels: &labels {").replace(
        "labels: {app: emqx}}", "labels: *labels}"
    )
    assert "*labels" in text
    assert lint("-", text=text).exit_code == lint("-", text=DEPLOYMENT).exit_code == 1


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name in ("pipe.yaml", "zero.yaml"):
        done = lint(tmp_path / name)
        assert done.exit_code == 2
        assert is_one_sentence(done)
        assert "this is no regular file; what comes by a pipe is read with -f -" in done.output


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(DEPLOYMENT)
    (tmp_path / "a.yaml").symlink_to(tmp_path / "a")
    assert lint(tmp_path / "a.yaml").exit_code == 1


def test_what_is_too_large_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_LARGEST", len(DEPLOYMENT))
    (tmp_path / "a.yaml").write_text(f"{DEPLOYMENT} ")
    for done in (lint(tmp_path / "a.yaml"), lint("-", text=f"{DEPLOYMENT} ")):
        assert done.exit_code == 2
        assert "not judged, since it has more than" in done.output
    assert lint("-", text=DEPLOYMENT).exit_code == 1


@pytest.mark.parametrize("name", ["a\0b", "/nowhere/a.yaml", "/proc/self/mem/x"])
def test_a_name_of_no_file(name: str) -> None:
    done = lint(name)
    assert done.exit_code == 2
    assert is_one_sentence(done)


@pytest.mark.parametrize("seed", range(20))
def test_no_mutation_ends_in_a_traceback(seed: int) -> None:
    """A sample; `make hostile` tries three thousand."""
    assert failures(seed, 10) == []
