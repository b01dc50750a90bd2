"""Builds the sandbox's programs with Go, once, into a cache outside the repository.

The versions are pinned by the go.mod and go.sum files below `go/`, or where a program has its own. The folder in the
cache is named by the hash of all that a build depends on, so an entry never goes stale. It is filled program by
program, by renaming.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.processes import ending_with_this_process
from sandbox.telling import Progress, SandboxError

SOURCES = Path(__file__).parent / "go"
HEARTBEAT_SECONDS = 15
INSTALL_HINT = (
    "install Go from https://go.dev/dl/, or let KUBEBUILDER_ASSETS name a folder with ready binaries"
)


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    module: str
    package: str
    sources: Path | None = None
    """The folder with its module; None: it is one of the sandbox's own."""
    link_flags: str | None = None
    """None: those of Kubernetes."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    version: str
    platform: str


async def toolchain() -> Toolchain:
    """The installed Go, judged new enough for every go.mod here."""
    if shutil.which("go") is None:
        raise SandboxError(
            f"Go is not installed, and the sandbox's programs have to be built: {INSTALL_HINT}."
        )
    # Asked outside of any module: inside one, an older Go would refuse to answer.
    process = await asyncio.create_subprocess_exec(
        *("go", "env", "-json", "GOVERSION", "GOOS", "GOARCH"),
        stdout=asyncio.subprocess.PIPE,
        env=_environment(),
        cwd=Path.home().anchor,
    )
    answer = json.loads((await process.communicate())[0])
    found = Toolchain(version=answer["GOVERSION"], platform=f"{answer['GOOS']}/{answer['GOARCH']}")
    needed = max(_go_directive(module) for module in SOURCES.glob("*/go.mod"))
    if _release(found.version) < needed:
        wanted = ".".join(map(str, needed))
        raise SandboxError(f"Go {wanted} or newer is needed, {found.version} is installed: {INSTALL_HINT}.")
    return found


def cache_directory(go: Toolchain, sources: Path | None = None, link_flags: str | None = None) -> Path:
    """Where this toolchain's builds of these sources are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = sources or SOURCES
    digest = hashlib.sha256(f"{go.version} {go.platform} {link_flags or linked_version()}".encode())
    for source in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(source.relative_to(folder)).encode() + b"\0" + source.read_bytes())
    return Path(home) / "emqx-autocluster" / digest.hexdigest()[:16]


async def build(programs: Sequence[Program], directory: Path, tell: Progress) -> None:
    """Builds those of the programs that the directory does not have yet."""
    directory.mkdir(parents=True, exist_ok=True)
    async with _only_builder(directory, tell):
        missing = [program for program in programs if not (directory / program.name).exists()]
        if missing:
            tell(f"building {len(missing)} programs, once, into {directory}")
        with tempfile.TemporaryDirectory(prefix=".building-", dir=directory) as workplace:
            for program in missing:
                built = Path(workplace) / program.name
                await _build_one(program, built, tell)
                built.replace(directory / program.name)


async def provide(program: Program, tell: Progress) -> Path:
    """Where one with sources of its own is; built first if there is none."""
    directory = cache_directory(await toolchain(), program.sources, program.link_flags)
    await build([program], directory, tell)
    return directory / program.name


async def _build_one(program: Program, output: Path, tell: Progress) -> None:
    started = time.monotonic()
    tell(f"building {program.name} {_version(program)}")
    flags = program.link_flags or linked_version()
    go = await asyncio.create_subprocess_exec(
        *("go", "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", flags),
        *("-o", str(output), program.package),
        cwd=_folder(program),
        env=_environment(),
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        preexec_fn=ending_with_this_process(),
    )
    said: deque[str] = deque(maxlen=20)
    try:
        reading = asyncio.create_task(_read_lines(go, said))
        while not (await asyncio.wait({reading}, timeout=HEARTBEAT_SECONDS))[0]:
            latest = f": {said[-1]}" if said else ""
            tell(f"  still building {program.name}, {time.monotonic() - started:.0f} s{latest}")
        code = await go.wait()
    finally:
        if go.returncode is None:
            os.killpg(go.pid, signal.SIGKILL)  # Go's compilers are processes of their own
    if code != 0:
        raise SandboxError(f"go build of {program.name} failed:\n" + "\n".join(said))
    tell(f"  built {program.name} in {time.monotonic() - started:.0f} s")


async def _read_lines(process: asyncio.subprocess.Process, into: deque[str]) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        into.append(line.decode(errors="replace").rstrip())


@asynccontextmanager
async def _only_builder(directory: Path, tell: Progress) -> AsyncIterator[None]:
    """Two sandboxes started at once shall not build the same thing twice."""
    with directory.with_suffix(".lock").open("w") as lock:
        last_told = -float(HEARTBEAT_SECONDS)
        while not _locked(lock.fileno()):
            if time.monotonic() - last_told >= HEARTBEAT_SECONDS:
                tell("waiting for another process that builds the same programs")
                last_told = time.monotonic()
            await asyncio.sleep(0.5)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _environment() -> dict[str, str]:
    # GOTOOLCHAIN=local: a Go that is too old shall say so here and not download another one.
    return os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def linked_version(sources: Path | None = None) -> str:
    """Kubernetes leaves its version to the linker; kubectl cannot parse a server's version without it."""
    version = kubernetes_version(sources or SOURCES)
    major, minor, _ = version.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return " ".join(["-s -w", *(f"-X {package}.{name}={value}" for name, value in stamps.items())])


def _folder(program: Program) -> Path:
    return (program.sources or SOURCES) / program.module


def _version(program: Program) -> str:
    modules = {
        "kubernetes": "k8s.io/kubernetes",
        "coredns": "github.com/coredns/coredns",
        "helm": "helm.sh/helm/v3",
        "krew": "sigs.k8s.io/krew",
    }
    return required_version(_folder(program), modules.get(program.module, program.package))


def kubernetes_version(sources: Path) -> str:
    return required_version(sources / "kubernetes", "k8s.io/kubernetes")


def required_version(module: Path, path: str) -> str:
    """Of `path` by the go.mod in the folder `module`."""
    text = (module / "go.mod").read_text()
    found = re.search(rf"^(?:require)?\s+{re.escape(path)} (v\S+)", text, re.MULTILINE)
    assert found, f"{module}/go.mod does not require {path}"
    return found[1]


def _go_directive(go_mod: Path) -> tuple[int, ...]:
    found = re.search(r"^go (\S+)$", go_mod.read_text(), re.MULTILINE)
    assert found, f"{go_mod} has no go directive"
    return _release(found[1])


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
