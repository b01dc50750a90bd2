"""The image as the Deployment runs it, and more strictly: it writes nothing, may nothing, and is nobody in particular.

It needs Docker or Podman and what `make image` made.
"""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from emqx_autocluster import __version__
from release import image, inventory
from running import NAMESPACE, SERVICE_ACCOUNT, install
from sandbox.handle import SandboxHandle

ENGINE = image.engine()
USER = "12345:12345"
"""In no passwd file, and not the image's own: some clusters choose one for each namespace."""
STRICT = ("--read-only", "--user", USER, "--cap-drop", "all", "--security-opt", "no-new-privileges")
# What Podman would mount over /tmp and /run of its own accord.
BARE = (*STRICT, "--read-only-tmpfs=false") if ENGINE == "podman" else STRICT
SECONDS = 60


def said(*words: str, entrypoint: str | None = None) -> str:
    """What it prints without any network."""
    options = [*BARE, "--network", "none", *(["--entrypoint", entrypoint] if entrypoint else [])]
    argv = [ENGINE, "run", "--rm", *options, image.NAME, *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def test_it_is_this_version_and_says_what_it_is() -> None:
    assert said("version") == __version__
    [inspected] = json.loads(
        subprocess.run([ENGINE, "inspect", image.NAME], check=True, capture_output=True).stdout
    )
    labels = inspected["Config"]["Labels"]
    named = {name.rpartition(".")[2] for name in labels if name.startswith("org.opencontainers.image.")}
    assert named == {"title", "description", "version", "revision", "licenses", "created"}


def test_its_commands_work_for_anybody() -> None:
    assert "Find out why EMQX does not cluster" in said("doctor", "--help")
    assert "## By hand" not in said("explain", "dns")


def test_it_has_the_inventory_of_what_is_inside() -> None:
    kept = said("/usr/share/sbom/emqx-autocluster.cdx.json", entrypoint="cat")
    assert kept == inventory.text().strip()
    listing = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    installed = {
        entry.lower().replace("_", "-") for entry in said("-c", listing, entrypoint="python").split()
    }
    components = json.loads(kept)["components"]
    wanted = {f"{c['name']}=={c['version']}" for c in components if c["scope"] == "required"}
    own = f"emqx-autocluster=={__version__}"
    assert {entry.replace(".", "-") for entry in installed} == {e.replace(".", "-") for e in wanted | {own}}


def test_nobody_in_it_can_write_or_has_a_capability() -> None:
    script = "id -u; touch /x /tmp/x /opt/emqx-autocluster/x 2>/dev/null || echo refused; grep CapEff /proc/self/status"
    assert said("-c", script, entrypoint="sh").split() == ["12345", "refused", "CapEff:", "0000000000000000"]


def test_it_answers_its_probes_and_ends_when_it_is_told_to(
    own_sandbox: SandboxHandle, tmp_path: Path
) -> None:
    install(own_sandbox)
    kubeconfig = own_sandbox.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT, tmp_path / "kubeconfig")
    kubeconfig.chmod(0o644)
    with started(kubeconfig, own_sandbox.ca) as (name, port):
        assert answer(port, "/healthz", name) == 200
        assert answer(port, "/readyz", name) == 200
        began = time.monotonic()
        subprocess.run([ENGINE, "stop", "--time", "30", name], check=True, capture_output=True)
        assert time.monotonic() - began < 15, "it does not wait to be killed"


@contextmanager
def started(kubeconfig: Path, ca: Path) -> Iterator[tuple[str, int]]:
    """The operator at work. The API server of the sandbox is on loopback alone, so it shares the machine's network."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name = f"emqx-autocluster-{port}"
    settings = {"KUBECONFIG": "/kubeconfig", "HEALTH_PORT": str(port), "LEASE_NAMESPACE": NAMESPACE}
    variables = [w for k, v in settings.items() for w in ("--env", f"EMQX_AUTOCLUSTER_{k}={v}")]
    files = ("--volume", f"{kubeconfig}:/kubeconfig:ro", "--volume", f"{ca}:{ca}:ro")
    options = [*BARE, "--network", "host", *files, *variables]
    argv = [ENGINE, "run", "--detach", "--name", name, *options, image.NAME]
    subprocess.run(argv, check=True, capture_output=True)
    try:
        yield name, port
    finally:
        print(subprocess.run([ENGINE, "logs", name], check=False, capture_output=True, text=True).stderr)
        subprocess.run([ENGINE, "rm", "--force", name], check=False, capture_output=True)


def answer(port: int, path: str, name: str) -> int:
    """The status, as soon as it is 200."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
                return int(response.status)
        except (URLError, OSError) as error:
            if time.monotonic() > end:
                raise AssertionError(f"{name}: {path} not within {SECONDS} s: {error}") from error
            time.sleep(0.2)
