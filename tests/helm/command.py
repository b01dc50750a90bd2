"""helm as a person runs it: with folders of its own, and in a sandbox's cluster if there is one."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SECONDS = 180
Object = dict[str, Any]


class HelmError(Exception):
    """helm's exit was not 0: what it said."""


@dataclass(frozen=True, slots=True)
class Helm:
    path: Path
    home: Path
    """For what it would keep in the person's own."""
    kubeconfig: Path | None = None

    def __call__(self, *arguments: str, values: Object | None = None) -> str:
        """What it prints; `values` are what `-f values.yaml` would give."""
        done = subprocess.run(
            [str(self.path), *arguments, *(("-f", "-") if values is not None else ())],
            input=yaml.safe_dump(values) if values is not None else None,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise HelmError(f"helm {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        own = {f"HELM_{kind}_HOME": str(self.home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        # Without a cluster it shall not find the one of whoever runs the tests.
        return os.environ | own | {"KUBECONFIG": str(self.kubeconfig or self.home / "none")}
