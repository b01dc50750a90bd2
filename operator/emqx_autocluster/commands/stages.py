"""Where a repair stands: gate → gather → rights → publish → roll → settle → clear, by what the status plans next."""

from enum import StrEnum

from emqx_autocluster.api.v1alpha1 import StatusModel
from emqx_autocluster.healing import Action


class Stage(StrEnum):
    """In their order."""

    GATE = "gate"
    GATHER = "gather"
    RIGHTS = "rights"
    PUBLISH = "publish"
    ROLL = "roll"
    SETTLE = "settle"
    CLEAR = "clear"


_OF_AN_ACTION: dict[str, Stage] = {
    Action.JOIN_CLUSTER: Stage.GATHER,
    Action.CREATE_SERVICE_ACCOUNT: Stage.RIGHTS,
    Action.CREATE_ROLE: Stage.RIGHTS,
    Action.UPDATE_ROLE: Stage.RIGHTS,
    Action.CREATE_ROLE_BINDING: Stage.RIGHTS,
    Action.UPDATE_ROLE_BINDING: Stage.RIGHTS,
    Action.CREATE_SERVICE: Stage.PUBLISH,
    Action.PATCH_WORKLOAD: Stage.ROLL,
    Action.AWAIT_ROLLOUT: Stage.ROLL,
    Action.HOLD_ROLLOUT: Stage.ROLL,
    Action.CONTINUE_ROLLOUT: Stage.ROLL,
    Action.ENABLE_DISCOVERY: Stage.SETTLE,
    Action.EVICT_POD: Stage.SETTLE,
    Action.FORCE_LEAVE: Stage.CLEAR,
}


def current(status: StatusModel) -> Stage | None:
    """None: nothing is to be done. Before the first step was taken everything stands at the gate."""
    if not status.planned_actions:
        return None
    if status.procedure is None:
        return Stage.GATE
    return _OF_AN_ACTION.get(status.planned_actions[0].action)
