"""Which programs the sandbox consists of, and where each one comes from.

In this order: the folder that `KUBEBUILDER_ASSETS` names (the variable that envtest uses), a kubectl on PATH
that is near enough, the cache of earlier builds, and a build with Go (`gobuild`).

`EMQX_AUTOCLUSTER_KUBERNETES=1.30` takes Kubernetes, and kubectl with it, from a build of that minor version instead.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
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
KUBERNETES = "EMQX_AUTOCLUSTER_KUBERNETES"
_OLDER = Path(__file__).parent / "older"
"""The modules of older versions of Kubernetes: a folder for each minor version, as `go/` has today's."""


async def provide(tell: Progress) -> dict[str, Path]:
    """Every program's path by its name, built first where there is none."""
    older = _older()
    replaced = {program.name for program in older}
    paths = {name: path for name, path in _from_assets().items() if name not in replaced}
    if "kubectl" not in paths.keys() | replaced:
        paths |= await _kubectl_on_path()
    own = [program for program in PROGRAMS if program.name not in paths.keys() | replaced]
    return paths | await _built(own, tell) | await _built(older, tell)


def versions() -> dict[str, str]:
    """The exact version of Kubernetes by the minor version that asks for it, oldest first; the last is the default."""
    folders = sorted(_OLDER.iterdir(), key=lambda folder: int(folder.name.partition(".")[2]))
    every = [gobuild.kubernetes_version(sources) for sources in (*folders, gobuild.SOURCES)]
    return {version.removeprefix("v").rpartition(".")[0]: version for version in every}


def _older() -> list[gobuild.Program]:
    """Instead of those of the same names; none where today's version is asked for, or none is."""
    asked, known = os.environ.get(KUBERNETES, ""), versions()
    if asked and asked not in known:
        raise SandboxError(f"{KUBERNETES}={asked} is not known here: it has to be one of {', '.join(known)}.")
    if not asked or asked == list(known)[-1]:
        return []
    sources = _OLDER / asked
    flags = gobuild.linked_version(sources)
    return [replace(p, sources=sources, link_flags=flags) for p in PROGRAMS if p.module == "kubernetes"]


async def _built(programs: Sequence[gobuild.Program], tell: Progress) -> dict[str, Path]:
    """Of the same sources."""
    if not programs:
        return {}
    of = programs[0]
    directory = gobuild.cache_directory(await gobuild.toolchain(), of.sources, of.link_flags)
    if not all((directory / program.name).exists() for program in programs):
        await gobuild.build(programs, directory, tell)
    return {program.name: directory / program.name for program in programs}


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
