"""Configuration files from ConfigMaps, and what of an input is no manifest that is applied as it stands."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders import GOOD_MANIFEST as GOOD
from emqx_autocluster.cli import app
from linted import ADDRESS, GRANTED, VOLUME, errors, found, lint

NAMESPACE = "            - {name: EMQX_CLUSTER__K8S__NAMESPACE, value: iot}\n"
STRATEGY = "            - {name: EMQX_CLUSTER__DISCOVERY_STRATEGY, value: k8s}\n"
MAIN, BASE = "/opt/emqx/etc/emqx.conf", "/opt/emqx/etc/base.hocon"


def with_file(path: str, content: str, version: str = "5.8.9") -> str:
    """That file from a ConfigMap, and no variable for the strategy and the namespace."""
    mount = f"          volumeMounts: [{{name: conf, mountPath: {path}, subPath: own}}]\n          env:\n"
    text = GOOD.replace("5.8.9", version).replace(STRATEGY, "").replace(NAMESPACE, "")
    text = text.replace("          env:\n", mount).replace(
        "      containers:\n", f"{VOLUME}      containers:\n"
    )
    data = "".join(f"    {line}\n" for line in content.splitlines())
    return f"{text}{GRANTED}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: conf}}\ndata:\n  own: |\n{data}"


OWN = 'cluster {\n  discovery_strategy = k8s\n  k8s { namespace = "iot" }\n}'


def test_emqx_conf_says_how_to_look_for_peers() -> None:
    assert errors(with_file(MAIN, OWN), "-n", "iot") == []


@pytest.mark.parametrize("path", [BASE, "/opt/emqx/data/configs/cluster.hocon"])
def test_the_images_own_emqx_conf_goes_before_weaker_files(path: str) -> None:
    """It says manual; all else in a weaker file counts."""
    text = with_file(path, OWN)
    assert errors(text, "-n", "iot") == ["StrategyUnsuitable"]
    shown = " ".join(lint(text, "-n", "iot").stdout.split())
    assert "emqx.conf goes before it, which says manual in the image" in shown
    by_variable = text.replace("          env:\n", f"          env:\n{STRATEGY}")
    assert errors(by_variable, "-n", "iot") == []


def test_a_base_file_is_not_read_before_5_8_4() -> None:
    variable = f"          env:\n{STRATEGY}"
    old, new = (
        with_file(BASE, OWN, version).replace("          env:\n", variable) for version in ("5.8.3", "5.8.4")
    )
    assert errors(old, "-n", "iot") == ["NamespaceMismatch"]
    assert errors(new, "-n", "iot") == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (OWN.replace("k8s {", "K8s {"), "UnknownVariable"),
        (OWN.replace("discovery_strategy", "DISCOVERY_STRATEGY"), "UnknownVariable"),
        (OWN.replace("cluster {", "Cluster {"), "StrategyUnsuitable"),
    ],
)
def test_keys_of_hocon_are_in_small_letters(content: str, reason: str) -> None:
    """An unknown key ends EMQX, an unknown root is passed over."""
    assert reason in errors(with_file(MAIN, content), "-n", "iot")


def test_a_key_in_other_letters_is_told_as_it_stands() -> None:
    text = with_file(MAIN, OWN.replace("k8s {", "K8s {"))
    told = " ".join(lint(text, "-n", "iot").stdout.split())
    assert "has cluster.K8s.namespace, which EMQX 5.8.9 does not know" in told
    assert "it is called cluster.k8s.namespace there" in told


def test_a_patch_beside_a_kustomization_is_no_workload(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [base.yaml]\npatches: [{path: replicas.yaml}]\n")
    (tmp_path / "base.yaml").write_text(GOOD)
    (tmp_path / "replicas.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: emqx}\nspec: {replicas: 5}\n"
    )
    whole = CliRunner().invoke(app, ["lint", "-f", str(tmp_path)])
    assert whole.exit_code == 0
    assert "what kustomize makes of this" in " ".join(whole.stdout.split())
    alone = CliRunner().invoke(app, ["lint", "-f", str(tmp_path / "replicas.yaml")])
    assert (alone.exit_code, "'template' is missing" in alone.stderr) == (2, True)


def test_a_name_that_helm_has_yet_to_give_is_told_how() -> None:
    result = lint(GOOD.replace("  name: emqx\nspec", '  name: "{{ .Release.Name }}-emqx"\nspec'))
    assert result.exit_code == 2
    assert "helm template . | emqx-autocluster lint -f -" in " ".join(result.stderr.split())


def test_a_tab_is_a_space_where_yaml_takes_it_for_one() -> None:
    tabs = GOOD.replace("  replicas: 3\n", "  replicas: 3\t# three\n")
    tabs = tabs.replace(ADDRESS, ADDRESS[:-1] + "\t\n")
    assert tabs.count("\t") == 2
    assert found(tabs, "-n", "iot") == found(GOOD, "-n", "iot") == []
    result = lint(GOOD.replace("  replicas: 3\n", "\treplicas: 3\n"))
    assert (result.exit_code, "YAML indents by spaces alone" in " ".join(result.stderr.split())) == (2, True)
