"""A path in the API is made of names alone: what somebody put into a variable leads to no other object."""

from collections.abc import Callable

import pytest

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import UnsafeArgument

REFUSED = {
    "a proxy through the API server": "web:80/proxy/x",
    "an object further up": "../pods/a",
    "the collection itself": "",
    "the folder": ".",
    "a query": "emqx?watch=true",
    "a fragment": "emqx#a",
    "a code of a slash": "a%2Fproxy",
    "another line": "emqx\nX: y",
    "letters of another script": "емqx",
    "longer than a name": "a" * 254,
}


@pytest.mark.parametrize("name", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("path", [paths.services, paths.endpoints, paths.configmaps, paths.pod_exec])
def test_refused(path: Callable[[str, str], str], name: str) -> None:
    with pytest.raises(UnsafeArgument, match="is no name that an object of Kubernetes can have"):
        paths.checked(path("iot", name))
    with pytest.raises(UnsafeArgument):
        paths.checked(path(name, "emqx"))


def test_every_path_that_we_make_of_names_is_one() -> None:
    for path in (
        paths.services("iot", "emqx"),
        paths.pods("iot", "emqx-0"),
        paths.pod_log("iot", "emqx.example-0"),
        paths.rolebindings("iot"),
        paths.emqxautocluster_status("iot", "emqx"),
        paths.emqxautoclusters() + "?limit=1",
    ):
        assert paths.checked(path) == path
