"""The processes that tests and the demo run: a sandbox, and the operator with the rights that deploy/ ships."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sandbox.handle import SandboxHandle

ROOT = Path(__file__).parent.parent
NAMESPACE = "emqx-autocluster"
SERVICE_ACCOUNT = "emqx-autocluster"
INSTALLED = ("00-namespace.yaml", "10-crd.yaml", "20-rbac.yaml", "50-guardrails.yaml")
"""All of deploy/ but the Deployment: the operator runs as a process beside the cluster."""

_START_SECONDS = 180
_STOP_SECONDS = 15


@dataclass(slots=True)
class RunningSandbox:
    state: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, *options: str) -> Self:
        """`options` of `python -m sandbox up`."""
        state = Path(tempfile.mkdtemp(prefix="emqx-autocluster-sandbox-"))
        argv = [sys.executable, "-m", "sandbox", "up", "--state", str(state), "--with-parent", *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
        process = subprocess.Popen(argv, env=environment)
        _wait_for(state / "sandbox.json", process, _START_SECONDS)
        return cls(state, process)

    def stop(self) -> None:
        _end(self.process)
        shutil.rmtree(self.state, ignore_errors=True)


@dataclass(slots=True)
class RunningOperator:
    log: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, sandbox: SandboxHandle, **settings: str) -> Self:
        """Where deploy/ is installed; `settings` become EMQX_AUTOCLUSTER_* variables."""
        folder = Path(tempfile.mkdtemp(prefix="emqx-autocluster-operator-"))
        kubeconfig = sandbox.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT, folder / "kubeconfig")
        given = {"KUBECONFIG": str(kubeconfig), "CLUSTER_DNS": sandbox.dns, "LOG_FORMAT": "text"}
        given |= {"HEALTH_ADDRESS": "127.0.0.1", "HEALTH_PORT": "0"} | settings
        environment = os.environ | {f"EMQX_AUTOCLUSTER_{name}": value for name, value in given.items()}
        log = folder / "log"
        return cls(log, environment, _operator(log, environment))

    def again(self) -> None:
        """Starts it once more after it ended, as Kubernetes does; its log goes on."""
        self.process = _operator(self.log, self.environment)

    def stop(self) -> None:
        _end(self.process)
        shutil.rmtree(self.log.parent, ignore_errors=True)


class Kept:
    """An operator that is started again when it has ended by itself, as Kubernetes does."""

    def __init__(self, operator: RunningOperator) -> None:
        """Watch over it from now on."""
        self.ended: list[str] = []
        """What its log said last, each time."""
        self.log = operator.log
        self._operator = operator
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    def stop(self) -> None:
        self._over.set()
        self._watching.join()
        self._operator.stop()

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            if self._operator.process.poll() is not None:
                self.ended.append(self.log.read_text(errors="replace")[-2000:])
                self._operator.again()


def _operator(log: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        argv = [str(Path(sys.executable).parent / "emqx-autocluster"), "run"]
        return subprocess.Popen(argv, env=environment, stdout=output, stderr=output)


def install(sandbox: SandboxHandle) -> None:
    for name in INSTALLED:
        sandbox.kubectl("apply", "-f", str(ROOT / "deploy" / name))
    sandbox.kubectl("wait", "--for=condition=Established", "crd/emqxautoclusters.emqx-autocluster.io")


def _wait_for(file: Path, process: subprocess.Popen[bytes], deadline: float) -> None:
    end = time.monotonic() + deadline
    while not file.exists():
        if process.poll() is not None:
            raise RuntimeError(f"the sandbox ended with exit code {process.returncode} before it was ready")
        if time.monotonic() > end:
            process.terminate()
            raise RuntimeError(f"the sandbox was not ready within {deadline:g} s")
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
