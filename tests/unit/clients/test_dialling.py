"""Whether a port lets a container in: the command, and what is made of its answers."""

import pytest

from emqx_autocluster.clients import dialling
from emqx_autocluster.clients.errors import UnsafeArgument
from emqx_autocluster.observation import Unobserved

PEER = ("10.244.0.5", 5369)
OTHER = ("fd00::6", 5372)
REFUSED = "bash: connect: Connection refused\nbash: line 1: /dev/tcp/10.244.0.5/5369: Connection refused\n"


def test_one_command_dials_all() -> None:
    shell, option, script = dialling.command([PEER, OTHER])
    assert (shell, option) == ("sh", "-c")
    assert script == (
        "timeout 3 bash -c ': > /dev/tcp/10.244.0.5/5369' 2>&1; echo \"dialled 10.244.0.5 5369 $?\"; "
        "timeout 3 bash -c ': > /dev/tcp/fd00::6/5372' 2>&1; echo \"dialled fd00::6 5372 $?\""
    )


@pytest.mark.parametrize(
    "address",
    [
        ("10.244.0.5/1'; reboot; '", 5369),
        ("fe80::1%'; reboot; '", 5369),
        ("emqx-0.emqx", 5369),
        ("", 5369),
        ("10.244.0.5", 0),
        ("10.0.0.1", 65536),
    ],
)
def test_nothing_but_an_address_becomes_part_of_the_command(address: tuple[str, int]) -> None:
    with pytest.raises(UnsafeArgument):
        dialling.command([address])


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        pytest.param("", 0, True, id="open"),
        pytest.param(REFUSED, 1, False, id="refused"),
        pytest.param("", 124, False, id="no answer, GNU timeout"),
        pytest.param("", 143, False, id="no answer, busybox timeout"),
        pytest.param("bash: line 1: /dev/tcp/x: No route to host\n", 1, False, id="rejected"),
        pytest.param(
            "bash: line 1: /dev/tcp/x: Host is unreachable\n", 1, False, id="rejected, in musl's words"
        ),
        pytest.param(
            "bash: line 1: /dev/tcp/x: No such file or directory\n", 1, None, id="a bash that cannot"
        ),
        pytest.param(
            "timeout: failed to run command 'bash': No such file or directory\n", 127, None, id="no bash"
        ),
        pytest.param("sh: timeout: not found\n", 127, None, id="no timeout"),
        pytest.param("BusyBox v1.28\nUsage: timeout [-t SECS] PROG ARGS\n", 1, None, id="another timeout"),
    ],
)
def test_the_answers(said: str, code: int, expected: bool | None) -> None:  # noqa: FBT001
    found = dialling.parse(f"{said}dialled 10.244.0.5 5369 {code}\ndialled fd00::6 5372 0\n")
    assert found[OTHER] is True
    answer = found[PEER]
    if expected is None:
        assert isinstance(answer, Unobserved)
        assert said.split(maxsplit=1)[0] in answer.reason
    else:
        assert answer is expected


def test_what_was_cut_off_is_no_answer() -> None:
    assert dialling.parse(REFUSED) == {}
