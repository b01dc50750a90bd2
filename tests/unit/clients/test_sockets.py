"""The kernel's list of TCP sockets: what is asked for, and what its lines say."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emqx_autocluster.clients import sockets
from emqx_autocluster.clients.errors import UnreadableAnswer
from emqx_autocluster.observation import Socket

HEADER = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    "                                                     \n"
)
HEADER_6 = (
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr"
    " tm->when retrnsmt   uid  timeout inode\n"
)
REST = "00000000:00000000 00:00000000 00000000  1000        0 2554546 1 00000000a914cc72 100 0 0 10 0"
# A core with three peers, of real EMQX 5.4.1 in a pod.
CAPTURED = (
    HEADER
    + f"""\
   1: 00000000:075B 00000000:0000 0A {REST}
   3: 00000000:1112 00000000:0000 0A {REST}
   4: 00000000:14F9 00000000:0000 0A {REST}
   7: 3E00F40A:88A0 3F00F40A:1112 01 00000000:00000000 00:00000000 00000000  1000        0 2553716 1 0 20 4 30 155 -1
  18: 3E00F40A:1112 4300F40A:BE4A 01 00000000:00000000 00:00000000 00000000  1000        0 2600078 1 0 20 4 29 154 -1
  19: 3E00F40A:A1D4 3E00F40A:1112 06 00000000:00000000 03:000015D9 00000000     0        0 0 3 0000000042d348ab
"""
)
MINE = "10.244.0.62"
ANY = "0.0.0.0"  # noqa: S104 - where they listen


def line(local: str, remote: str, state: str) -> str:
    return f"   0: {local} {remote} {state} {REST}\n"


def test_what_listens_and_what_is_connected() -> None:
    assert sockets.parse(CAPTURED) == {
        Socket(ANY, 1883, listens=True, inode=2554546),
        Socket(ANY, 4370, listens=True, inode=2554546),
        Socket(ANY, 5369, listens=True, inode=2554546),
        Socket(MINE, 0x88A0, "10.244.0.63", 4370),
        Socket(MINE, 4370, "10.244.0.67", 0xBE4A),
    }


@pytest.mark.parametrize(
    ("hexadecimal", "address"),
    [
        ("0100007F", "127.0.0.1"),
        ("00000000000000000000000001000000", "::1"),
        ("B80D0120000000000000000001000000", "2001:db8::1"),
        pytest.param("0000000000000000FFFF00003E00F40A", MINE, id="an IPv4 address on an IPv6 socket"),
    ],
)
def test_addresses(hexadecimal: str, address: str) -> None:
    found = sockets.parse(HEADER_6 + line(f"{hexadecimal}:1112", f"{hexadecimal}:BE4A", "01"))
    assert found == {Socket(address, 4370, address, 0xBE4A)}


def test_a_line_that_ends_before_the_inode_tells_none() -> None:
    assert sockets.parse(f"{HEADER}   0: 00000000:075B 00000000:0000 0A 00000000:00000000\n") == {
        Socket(ANY, 1883, listens=True)
    }


@pytest.mark.parametrize("state", ["02", "03", "04", "05", "06", "07", "08", "09", "0B"])
def test_a_connection_that_begins_or_ends_is_none(state: str) -> None:
    assert sockets.parse(HEADER + line("3E00F40A:1112", "4300F40A:BE4A", state)) == set()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("grep: /proc/net/tcp: No such file or directory\n", id="an error"),
        pytest.param(line("3E00F40A:1112", "4300F40A:BE4A", "01"), id="lines without their header"),
        pytest.param(HEADER + "something else\n", id="a line that is none"),
        pytest.param(HEADER + line("3E00F40:1112", "4300F40A:BE4A", "01"), id="a short address"),
        pytest.param(CAPTURED[: CAPTURED.rindex(" 06 ")], id="cut off in a line"),
    ],
)
def test_what_is_no_such_list_is_not_guessed_at(text: str) -> None:
    assert sockets.parse(text) is None


@pytest.mark.parametrize("state", [pytest.param("01", id="peers"), pytest.param("0A", id="listeners")])
def test_more_than_any_node_has_is_not_judged(state: str) -> None:
    lines = (line(f"3E00F40A:{number:04X}", f"{number:08X}:1112", state) for number in range(1, 502))
    with pytest.raises(UnreadableAnswer, match="not judged: 501 peers and listeners, more than 500"):
        sockets.parse(HEADER + "".join(lines))


def test_the_command_lets_only_what_is_needed_out_of_the_container() -> None:
    program, options, pattern, *files = sockets.command({4370, 5369})
    assert (program, options, files) == ("grep", "-hE", ["/proc/net/tcp", "/proc/net/tcp6"])
    device = line("3E00F40A:075B", "0100600A:DB8A", "01")
    kept = [each for each in (CAPTURED + device).splitlines() if re.search(pattern, each)]
    assert kept == CAPTURED.splitlines()[:-1], "no device, and no connection that has ended"


@given(st.text(alphabet="0123456789ABCDEF :\n", max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = sockets.parse(HEADER + text)
    assert found is None or len(found) <= text.count("\n") + 1
