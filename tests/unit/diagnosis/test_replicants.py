"""Replicants: judged by what they need, which is cores; and nothing is ever done to them.

What real 5.4.1 showed: a replicant without a core waits in its boot; one that has lost all cores stays Ready and
answers nothing; a join succeeds on it and pins it.
"""

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    DEAD_PROXY,
    NOT_READ,
    REPLICANTS,
    a_case,
    a_member,
    ago,
    changed,
    core_node,
    cores,
    judge,
    members,
    node_of,
    outline,
    plan_of,
    replicants_case,
    some_endpoints,
    some_replicants,
    some_rights,
    tells,
)
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import configuration, formation
from emqx_autocluster.observation import (
    DiscoveryError,
    DiscoveryTrace,
    EndpointAddress,
    Endpoints,
    EnvVar,
    Member,
    Stranger,
    View,
)

FORBIDDEN = DiscoveryTrace(DiscoveryError.FORBIDDEN, "Core node discovery error: {403, forbidden}")


def waiting(**facts: Any) -> tuple[Member, ...]:
    """In their boot for an hour, each with nobody in sight."""
    return tuple(
        replace(
            a_member(name, replicant=True, pinned_to=None, **facts),
            view=View(frozenset({node_of(name)})),
            pod=replace(a_member(name).pod, ready=False),
        )
        for name in REPLICANTS
    )


class TestWell:
    def test_nothing_is_wrong(self) -> None:
        case = replicants_case()
        assert diagnosis.problems(case, diagnosis.diagnose(case)) == ()

    def test_a_core_of_their_cluster_lists_them(self) -> None:
        finding = judge(replicants_case(), ConditionType.CLUSTER_FORMED)
        tells(finding, (Status.TRUE, Reason.ALL_MEMBERS_CLUSTERED), "all 2 replicants", "core-0, core-1")

    def test_all_are_counted_as_clustered(self) -> None:
        assert formation.clustered(replicants_case()) == 2

    def test_a_rollout_may_be_quick(self) -> None:
        finding = judge(replicants_case(min_ready_seconds=0), ConditionType.ROLLOUT_SAFE)
        tells(finding, (Status.TRUE, Reason.NOT_APPLICABLE), "only once it has a core")

    def test_they_leave_no_name_behind(self) -> None:
        group = tuple(replace(m, view=View(m.view.running, frozenset({core_node(7)}))) for m in _connected())
        finding = judge(replicants_case(members=group), ConditionType.STALE_NODES_PRESENT)
        tells(finding, (Status.FALSE, Reason.NO_STALE_NODES))

    def test_one_service_for_cores_and_replicants_is_well_with_type_ip(self) -> None:
        behind = tuple(_named_by_ip(core) for core in cores("0 1", replicants=map(node_of, REPLICANTS)))
        group = some_replicants(*(core.node or "" for core in behind))
        everybody = some_endpoints((*behind, *group))
        case = replicants_case(
            env={"EMQX_CLUSTER__K8S__ADDRESS_TYPE": "ip"}, cores=behind, members=group, endpoints=everybody
        )
        assert diagnosis.problems(case, diagnosis.diagnose(case)) == ()


def _connected() -> tuple[Member, ...]:
    return some_replicants(core_node(0), core_node(1))


def _named_by_ip(core: Member) -> Member:
    node = f"emqx@{core.pod.ip}"
    names = frozenset({"emqx@10.244.0.100", "emqx@10.244.0.101", *map(node_of, REPLICANTS)})
    identity = a_member("0").identity
    assert not isinstance(identity, type(NOT_READ))
    own = replace(identity, environ={"EMQX_NODE__NAME": node})
    return replace(core, node=node, view=View(names), identity=own)


class TestWithoutACore:
    def test_in_the_boot(self) -> None:
        finding = judge(replicants_case(members=waiting()), ConditionType.CLUSTER_FORMED)
        tells(finding, (Status.FALSE, Reason.CORE_AWAITED), "emqx-a (and 1 more)", "no restart and no join")

    def test_its_own_log_says_why(self) -> None:
        case = replicants_case(members=waiting(discovery_trace=FORBIDDEN))
        tells(
            judge(case, ConditionType.CLUSTER_FORMED),
            (Status.FALSE, Reason.CORE_AWAITED),
            "Core node discovery error: {403",
        )

    def test_also_while_its_rollout_waits_for_it(self) -> None:
        case = replicants_case(members=waiting(), available_replicas=0, ready_replicas=0)
        assert not case.progressing
        tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.FALSE, Reason.CORE_AWAITED))

    def test_a_dead_proxy_is_named(self) -> None:
        case = replicants_case(env={"EMQX_CLUSTER__K8S__APISERVER": DEAD_PROXY}, members=waiting())
        finding = judge(case, ConditionType.CONFIGURATION_VALID)
        tells(finding, (Status.FALSE, Reason.API_SERVER_UNREACHABLE), DEAD_PROXY)
        assert finding.repairable

    def test_a_proxy_by_which_they_found_their_cores_is_left_alone(self) -> None:
        case = replicants_case(env={"EMQX_CLUSTER__K8S__APISERVER": DEAD_PROXY})
        tells(judge(case, ConditionType.CONFIGURATION_VALID), (Status.FALSE, Reason.PLAIN_HTTP_API_SERVER))

    def test_a_young_one_is_waited_for(self) -> None:
        group = tuple(
            replace(m, pod=replace(m.pod, created=ago(12), running_since=ago(10))) for m in waiting()
        )
        finding = judge(replicants_case(members=group, available_replicas=0), ConditionType.CLUSTER_FORMED)
        tells(finding, (Status.UNKNOWN, Reason.TARGET_PROGRESSING))

    def test_ready_with_all_cores_gone(self) -> None:
        case = replicants_case(members=some_replicants(), cores=(), endpoints=Endpoints(()))
        finding = judge(case, ConditionType.CLUSTER_FORMED)
        tells(finding, (Status.FALSE, Reason.CORES_GONE), "emqx-a, emqx-b", "answers none")
        assert formation.clustered(case) == 0

    def test_replicants_of_others_are_no_cores(self) -> None:
        other = "emqx@10.244.9.9"
        strangers = {other: Stranger("pod edge-x of Deployment edge", replicant=True)}
        case = replicants_case(members=some_replicants(other), cores=(), strangers=strangers)
        tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.FALSE, Reason.CORES_GONE))

    def test_a_node_of_which_nothing_is_known_may_be_a_core(self) -> None:
        case = replicants_case(members=some_replicants("emqx@10.244.9.9"), cores=())
        tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.UNKNOWN, Reason.PROBE_FAILED))

    def test_address_type_is_not_blamed(self) -> None:
        case = replicants_case(members=some_replicants(), cores=(), endpoints=Endpoints(()))
        tells(judge(case, ConditionType.CONFIGURATION_VALID), (Status.TRUE, Reason.CONFIGURATION_ACCEPTED))

    def test_what_could_not_be_read_is_not_known(self) -> None:
        group = changed(_connected(), "a", view=NOT_READ)
        finding = judge(replicants_case(members=group), ConditionType.CLUSTER_FORMED)
        tells(finding, (Status.UNKNOWN, Reason.PROBE_FAILED), "emqx-a")

    @pytest.mark.parametrize(
        "behind",
        [pytest.param(NOT_READ, id="no list"), pytest.param(cores("0 1", view=NOT_READ), id="no views")],
    )
    def test_unread_cores_are_not_known(self, behind: Any) -> None:
        case = replicants_case(cores=behind, members=_connected(), endpoints=some_endpoints(cores("0 1")))
        tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.UNKNOWN, Reason.PROBE_FAILED))

    def test_a_core_that_does_not_list_it(self) -> None:
        case = replicants_case(cores=cores("0 1", replicants=[node_of("a")]), members=_connected())
        tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.UNKNOWN, Reason.VIEWS_DIFFER), "emqx-b")


class TestPinned:
    def test_while_its_core_lives(self) -> None:
        group = changed(_connected(), "a", pinned_to=core_node(1))
        case = replicants_case(members=group)
        finding = judge(case, ConditionType.ROLLOUT_SAFE)
        tells(finding, (Status.FALSE, Reason.PINNED_TO_CORE), "emqx-a", core_node(1), "cluster leave")
        tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.TRUE, Reason.ALL_MEMBERS_CLUSTERED))

    def test_once_its_core_is_gone_though_another_lives(self) -> None:
        own = tuple(map(node_of, REPLICANTS))
        group = changed(some_replicants(core_node(0)), "a", pinned_to=core_node(1))
        case = replicants_case(members=group, cores=cores("0", replicants=own))
        finding = judge(case, ConditionType.CLUSTER_FORMED)
        tells(finding, (Status.FALSE, Reason.CORES_GONE), "emqx-a", core_node(1), "cluster leave")


class TestCoresApart:
    def test_two_cores_that_do_not_list_each_other_are_no_cluster(self) -> None:
        own = tuple(map(node_of, REPLICANTS))

        def seeing(*numbers: int) -> View:
            return View(frozenset({*map(core_node, numbers), *own}))

        whole = cores("0 1 2", replicants=own)
        parted = tuple(
            replace(c, view=seeing(*n)) for c, n in zip(whole, [(0, 1), (0, 1, 2), (1, 2)], strict=True)
        )
        finding = judge(replicants_case(cores=parted), ConditionType.CLUSTER_FORMED)
        tells(finding, (Status.UNKNOWN, Reason.VIEWS_DIFFER), "core-0 and core-2 do not list each other")

    def test_it_is_told_from_the_cores_own_views(self) -> None:
        own = tuple(map(node_of, REPLICANTS))
        case = replicants_case(cores=cores("0", "1", replicants=own), members=_connected())
        finding = judge(case, ConditionType.CLUSTER_FORMED)
        tells(finding, (Status.FALSE, Reason.CORES_SPLIT), "core-0 | core-1", "StatefulSet core")

    def test_shared_replicants_do_not_tie_cores_together(self) -> None:
        """Seen from the cores' own workload, which both lists of running nodes have the replicants in."""
        guests = {"emqx@10.244.9.1": Stranger("pod r-x of Deployment r", replicant=True)}
        group = tuple(
            replace(m, view=View(frozenset({m.node or "", *guests})))
            for m in members("a", "b", connections=0)
        )
        case = a_case(members=group, strangers=guests, replicas=2)
        tells(judge(case, ConditionType.CLUSTER_FORMED), (Status.FALSE, Reason.NOT_FORMED))
        assert "JoinCluster Pod/emqx-b" in outline(plan_of(case))

    def test_they_are_no_foreign_nodes_to_the_cores(self) -> None:
        guests = {"emqx@10.244.9.1": Stranger("pod r-x of Deployment r", replicant=True)}
        group = tuple(replace(m, view=View(m.view.running | guests.keys())) for m in members("a b c"))
        finding = judge(a_case(members=group, strangers=guests), ConditionType.CLUSTER_FORMED)
        tells(finding, (Status.TRUE, Reason.ALL_MEMBERS_CLUSTERED), "1 replicants are connected")


class TestService:
    def test_it_need_not_select_them(self) -> None:
        tells(
            judge(replicants_case(), ConditionType.DISCOVERY_READY), (Status.TRUE, Reason.ENDPOINTS_PUBLISHED)
        )

    def test_none_is_offered_where_it_does_not_exist(self) -> None:
        case = replicants_case(
            service=None, endpoints=None, members=waiting(), spec={"discovery": {"createService": True}}
        )
        finding = judge(case, ConditionType.DISCOVERY_READY)
        tells(finding, (Status.FALSE, Reason.SERVICE_NOT_FOUND), "of their cores")
        assert not finding.repairable
        assert "kubectl apply" not in finding.message
        assert "CreateService" not in " ".join(outline(plan_of(case)))

    def test_one_without_a_selector(self) -> None:
        service = replicants_case().observation.service
        assert service
        assert not isinstance(service, type(NOT_READ))
        case = replicants_case(service=replace(service, selector={}), members=waiting())
        tells(judge(case, ConditionType.DISCOVERY_READY), (Status.FALSE, Reason.SELECTOR_MISMATCH))

    @pytest.mark.parametrize(
        ("listed", "word"),
        [
            pytest.param(Endpoints(()), "lists no address", id="nobody"),
            pytest.param(
                Endpoints(tuple(EndpointAddress(m.pod.ip or "") for m in waiting())),
                "only the replicants themselves",
                id="its own pods",
            ),
        ],
    )
    def test_one_that_leads_to_no_core(self, listed: Endpoints, word: str) -> None:
        case = replicants_case(endpoints=listed, members=waiting(), cores=())
        finding = judge(case, ConditionType.DISCOVERY_READY)
        tells(finding, (Status.FALSE, Reason.CORES_NOT_LISTED), word)
        assert "kubectl set selector" not in finding.message

    def test_names_that_no_core_has(self) -> None:
        case = replicants_case(env={"EMQX_CLUSTER__K8S__ADDRESS_TYPE": "ip"}, members=waiting())
        finding = judge(case, ConditionType.DISCOVERY_READY)
        tells(
            finding,
            (Status.FALSE, Reason.NODE_NAME_MISMATCH),
            "emqx@10.244.0.100",
            f"core-0 calls itself {core_node(0)}",
        )


class TestSettings:
    @pytest.mark.parametrize(
        ("image", "refused"),
        [
            ("emqx/emqx:5.8.9", True),
            ("emqx/emqx:5.8.0", True),
            ("mirror.example:5000/emqx/emqx:5.8.9", True),
            ("emqx/emqx:5.7.2", False),
            ("emqx/emqx:5.9.0", False),
            ("emqx/emqx-enterprise:5.8.9", False),
            ("mirror.example/broker:5.8.9", False),
        ],
    )
    def test_the_open_source_edition_refuses_the_role(self, image: str, refused: bool) -> None:  # noqa: FBT001
        case = replicants_case(image=image, members=(), cores=())
        found = judge(case, ConditionType.CONFIGURATION_VALID)
        assert (found.reason is Reason.ROLE_REFUSED) == refused, found

    @pytest.mark.parametrize(
        ("image", "told"),
        [
            pytest.param("registry.example.com/iot/emqx:5.8.9", True, id="a registry of one's own"),
            pytest.param("emqx:5.8.9", True, id="no owner"),
            pytest.param(
                "registry.example.com/iot/emqx:5.7.2", False, id="while both editions had replicants"
            ),
            pytest.param("registry.example.com/iot/emqx:5.9.0", False, id="since there is one edition"),
            pytest.param("registry.example.com/iot/emqx-ee:5.8.9", False, id="it is Enterprise by its name"),
            pytest.param(
                "emqx/emqx:5.8.9", False, id="it is open source by its name, which is told as wrong"
            ),
        ],
    )
    def test_an_edition_that_the_image_does_not_tell(self, image: str, *, told: bool) -> None:
        found = configuration.problems(replicants_case(image=image, members=(), cores=()))
        unknowns = [f for f in found if f.status is Status.UNKNOWN]
        assert [f.reason for f in unknowns] == [Reason.VERSION_UNKNOWN] * told
        assert [(image in f.message, f.field) for f in unknowns] == [(True, "image")] * told

    @pytest.mark.parametrize(
        ("facts", "refused"),
        [
            pytest.param({}, False, id="which answers: it has the role"),
            pytest.param({"view": NOT_READ}, False, id="which is Ready, and was not asked: it has the role"),
            pytest.param(
                {"view": NOT_READ, "ready": False, "running_since": ago(61)},
                False,
                id="which runs for longer than a boot takes: it has the role",
            ),
            pytest.param(
                {"view": NOT_READ, "ready": False, "running_since": ago(3)},
                True,
                id="whose container was started again a moment ago: that disproves nothing",
            ),
        ],
    )
    def test_beside_one_that_runs(self, facts: dict[str, Any], refused: bool) -> None:  # noqa: FBT001
        case = replicants_case(image="emqx/emqx:5.8.9", members=changed(some_replicants(), "a", **facts)[:1])
        assert (judge(case, ConditionType.CONFIGURATION_VALID).reason is Reason.ROLE_REFUSED) == refused

    def test_without_a_host_it_ends_at_once(self) -> None:
        case = replicants_case(env={"EMQX_HOST": None}, members=(), cores=())
        finding = judge(case, ConditionType.CONFIGURATION_VALID)
        tells(finding, (Status.FALSE, Reason.HOST_MISSING), "EMQX_HOST", "empty log", "status.podIP")
        assert "ADDRESS_TYPE=ip" not in finding.message

    @pytest.mark.parametrize(
        "facts",
        [
            pytest.param(
                {"env": {"EMQX_HOST": None, "EMQX_NODE__NAME": "emqx@$(POD_IP)"}}, id="a whole name"
            ),
            pytest.param({"env": {"EMQX_HOST": None}, "subdomain": "cores"}, id="a subdomain"),
            pytest.param({"env": {"EMQX_HOST": None, "EMQX_CLUSTER__K8S__ADDRESS_TYPE": "ip"}}, id="type ip"),
            pytest.param(
                {"env": {"EMQX_HOST": None, "EMQX_CLUSTER__K8S__NAMESPACE": None}},
                id="no namespace in env, so that the entrypoint takes the address",
            ),
        ],
    )
    def test_it_is_named_in_another_way(self, facts: dict[str, Any]) -> None:
        case = replicants_case(**facts, members=(), cores=())
        found = diagnosis.problems(case, diagnosis.diagnose(case))
        assert Reason.HOST_MISSING not in {finding.reason for finding in found}

    @pytest.mark.parametrize(
        ("image", "ends"),
        [
            ("emqx/emqx:5.0.20", True),
            ("emqx/emqx:5.0.21", False),
            pytest.param("emqx/emqx-enterprise:5.0.3", False, id="the editions differ, so it is not certain"),
        ],
    )
    def test_a_whole_name_that_is_not_read_does_not_name_it(self, image: str, ends: bool) -> None:  # noqa: FBT001
        env = {"EMQX_HOST": None, "EMQX_NODE__NAME": "emqx@$(POD_IP)"}
        found = configuration.problems(replicants_case(image=image, env=env, members=(), cores=()))
        told = [f.message for f in found if f.reason is Reason.HOST_MISSING]
        assert [("EMQX_NODE__NAME is set and has no effect" in message) for message in told] == [True] * ends

    @pytest.mark.parametrize(
        ("image", "env", "told"),
        [
            pytest.param("emqx/emqx:5.0.10", {}, True, id="before it had that name"),
            pytest.param("emqx/emqx:5.0.22", {}, True, id="the last without it"),
            pytest.param("emqx/emqx:5.0.23", {}, False, id="the first with it"),
            pytest.param("emqx/emqx:5.0.10", {"EMQX_NODE__DB_ROLE": "replicant"}, False, id="by both names"),
            pytest.param(
                "emqx/emqx:5.0.10",
                {"EMQX_NODE__ROLE": None, "EMQX_NODE__DB_ROLE": "replicant"},
                False,
                id="by the old name",
            ),
        ],
    )
    def test_a_role_by_a_name_that_is_not_read(
        self, image: str, env: dict[str, str | None], *, told: bool
    ) -> None:
        case = replicants_case(image=image, env=env, members=(), cores=())
        assert case.is_replicant, "or is meant to be"
        found = [f for f in configuration.problems(case) if f.reason is Reason.VARIABLE_OF_OTHER_VERSION]
        assert [f.sets for f in found] == [(("EMQX_NODE__DB_ROLE", "replicant"),)] * told

    def test_a_role_that_only_one_edition_reads(self) -> None:
        case = replicants_case(image="emqx/emqx:5.0.4", members=(), cores=())
        told = [f.message for f in configuration.problems(case) if f.status is Status.UNKNOWN]
        assert "open-source EMQX reads EMQX_NODE__ROLE since 5.0.23, and Enterprise since 5.0.3" in told

    def test_strategy_manual_finds_no_core(self) -> None:
        case = replicants_case(env={"EMQX_CLUSTER__DISCOVERY_STRATEGY": "manual"}, replicas=1)
        finding = judge(case, ConditionType.CONFIGURATION_VALID)
        tells(finding, (Status.FALSE, Reason.STRATEGY_UNSUITABLE), "never look for a core")


class TestNothingIsDoneToThem:
    @pytest.mark.parametrize(
        "group",
        [
            pytest.param(waiting(), id="waiting for a core"),
            pytest.param(some_replicants(), id="with all cores gone"),
            pytest.param(_connected(), id="connected"),
            pytest.param(
                tuple(
                    replace(m, view=View(frozenset({node_of(n)})))
                    for n, m in zip("ab", _connected(), strict=True)
                ),
                id="each sees only itself",
            ),
        ],
    )
    @pytest.mark.parametrize("rights", [some_rights(), some_rights(allowed=False)])
    def test_no_step_touches_a_node(self, group: tuple[Member, ...], rights: Any) -> None:
        stopped = frozenset({core_node(1), "emqx@10.244.9.9"})
        seen = tuple(
            replace(m, view=View(m.view.running, stopped)) for m in group if isinstance(m.view, View)
        )
        steps = outline(plan_of(replicants_case(members=seen, rights=rights)))
        assert [
            s for s in steps if s.startswith(("JoinCluster", "ForceLeave", "EnableDiscovery", "Evict"))
        ] == []

    def test_a_core_is_never_told_to_join_one(self) -> None:
        """A template that changed from core to replicant: some pods are one, some the other."""
        group = (*members("a", "b"), replace(a_member("c"), replicant=True))
        case = a_case(members=group)
        assert [i[0].pod.name for i in case.membership.islands] == ["emqx-a", "emqx-b"]
        assert "Pod/emqx-c" not in " ".join(outline(plan_of(case)))

    def test_rights_are_given_to_them_as_to_any(self) -> None:
        case = replicants_case(members=waiting(), rights=some_rights(allowed=False))
        assert outline(plan_of(case)) == [
            "CreateRole Role/emqx-discovery",
            "CreateRoleBinding RoleBinding/emqx-discovery",
        ]

    def test_nobody_is_joined_while_the_role_is_not_known(self) -> None:
        secret = EnvVar("EMQX_NODE__ROLE", None, {"secretKeyRef": {"name": "roles", "key": "role"}})
        case = a_case(env={"EMQX_NODE__ROLE": secret}, members=members("a", "b c"))
        plan = plan_of(case)
        assert plan.hold
        assert plan.hold.reason is Reason.SETTING_UNREADABLE
        assert "JoinCluster" not in " ".join(outline(plan))
