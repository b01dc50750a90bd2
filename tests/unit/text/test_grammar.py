"""Which names may become part of a path or a command."""

import pytest

from emqx_autocluster.text import grammar

NODES = {
    "by address": ("emqx@10.0.0.1", True),
    "by name": ("emqx@emqx-0.emqx.iot.svc.cluster.local", True),
    "by address of IPv6": ("emqx@fd00::1", True),
    "no host": ("emqx@", False),
    "no @": ("emqx", False),
    "a command after it": ("emqx@10.0.0.1;reboot", False),
    "an option": ("-x@10.0.0.1", False),
    "a substitution": ("emqx@$(id)", False),
    "two lines": ("emqx@a\n", False),
    "letters that only look like others": ("еmqx@10.0.0.1", False),
    "longer than an atom": (f"emqx@{'a' * 255}", False),
}
NAMES = {
    "a label": ("emqx-0", True),
    "a subdomain": ("emqx.example", True),
    "empty": ("", False),
    "capitals": ("Emqx", False),
    "a path": ("web:80/proxy/x", False),
    "up": ("..", False),
    "an option": ("-n", False),
    "digits of another script": ("emqx-٥", False),
    "two lines": ("emqx\n", False),
    "too long": ("a" * 254, False),
}


@pytest.mark.parametrize(("text", "good"), NODES.values(), ids=NODES)
def test_node(text: str, good: bool) -> None:  # noqa: FBT001 - the expectation
    assert grammar.is_node(text) is good


@pytest.mark.parametrize(("text", "good"), NAMES.values(), ids=NAMES)
def test_name(text: str, good: bool) -> None:  # noqa: FBT001 - the expectation
    assert grammar.is_name(text) is good


def test_a_label_is_a_name_without_dots_and_shorter() -> None:
    assert grammar.is_label("emqx")
    assert not grammar.is_label("emqx.example")
    assert not grammar.is_label("a" * 64)
