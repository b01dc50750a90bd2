"""What is watched, and how much of it. Watches themselves are in tests/faults and tests/apiserver."""

import pytest

from emqx_autocluster.api.v1alpha1 import PLURAL
from emqx_autocluster.runtime import handlers


@pytest.mark.parametrize(
    ("namespaces", "within"), [(None, [""]), (("iot", "plant"), ["/namespaces/iot", "/namespaces/plant"])]
)
def test_of_all_that_is_watched_but_our_own_resource_the_metadata_alone_is_asked_for(
    namespaces: tuple[str, ...] | None, within: list[str]
) -> None:
    others = [(group, plural) for group, plural in handlers.WATCHED if plural != PLURAL]
    paths = [
        (f"/apis/{group}/v1" if group else "/api/v1") + place + f"/{plural}"
        for group, plural in others
        for place in within
    ]
    assert len(paths) == 5 * len(within)
    assert sorted(handlers.metadata_only(namespaces)) == sorted(paths)
