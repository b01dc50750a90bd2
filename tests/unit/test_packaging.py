"""What can be known of the image and the manifests without an engine that builds and runs them."""

import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from emqx_autocluster import __version__
from emqx_autocluster.settings import NAMESPACES, Settings

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
WEBPAGE = "emqx_autocluster/commands/webpage"
NAMESPACED = ROOT / "deploy" / "namespaced"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DEPLOYMENT: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "30-deployment.yaml").read_text())
POD: dict[str, Any] = DEPLOYMENT["spec"]["template"]["spec"]
CONTAINER: dict[str, Any] = POD["containers"][0]


def locked(name: str) -> dict[str, str]:
    """Each pinned requirement's own lines, hashes included, by its name."""
    blocks = re.split(r"(?m)^(?=[a-zA-Z])", (ROOT / "requirements" / f"{name}.lock").read_text())
    return {canonicalize_name(block.partition("==")[0]): block for block in blocks if block.strip()}


@pytest.mark.parametrize("name", ["build", "runtime", "dev"])
def test_every_locked_requirement_has_its_hashes(name: str) -> None:
    bare = [block for block in locked(name).values() if "--hash=sha256:" not in block]
    assert bare == []


@pytest.mark.parametrize(
    ("name", "required"),
    [("build", PROJECT["build-system"]["requires"]), ("runtime", PROJECT["project"]["dependencies"])],
)
def test_the_lock_fits_what_the_project_asks_for(name: str, required: list[str]) -> None:
    pinned = locked(name)
    for requirement in map(Requirement, required):
        version = re.match(r"[^=]+==(\S+)", pinned[canonicalize_name(requirement.name)])
        assert version
        assert requirement.specifier.contains(version[1]), requirement


def test_the_build_tool_is_the_one_that_is_tested_with() -> None:
    assert locked("build").items() <= locked("dev").items()


def test_what_the_image_is_made_of_is_there_and_reaches_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copied = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    sources = {source for sources in copied if not sources[0].startswith("--from") for source in sources}
    assert sources == let_through
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_wheel_has_every_module_and_the_pages_that_commands_read(tmp_path: Path) -> None:
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    modules = {
        str(module.relative_to(ROOT / "operator"))
        for module in (ROOT / "operator" / "emqx_autocluster").rglob("*.py")
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    families = {f"emqx_autocluster/causes/{page.name}" for page in (ROOT / "docs" / "causes").iterdir()}
    page = {f"{WEBPAGE}/{name}" for name in ("report.html.j2", "parts.html.j2", "style.css")}
    assert packed == modules | families | page | {"emqx_autocluster/reasons.md"}


def test_the_deployment_runs_the_image_of_this_version() -> None:
    assert CONTAINER["image"] == f"emqx-autocluster:{__version__}"
    assert CONTAINER["imagePullPolicy"] == "IfNotPresent"


def test_the_deployments_variables_are_the_settings_defaults() -> None:
    prefix = Settings.model_config["env_prefix"]
    for entry in CONTAINER["env"]:
        if "valueFrom" in entry:
            continue  # a field of the pod
        name = entry["name"].removeprefix(prefix).lower()
        assert str(Settings.model_fields[name].default) == entry["value"], entry["name"]


def test_the_probes_ask_where_the_operator_answers() -> None:
    [port] = CONTAINER["ports"]
    assert port["containerPort"] == Settings.model_fields["health_port"].default
    probes = {kind: CONTAINER[kind]["httpGet"] for kind in ("livenessProbe", "readinessProbe")}
    assert probes == {
        "livenessProbe": {"path": "/healthz", "port": port["name"]},
        "readinessProbe": {"path": "/readyz", "port": port["name"]},
    }


def test_of_the_replicas_one_acts_and_an_update_never_leaves_none() -> None:
    assert DEPLOYMENT["spec"]["replicas"] == 2
    assert DEPLOYMENT["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    [namespace] = [entry for entry in CONTAINER["env"] if "valueFrom" in entry]
    assert namespace["name"] == "EMQX_AUTOCLUSTER_LEASE_NAMESPACE"
    assert namespace["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}


def test_the_user_of_the_image_is_the_pods() -> None:
    user = f"{POD['securityContext']['runAsUser']}:{POD['securityContext']['runAsGroup']}"
    assert f"\nUSER {user}\n" in DOCKERFILE


def test_there_is_one_crd() -> None:
    link = ROOT / "deploy" / "10-crd.yaml"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "crds" / "emqxautoclusters.yaml"


def cluster_role() -> dict[str, Any]:
    documents = yaml.safe_load_all((ROOT / "deploy" / "20-rbac.yaml").read_text())
    return next(document for document in documents if document["kind"] == "ClusterRole")


def test_no_right_is_a_wildcard_or_a_way_to_more() -> None:
    for rule in cluster_role()["rules"]:
        assert not {"*", "escalate", "bind", "impersonate"} & set(rule["verbs"])
        assert not {"*", "secrets", "nodes", "serviceaccounts/token"} & set(rule["resources"])
        assert "*" not in rule["apiGroups"]


def test_the_role_in_one_namespace_has_the_rules_of_the_cluster_role() -> None:
    role = yaml.safe_load((NAMESPACED / "rights" / "role.yaml").read_text())
    assert (role["kind"], role["rules"]) == ("Role", cluster_role()["rules"])


def test_the_namespaced_installation_has_the_role_in_each_namespace_that_it_names() -> None:
    whole = yaml.safe_load((NAMESPACED / "kustomization.yaml").read_text())
    folders = [each for each in whole["resources"] if not each.startswith("..")]
    made = [yaml.safe_load((NAMESPACED / each / "kustomization.yaml").read_text()) for each in folders]
    patch = yaml.safe_load(whole["patches"][0]["patch"])
    [setting] = patch["spec"]["template"]["spec"]["containers"][0]["env"]
    assert setting["name"] == NAMESPACES
    assert [each["namespace"] for each in made] == setting["value"].split(",")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`pip install .` in a fresh environment, whose dependencies are those that are tested with; its scripts."""
    fresh = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", fresh], check=True)
    [site] = fresh.glob("lib/python*/site-packages")
    # A plain line: what is installed there as editable, such as this project, is not found by it.
    (site / "tested.pth").write_text(sysconfig.get_path("purelib"))
    offline = ("--no-index", "--no-deps", "--no-build-isolation")
    pip = (sys.executable, "-m", "pip", "--python", fresh / "bin" / "python", "--quiet")
    subprocess.run([*pip, "install", *offline, str(ROOT)], check=True)
    subprocess.run([*pip, "check"], check=True)
    return fresh / "bin"


def test_installed_in_a_fresh_environment_each_command_runs(installed: Path) -> None:
    scripts = {file.name for file in installed.glob("*emqx*")}
    assert scripts == PROJECT["project"]["scripts"].keys()
    for name in ("emqx-autocluster", "kubectl-emqx_autocluster"):
        assert said(installed / name, "version") == __version__
        assert "## By hand" not in said(installed / name, "explain", "dns")
    assert said(installed / "kubectl_complete-emqx_autocluster", "doc").startswith("doctor\t")


def test_what_runs_there_is_what_was_installed(installed: Path) -> None:
    where = "import emqx_autocluster; print(emqx_autocluster.__file__)"
    assert said(installed / "python", "-c", where).startswith(str(installed.parent))


def said(*argv: str | Path) -> str:
    done = subprocess.run(argv, cwd="/", check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()
