"""Whatever is wrong with a kubeconfig is one sentence with the file, and the exit code 2."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from emqx_autocluster.cli import app
from emqx_autocluster.clients import kubeconfig

GOOD = """\
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: me, user: {token: abc}}]
"""
A_PLUGIN = """\
{apiVersion: client.authentication.k8s.io/v1, command: sh, args: ["-c", "%s"], interactiveMode: Never}"""


def with_user(user: str) -> str:
    return GOOD.replace("user: {token: abc}", f"user: {user}")


def with_plugin(script: str) -> str:
    return with_user("{exec: " + A_PLUGIN % script + "}")


BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "it is not of the form of a kubeconfig"),
    "a list": ("[1, 2]", "it is not of the form of a kubeconfig"),
    "a number": ("5", "it is not of the form of a kubeconfig"),
    "binary": (b"\xff\xfe\x00\x01", "it is no text in UTF-8"),
    "no YAML": ("a: [", "expected the node content"),
    "a cluster that is a text": (GOOD.replace("{server: ", "x, y: {server: "), "it names no server"),
    "a context that is not there": (GOOD.replace("current-context: here", "current-context: gone"), "gone"),
    "authority data that are no base64": (
        GOOD.replace('"https://127.0.0.1:1"', '"https://127.0.0.1:1", certificate-authority-data: "&&&&&"'),
        "",
    ),
    "an authority that is no certificate": (
        GOOD.replace('"https://127.0.0.1:1"', '"https://127.0.0.1:1", certificate-authority-data: eHg='),
        "its certificates or keys are none",
    ),
    "an authority whose file is gone": (
        GOOD.replace(
            '"https://127.0.0.1:1"', '"https://127.0.0.1:1", certificate-authority: /nowhere/ca.crt'
        ),
        "/nowhere/ca.crt",
    ),
    "a plugin that is not there": (
        with_user("{exec: {apiVersion: v1, command: /nowhere/login}}"),
        "/nowhere/login",
    ),
    "a plugin that fails": (with_plugin("echo no such account >&2; exit 3"), "no such account"),
    "a plugin that says nothing": (with_plugin("true"), "exec: failed to decode process output"),
}


def asked(path: Path) -> Result:
    return CliRunner().invoke(app, ["doctor", "--kubeconfig", str(path)])


@pytest.mark.parametrize(("content", "words"), BROKEN.values(), ids=BROKEN)
def test_broken(content: str | bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = asked(path)
    assert done.exit_code == 2
    [line] = done.output.splitlines()
    assert line.startswith(f"error: NoCredentials: the kubeconfig {path} cannot be used: ")
    assert words in line


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = asked(tmp_path / "none")
    assert done.exit_code == 2
    assert f"the kubeconfig {tmp_path / 'none'} cannot be used" in done.output


def test_a_plugin_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubeconfig, "PATIENCE", 0.3)
    path, written = tmp_path / "config", tmp_path / "pid"
    path.write_text(with_plugin(f"echo $$ > {written}; exec sleep 600"))
    done = asked(path)
    assert done.exit_code == 2
    assert "does not end within 0.3 s" in done.output
    assert not is_running(int(written.read_text()))


def is_running(pid: int) -> bool:
    try:
        return " (sleep) S " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_server_that_does_not_listen_is_told_with_its_address(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(GOOD)
    done = asked(path)
    assert done.exit_code == 2
    assert "127.0.0.1:1" in done.output
