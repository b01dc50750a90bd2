"""What EMQX_AUTOCLUSTER_NAMESPACES may say, and what it means."""

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from emqx_autocluster.cli import app
from emqx_autocluster.settings import NAMESPACES, Settings


def named(text: str | None, monkeypatch: pytest.MonkeyPatch) -> Settings:
    if text is None:
        monkeypatch.delenv(NAMESPACES, raising=False)
    else:
        monkeypatch.setenv(NAMESPACES, text)
    return Settings()


@pytest.mark.parametrize(
    ("text", "namespaces"),
    [
        (None, None),
        ("iot", ("iot",)),
        ("iot,plant", ("iot", "plant")),
        (" iot ,\n plant ", ("iot", "plant")),
        ("plant,iot,plant", ("plant", "iot")),
        ("0-" + "x" * 61, ("0-" + "x" * 61,)),
    ],
)
def test_namespaces_are_named_with_commas_between_them_and_without_any_all_are_meant(
    text: str | None, namespaces: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named(text, monkeypatch).namespaces == namespaces


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_an_empty_list_is_an_error_and_does_not_mean_everywhere(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError, match="names no namespace; take it away to look after all of them"):
        named(text, monkeypatch)


@pytest.mark.parametrize(
    "wrong", ["*", "iot-*", "!lab", "Iot", "iot/emqx", "iot.plant", "-iot", "x" * 64, ""]
)
def test_patterns_and_what_no_namespace_can_be_called_are_told(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError) as told:
        named(f"iot,{wrong}", monkeypatch)
    assert f'"{wrong}" is no name of a namespace' in str(told.value)


def test_a_setting_that_cannot_be_is_one_line_with_its_variable() -> None:
    done = CliRunner().invoke(app, ["run"], env={NAMESPACES: "iot,*"})
    assert done.exit_code == 2
    wrong = '"*" is no name of a namespace; expected are names such as iot,plant'
    assert " ".join(done.output.split()) == f"error: {NAMESPACES}: {wrong}"


@pytest.mark.parametrize(
    ("text", "asked", "listed"),
    [
        (None, None, (None,)),
        (None, "lab", ("lab",)),
        ("iot,plant", None, ("iot", "plant")),
        ("iot,plant", "lab", ("lab",)),
    ],
)
def test_what_a_person_asks_for_by_name_goes_before_the_setting(
    text: str | None, asked: str | None, listed: tuple[str | None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named(text, monkeypatch).within(asked) == listed
