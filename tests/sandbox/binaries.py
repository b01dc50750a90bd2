"""Which programs the sandbox consists of, and where each one comes from.

In this order: the folder that `KUBEBUILDER_ASSETS` names (the variable that envtest uses), a kubectl on PATH
that is near enough, the cache of earlier builds, and a build with Go (`gobuild`).
"""

import asyncio
import json
import os
import shutil
from pathlib import Path

from sandbox import gobuild
from sandbox.telling import Progress, SandboxError

PROGRAMS = (
    gobuild.Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    gobuild.Program("coredns", "coredns", "."),
    gobuild.Program("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    gobuild.Program("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    gobuild.Program("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"),
    gobuild.Program("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
)
KUBECTL_MINORS = range(35, 38)  # kubectl supports servers within one minor version of its own


async def provide(tell: Progress) -> dict[str, Path]:
    """Every program's path by its name, built first where there is none."""
    paths = _from_assets()
    if "kubectl" not in paths:
        paths |= await _kubectl_on_path()
    wanted = [program for program in PROGRAMS if program.name not in paths]
    if wanted:
        directory = gobuild.cache_directory(await gobuild.toolchain())
        if not all((directory / program.name).exists() for program in wanted):
            await gobuild.build(wanted, directory, tell)
        paths |= {program.name: directory / program.name for program in wanted}
    return paths


def _from_assets() -> dict[str, Path]:
    named = os.environ.get("KUBEBUILDER_ASSETS")
    if not named:
        return {}
    folder = Path(named).absolute()
    if not folder.is_dir():
        raise SandboxError(f"KUBEBUILDER_ASSETS={named} is not a folder: correct the variable, or unset it.")
    ready = {program.name: folder / program.name for program in PROGRAMS}
    return {name: path for name, path in ready.items() if os.access(path, os.X_OK)}


async def _kubectl_on_path() -> dict[str, Path]:
    found = shutil.which("kubectl")
    if found is None:
        return {}
    process = await asyncio.create_subprocess_exec(
        *(found, "version", "--client", "-o", "json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    return {"kubectl": Path(found)} if _minor(output) in KUBECTL_MINORS else {}


def _minor(output: bytes) -> int | None:
    """The minor version in kubectl's answer; None for anything that only calls itself kubectl."""
    try:
        minor = json.loads(output)["clientVersion"]["minor"]
    except (ValueError, LookupError, TypeError):
        return None
    digits = str(minor).rstrip("+")  # some vendors write "36+"
    return int(digits) if digits.isdecimal() else None
