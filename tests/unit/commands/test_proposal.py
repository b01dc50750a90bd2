"""`emqx-autocluster plan`: what Repair would do, for people and for a Git repository."""

import pytest
import yaml
from rich.console import Console

from builders import DEAD_PROXY, a_case, ago, changed, members, the_seed_story
from emqx_autocluster.commands import checkup, proposal
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER


def shown(case: Case) -> str:
    console = Console(width=80, record=True, file=None)
    with console.capture() as captured:
        proposal.show(console, checkup.examine(case))
    return captured.get()


def test_the_commands_the_diff_and_the_patch_are_shown() -> None:
    lines = shown(the_seed_story()).splitlines()
    assert any(line.startswith("   kubectl exec -n iot") and "cluster join" in line for line in lines)
    assert f"- env {API_SERVER}: {DEAD_PROXY}" in lines
    assert f"+ env {API_SERVER}: {CANONICAL_API_SERVER}" in lines
    assert "kind: Deployment" in lines


def test_the_patch_names_its_workload_as_kustomize_wants_it() -> None:
    patch = yaml.safe_load(proposal.patch(checkup.examine(the_seed_story())))
    assert (patch["apiVersion"], patch["kind"]) == ("apps/v1", "Deployment")
    assert patch["metadata"] == {"name": "emqx", "namespace": "iot"}
    [container] = patch["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": API_SERVER, "value": CANONICAL_API_SERVER, "valueFrom": None}]


def test_a_healthy_workload_has_no_plan_and_no_patch() -> None:
    assert "nothing to do" in shown(a_case())
    assert proposal.patch(checkup.examine(a_case())) == ""


def test_why_nothing_is_planned_yet_is_told() -> None:
    young = changed(members("a", "b", "c"), "b", running_since=ago(5))
    said = shown(a_case(env={API_SERVER: "nonsense"}, members=young))
    assert "Repair would wait (NodesStarting)" in said
    assert "nothing to do" not in said


@pytest.mark.parametrize("address", ["http://joe:secret@192.168.1.31:8888", "ftp://joe:secret@192.168.1.31"])
def test_no_password_of_an_address_is_shown(address: str) -> None:
    assert "secret" not in shown(the_seed_story(env={API_SERVER: address}))
