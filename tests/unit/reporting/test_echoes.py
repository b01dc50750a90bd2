"""Which events of a custom resource are news, and which only show what was just written to it."""

from copy import deepcopy
from typing import Any

import pytest

from emqx_autocluster.reporting.echoes import Echoes

Object = dict[str, Any]
KEY = ("iot", "emqx")
SENT: Object = {"metadata": {"namespace": "iot", "name": "emqx", "labels": {"a": "b"}}, "spec": {}}
WELL, ILL = {"conditions": [{"type": "Ready", "status": "True"}]}, {"conditions": []}


def shown(status: Object | None = None, **metadata: Any) -> Object:
    """As the API server tells it, with what it adds by itself."""
    body = deepcopy(SENT)
    body["metadata"] |= {"generation": 1, "resourceVersion": "7", "uid": "u"} | metadata
    return body if status is None else body | {"status": status}


def created() -> Echoes:
    echoes = Echoes()
    echoes.creating(SENT)
    return echoes


def test_its_own_creation_and_what_was_written_since_are_no_news_however_late_they_are_told() -> None:
    echoes = created()
    echoes.writing(KEY, ILL)
    echoes.writing(KEY, WELL)
    assert [echoes.is_echo(shown(status)) for status in (None, ILL, WELL, WELL)] == [True] * 4


def test_what_was_there_before_the_operator_is_news_once() -> None:
    echoes = Echoes()
    assert not echoes.is_echo(shown(WELL))
    assert echoes.is_echo(shown(WELL, resourceVersion="8")), "listed once more"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"generation": 2}, id="another spec"),
        pytest.param({"labels": {}}, id="a label taken away"),
        pytest.param({"annotations": {"note": "x"}}, id="an annotation"),
        pytest.param({"ownerReferences": [{"uid": "w"}]}, id="an owner"),
        pytest.param({"deletionTimestamp": "2026-11-29T12:00:00Z"}, id="it is being deleted"),
    ],
)
def test_what_a_user_says_is_news(changed: Object) -> None:
    echoes = created()
    assert not echoes.is_echo(shown(**changed))
    assert echoes.is_echo(shown(**changed)), "and known from then on"


def test_a_status_that_somebody_else_wrote_is_news_also_if_it_was_ours_before() -> None:
    echoes = created()
    echoes.writing(KEY, ILL)
    echoes.writing(KEY, WELL)
    assert echoes.is_echo(shown(WELL))
    assert not echoes.is_echo(shown(ILL))
    assert not echoes.is_echo(shown())


def test_one_that_was_deleted_and_made_again_is_news() -> None:
    echoes = created()
    echoes.forget(shown())
    assert not echoes.is_echo(shown())
