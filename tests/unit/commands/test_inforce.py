"""The settings in force: nothing that EMQX does not read, a node's name as a whole, and no password."""

import pytest

from builders import a_case
from emqx_autocluster.commands import inforce
from emqx_autocluster.emqx.discovery import API_SERVER, HOST, LONG_NODE_NAME, NODE_NAME


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("emqx/emqx:5.0.21", [("emqx@10.0.0.1", True)]),
        ("emqx/emqx:5.0.20", []),
        pytest.param(
            "emqx/emqx:5.0.3",
            [("open-source EMQX reads EMQX_NODE__NAME since 5.0.21, and Enterprise since 5.0.2", False)],
            id="the editions differ",
        ),
    ],
)
def test_a_name_counts_as_far_as_it_is_read(image: str, shown: list[tuple[str, bool]]) -> None:
    found = inforce.settings(a_case(image=image, env={LONG_NODE_NAME: "emqx@10.0.0.1"}, members=()))
    assert [(each.value, each.known) for each in found if each.name == LONG_NODE_NAME] == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        (NODE_NAME, "emqx@10.0.0.1", "emqx@10.0.0.1"),
        (HOST, "https://admin:secret@10.0.0.1", "https://10.0.0.1"),
        (API_SERVER, "admin@10.0.0.1", "10.0.0.1"),
    ],
)
def test_a_nodes_name_is_whole_and_no_user_of_an_address_is_told(name: str, value: str, shown: str) -> None:
    found = {each.name: each.value for each in inforce.settings(a_case(env={name: value}, members=()))}
    assert found[name] == shown
