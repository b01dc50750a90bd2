"""What Prometheus is told: one series for each state, none of a workload that left, nothing undocumented."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from builders import a_case, a_resource, members, plan_of
from emqx_autocluster import diagnosis, metrics
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing import Memory
from emqx_autocluster.metrics import Deed, State
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.reporting import report, series
from emqx_autocluster.reporting.report import Pass

KEY = ("iot", "Deployment", "emqx")
PREFIX = "emqx_autocluster_"
PAGE = (Path(__file__).parent.parent.parent / "docs" / "metrics.md").read_text()


def samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def of_the_workload(name: str, **labels: str) -> float | None:
    whose = dict(zip(("namespace", "kind", "name"), KEY, strict=True))
    return samples().get((PREFIX + name, frozenset((whose | labels).items())))


@pytest.fixture(autouse=True)
def _nothing_told_before() -> Iterator[None]:
    """Nor afterwards: a whole pass, which other tests make, tells of a workload of this name, too."""
    metrics.WORKLOADS.forget(KEY)
    yield
    metrics.WORKLOADS.forget(KEY)


def noted(case: Case) -> State:
    done = Pass(case, diagnosis.diagnose(case), plan_of(case), Memory())
    state = series.state(report.status(a_resource(), done), done)
    metrics.WORKLOADS.note(series.key(WorkloadRef("iot", WorkloadKind.DEPLOYMENT, "emqx")), state)
    return state


def test_a_split_is_told_as_the_status_tells_it() -> None:
    noted(a_case(members=members("a b", "c", stopped=["emqx@10.9.9.9"])))
    assert of_the_workload("islands") == 2
    assert of_the_workload("stale_nodes") == 1
    assert of_the_workload("members", state="expected") == 3
    statuses = {
        s: of_the_workload("condition", condition="ClusterFormed", status=s)
        for s in ("true", "false", "unknown")
    }
    assert statuses == {"true": 0, "false": 1, "unknown": 0}


def test_what_was_done_last_is_told_with_its_time() -> None:
    metrics.WORKLOADS.note(KEY, State(islands=1))
    done = {"action": "JoinCluster", "result": "succeeded"}
    assert of_the_workload("last_action_timestamp_seconds", **done) is None
    metrics.WORKLOADS.note(KEY, State(islands=1, last_action=Deed(**done, at=7)))
    assert of_the_workload("last_action_timestamp_seconds", **done) == 7


def test_what_can_be_counted_is_there_before_it_first_happens() -> None:
    metrics.expect(actions=["Wave"], guards=["Sentry"], failures=["Trouble"])
    told = samples()
    assert told[PREFIX + "actions_total", frozenset({"action": "Wave", "result": "failed"}.items())] == 0
    assert told[PREFIX + "heals_refused_total", frozenset({"guard": "Sentry"}.items())] == 0
    assert told[PREFIX + "retries_total", frozenset({"reason": "Trouble"}.items())] == 0


def test_what_is_not_known_has_no_series() -> None:
    metrics.WORKLOADS.note(KEY, State(members={"expected": 3, "clustered": None}))
    assert of_the_workload("members", state="expected") == 3
    assert of_the_workload("members", state="clustered") is None
    assert of_the_workload("islands") is None


def test_a_workload_that_left_has_no_series() -> None:
    metrics.WORKLOADS.note(KEY, State(islands=1))
    metrics.WORKLOADS.forget(KEY)
    assert not [name for name, labels in samples() if ("name", "emqx") in labels]


def test_sockets_as_they_were_verify_what_is_known_and_nothing_else() -> None:
    metrics.WORKLOADS.verified(KEY, 5)
    assert of_the_workload("last_verified_timestamp_seconds") is None
    metrics.WORKLOADS.note(KEY, State(islands=1, verified_at=1))
    metrics.WORKLOADS.verified(KEY, 5)
    assert (of_the_workload("last_verified_timestamp_seconds"), of_the_workload("islands")) == (5, 1)


def test_how_long_it_took_is_told_also_of_what_failed() -> None:
    seen: list[float] = []
    with pytest.raises(ValueError, match="broken"), metrics.timed(seen.append):
        raise ValueError("broken")
    assert len(seen) == 1


def test_all_that_is_exported_is_documented_with_its_labels_and_nothing_else() -> None:
    metrics.WORKLOADS.note(KEY, State({"Ready": "True"}, {"ready": 3}, 1, 0))
    rows = re.findall(r"^\| `([a-z_]+)` \| ([a-z, ]*) ?\|", PAGE, re.MULTILINE)
    documented = {name: frozenset(filter(None, labels.strip().split(", "))) for name, labels in rows}
    exported = {}
    for family in metrics.REGISTRY.collect():
        name = family.name.removeprefix(PREFIX) + {"counter": "_total", "info": "_info"}.get(family.type, "")
        of_samples = {label for sample in family.samples for label in sample.labels} - {"le"}
        exported[name] = of_samples
    assert set(exported) == set(documented)
    for name, labels in exported.items():
        assert labels <= documented[name], name


def test_nothing_is_told_but_the_series_themselves() -> None:
    metrics.ACTIONS.labels("JoinCluster", "succeeded").inc()
    assert not [name for name, _ in samples() if name.endswith("_created")]


@pytest.mark.parametrize("family", list(metrics.REGISTRY.collect()), ids=lambda family: family.name)
def test_each_is_named_and_explained_as_prometheus_asks_for(family: object) -> None:
    name, words = getattr(family, "name", ""), getattr(family, "documentation", "")
    assert re.fullmatch(r"emqx_autocluster_[a-z_]+", name)
    assert words.endswith(".")
    assert not name.endswith(("_total", "_count", "_milliseconds", "_minutes"))
