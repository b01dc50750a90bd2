"""Where a repair stands, told by what the status plans next."""

import pytest

from builders import AT
from emqx_autocluster.api.v1alpha1 import PlannedAction, Procedure, StatusModel
from emqx_autocluster.commands import stages
from emqx_autocluster.commands.stages import Stage
from emqx_autocluster.healing import Action


def a_status(*actions: str, begun: bool) -> StatusModel:
    planned = tuple(PlannedAction(action=action, subject="x", message="m") for action in actions)
    return StatusModel(planned_actions=planned, procedure=Procedure(started_at=AT) if begun else None)


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        pytest.param(a_status(begun=True), None, id="nothing is left"),
        pytest.param(a_status("JoinCluster", begun=False), Stage.GATE, id="no step was taken yet"),
        pytest.param(
            a_status("JoinCluster", "CreateRole", begun=True), Stage.GATHER, id="members are gathered"
        ),
        pytest.param(a_status("CreateRole", "PatchWorkload", begun=True), Stage.RIGHTS, id="rights are made"),
        pytest.param(a_status("AwaitRollout", "ForceLeave", begun=True), Stage.ROLL, id="a rollout goes on"),
        pytest.param(a_status("ForceLeave", begun=True), Stage.CLEAR, id="only names are left"),
        pytest.param(a_status("OfALaterVersion", begun=True), None, id="an action that is not known here"),
    ],
)
def test_the_next_action_tells_the_stage(status: StatusModel, stage: Stage | None) -> None:
    assert stages.current(status) is stage


@pytest.mark.parametrize("action", Action)
def test_every_action_has_its_stage(action: Action) -> None:
    assert stages.current(a_status(action, begun=True)) is not None
