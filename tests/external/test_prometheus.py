"""A real Prometheus, which has to be installed, beside a real operator: alerts come and go, and each panel has data."""

import asyncio
import json
import math
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from repairs import alone
from story import Story
from test_dashboard import DASHBOARD, PANELS, VARIABLES
from test_metrics import PAGE
from test_monitoring import GROUPS, ROOT

Object = dict[str, Any]
PROMETHEUS = shutil.which("prometheus")
BROKEN = {"EMQXClusterSplit", "EMQXClusterNotFormed", "EMQXDiscoveryBroken", "EMQXRolloutUnsafe"}
"""What two members that do not know each other, without rights and without minReadySeconds, set off."""
RATE = "15s"
"""For Grafana's $__rate_interval, which it makes of the interval between two scrapes."""
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str
    session: aiohttp.ClientSession
    began: datetime

    async def ask(self, path: str, **what: str) -> Any:
        async with self.session.get(f"{self.url}/api/v1/{path}", params=what) as answer:
            body = await answer.json()
        assert body["status"] == "success", f"{what}: {body.get('error')}"
        return body["data"]

    async def firing(self, namespace: str) -> dict[str, str]:
        """Alert -> its summary."""
        alerts = (await self.ask("alerts"))["alerts"]
        return {
            alert["labels"]["alertname"]: alert["annotations"]["summary"]
            for alert in alerts
            if alert["labels"].get("namespace") == namespace and alert["state"] == "firing"
        }

    async def now(self, query: str) -> list[Object]:
        found: list[Object] = (await self.ask("query", query=query))["result"]
        return found

    async def course(self, query: str) -> list[Object]:
        """Each series with its values since this Prometheus began."""
        times = {
            "start": str(self.began.timestamp()),
            "end": str(datetime.now(UTC).timestamp()),
            "step": "1",
        }
        found: list[Object] = (await self.ask("query_range", query=query, **times))["result"]
        return found


@pytest.fixture
async def prometheus(operator_log: Path, tmp_path: Path) -> AsyncIterator[Prometheus]:
    """Scrapes the operator once a second. An alert's `for` is a sixtieth of what is shipped: minutes are seconds."""
    assert PROMETHEUS, "prometheus is needed: Debian's package of this name"
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": quicker(GROUPS)}))
    scraped = {
        "job_name": "emqx-autocluster",
        "honor_labels": True,
        "static_configs": [{"targets": [f"127.0.0.1:{await health_port(operator_log)}"]}],
    }
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [scraped],
    }
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    async with started(tmp_path) as url, aiohttp.ClientSession() as session:
        yield Prometheus(url, session, datetime.now(UTC))


def quicker(groups: list[Object]) -> list[Object]:
    return [group | {"rules": [*map(_quicker, group["rules"])]} for group in groups]


def _quicker(rule: Object) -> Object:
    if "for" not in rule:
        return rule
    number, unit = int(rule["for"][:-1]), rule["for"][-1]
    return rule | {"for": f"{number}{ {'h': 'm', 'm': 's'}[unit] }"}


async def health_port(log: Path) -> int:
    """Where the operator serves /metrics, as it says itself."""
    async with asyncio.timeout(START_SECONDS):
        while not (ports := re.findall(r"health endpoints on port (\d+)", log.read_text())):
            await asyncio.sleep(0.1)
    return int(ports[-1])


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[str]:
    assert PROMETHEUS
    log = folder / "log"
    arguments = (
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
    )
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(PROMETHEUS, *arguments, stdout=output, stderr=output)
    try:
        yield f"http://{await address(log, process)}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def address(log: Path, process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(START_SECONDS):
        while not (found := re.search(r'msg="Listening on" address=(\S+)', log.read_text())):
            assert process.returncode is None, log.read_text()
            await asyncio.sleep(0.1)
    return found[1]


async def test_alerts_come_and_go_with_the_damage_and_each_panel_shows_it(
    story: Story, prometheus: Prometheus
) -> None:
    await alone(story)
    await story.annotate(mode="Observe")

    async def all_fire() -> dict[str, str]:
        firing = await prometheus.firing(story.namespace)
        return firing if set(firing) >= BROKEN else {}

    told = await story.until("the alerts of what is broken", all_fire, every=0.5)
    assert f"Deployment emqx in {story.namespace} is 2 clusters" in told["EMQXClusterSplit"]
    assert f"RBACReady of Deployment emqx in {story.namespace}" in told["EMQXDiscoveryBroken"]
    for alert in BROKEN:
        await was_pending_first(prometheus, story, alert)
    damage = {"Not Ready": 1, "Split": 1, "Members apart": 1, "Rollouts unsafe": 1, "Clusters": 2}
    await until_shown(prometheus, story, Workloads=1, **damage)

    await story.annotate(mode="Repair", paused="true")
    paused = (
        f'emqx_autocluster_condition{{namespace="{story.namespace}", condition="Paused", status="true"}} == 1'
    )
    await story.until("Paused in Prometheus", lambda: prometheus.now(paused), every=0.5)
    await story.annotate(paused=None)
    await story.until_repaired()

    async def none_fires() -> bool:
        return not await prometheus.firing(story.namespace)

    await story.until("no alert any more", none_fires, every=0.5)
    await until_shown(prometheus, story, Workloads=1, **dict.fromkeys(damage, 0) | {"Clusters": 1})

    # In mode Observe nobody takes the old names away.
    await story.annotate(mode="Observe")
    await story.shell(f"kubectl rollout restart deployment/emqx -n {story.namespace}")
    await until_shown(prometheus, story, **{"Rollouts under way": 1, "Rollout": 1})
    await until_shown(prometheus, story, **{"Rollouts under way": 0, "Rollout": 0, "Stale names": 2})
    await each_panel_has_data(prometheus, story)
    await the_variables_offer_it(prometheus, story)


async def test_the_dashboard_is_loaded_as_the_page_says(story: Story) -> None:
    """By the label that the sidecar looks for; here into the story's namespace."""
    [command] = re.findall(r"```\n(kubectl apply -k .+?)\n```", PAGE)
    await story.shell(f"cd {ROOT} && {command.replace('-n monitoring', f'-n {story.namespace}')}")
    [found] = await story.kube.list(
        f"/api/v1/namespaces/{story.namespace}/configmaps", label_selector="grafana_dashboard=1"
    )
    assert json.loads(found["data"]["emqx-autocluster.json"]) == DASHBOARD


async def until_shown(prometheus: Prometheus, story: Story, **wanted: float) -> None:
    """Until the panels of these titles, the upper where there are two, show these numbers."""
    asked = {title: query for title, query in reversed([*queries(story.namespace)]) if title in wanted}

    async def shown() -> bool:
        found = {title: await prometheus.now(query) for title, query in asked.items()}
        numbers = {title: [float(each["value"][1]) for each in series] for title, series in found.items()}
        return numbers == {title: [number] for title, number in wanted.items()}

    await story.until(f"the panels to show {wanted}", shown, every=0.5)


async def was_pending_first(prometheus: Prometheus, story: Story, alert: str) -> None:
    """By what Prometheus has recorded, which is a step behind what it says now."""
    chosen = f'ALERTS{{alertname="{alert}", namespace="{story.namespace}"}}'

    async def began() -> dict[str, float]:
        course = await prometheus.course(chosen)
        first = {series["metric"]["alertstate"]: series["values"][0][0] for series in course}
        return first if {"pending", "firing"} <= set(first) else {}

    first = await story.until(f"{alert} as pending and as firing", began, seconds=10, every=0.5)
    assert first["pending"] < first["firing"], alert


async def each_panel_has_data(prometheus: Prometheus, story: Story) -> None:
    empty = []
    for title, query in queries(story.namespace):
        values = [float(v) for series in await prometheus.course(query) for _, v in series["values"]]
        if all(math.isnan(value) for value in values):
            empty.append((title, query))
    assert empty == []


def queries(namespace: str) -> Iterator[tuple[str, str]]:
    chosen = {"$namespace": namespace, "$workload": "emqx", "$__rate_interval": RATE}
    for panel in PANELS:
        for target in panel["targets"]:
            query = target["expr"]
            for variable, value in chosen.items():
                query = query.replace(variable, value)
            yield panel["title"], query


async def the_variables_offer_it(prometheus: Prometheus, story: Story) -> None:
    offered = {}
    for variable in VARIABLES:
        found = re.fullmatch(r"label_values\((.+), ([a-z]+)\)", variable.get("definition", ""))
        if found:
            query, label = found[1].replace("$namespace", story.namespace), found[2]
            offered[variable["name"]] = await prometheus.ask(f"label/{label}/values", **{"match[]": query})
    assert story.namespace in offered["namespace"]
    assert offered["workload"] == ["emqx"]
