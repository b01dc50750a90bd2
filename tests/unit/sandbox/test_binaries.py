"""Where the sandbox's programs come from. Nothing is built here."""

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox import binaries, gobuild
from sandbox.telling import Progress, SandboxError


def executable(path: Path, script: str = "exit 1") -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, with an empty cache beside it."""
    found = tmp_path / "bin"
    found.mkdir()
    monkeypatch.setenv("PATH", str(found))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.delenv(binaries.KUBERNETES, raising=False)
    return found


async def test_without_go_and_without_ready_programs_it_says_what_to_install(folder: Path) -> None:
    assert not list(folder.iterdir())
    with pytest.raises(SandboxError, match=r"Go is not installed.*https://go\.dev/dl/.*KUBEBUILDER_ASSETS"):
        await binaries.provide(print)


async def test_a_go_that_is_too_old_is_named(folder: Path) -> None:
    answer = '{"GOVERSION": "go1.21.3", "GOOS": "linux", "GOARCH": "amd64"}'
    executable(folder / "go", f"echo '{answer}'")
    with pytest.raises(SandboxError, match=r"Go 1\.26\.0 or newer is needed, go1\.21\.3 is installed"):
        await binaries.provide(print)


async def test_ready_programs_need_no_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in binaries.PROGRAMS:
        executable(folder / program.name)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder))
    assert await binaries.provide(print) == {name.name: folder / name.name for name in binaries.PROGRAMS}


async def test_assets_that_are_no_folder_are_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder / "missing"))
    with pytest.raises(SandboxError, match="is not a folder"):
        await binaries.provide(print)


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        ('{"clientVersion": {"minor": "34"}}', False),
        ('{"clientVersion": {"minor": "35"}}', True),
        ('{"clientVersion": {"minor": "36+"}}', True),
        ('{"clientVersion": {"minor": "37"}}', True),
        ('{"clientVersion": {"minor": "38"}}', False),
        ('{"clientVersion": {"minor": ""}}', False),
        ("no JSON at all", False),
        ("[]", False),
    ],
)
async def test_kubectl_on_path_is_taken_within_one_minor_version(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str, *, taken: bool
) -> None:
    assets = folder / "assets"
    assets.mkdir()
    for program in binaries.PROGRAMS:
        if program.name != "kubectl":
            executable(assets / program.name)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    kubectl = executable(folder / "kubectl", f"echo '{answer}'")
    if taken:
        assert (await binaries.provide(print))["kubectl"] == kubectl
    else:
        with pytest.raises(SandboxError, match="Go is not installed"):
            await binaries.provide(print)


def test_each_older_version_is_known_by_its_minor_version_and_todays_is_the_last() -> None:
    known = binaries.versions()
    assert all(version.startswith(f"v{minor}.") for minor, version in known.items())
    assert [int(minor.removeprefix("1.")) for minor in known] == sorted({int(m[2:]) for m in known})
    assert list(known.values())[-1] == gobuild.kubernetes_version(gobuild.SOURCES)


async def test_an_unknown_version_of_kubernetes_is_told_with_those_that_are_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not list(folder.iterdir())
    monkeypatch.setenv(binaries.KUBERNETES, "1.29")
    with pytest.raises(SandboxError, match=r"KUBERNETES=1\.29 is not known here: .* one of 1\.30, .*1\.36"):
        await binaries.provide(print)


async def test_an_older_version_takes_neither_ready_programs_nor_a_kubectl_of_another_version(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in binaries.PROGRAMS:
        executable(folder / program.name, """echo '{"clientVersion": {"minor": "36"}}'""")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder))
    monkeypatch.setenv(binaries.KUBERNETES, "1.30")
    built: list[gobuild.Program] = []

    async def build(programs: Sequence[gobuild.Program], directory: Path, tell: Progress) -> None:
        assert directory
        assert tell
        built.extend(programs)

    async def toolchain() -> gobuild.Toolchain:
        return gobuild.Toolchain("go1.26.0", "linux/amd64")

    monkeypatch.setattr(gobuild, "build", build)
    monkeypatch.setattr(gobuild, "toolchain", toolchain)
    found = await binaries.provide(print)
    assert {name for name, path in found.items() if path.parent == folder} == {"etcd", "coredns"}
    assert {program.name for program in built} == found.keys() - {"etcd", "coredns"}
    assert all("gitVersion=v1.30." in (program.link_flags or "") for program in built)


def test_another_go_builds_into_another_folder() -> None:
    first = gobuild.cache_directory(gobuild.Toolchain("go1.26.0", "linux/amd64"))
    assert first != gobuild.cache_directory(gobuild.Toolchain("go1.26.1", "linux/amd64"))
    assert first != gobuild.cache_directory(gobuild.Toolchain("go1.26.0", "linux/arm64"))


def test_a_program_with_modules_of_its_own_is_kept_apart(tmp_path: Path) -> None:
    go = gobuild.Toolchain("go1.26.0", "linux/amd64")
    (tmp_path / "go.mod").write_text("module sandbox/helm\n")
    own = gobuild.cache_directory(go, tmp_path, "-X version=v3")
    assert own != gobuild.cache_directory(go)
    assert own != gobuild.cache_directory(go, tmp_path, "-X version=v4")
    (tmp_path / "go.mod").write_text("module sandbox/helm2\n")
    assert own != gobuild.cache_directory(go, tmp_path, "-X version=v3")


def test_a_changed_source_builds_into_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = gobuild.Toolchain("go1.26.0", "linux/amd64")
    for source in gobuild.SOURCES.rglob("*.*"):
        copy = tmp_path / source.relative_to(gobuild.SOURCES)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(source.read_bytes())
    original = gobuild.cache_directory(go)
    monkeypatch.setattr(gobuild, "SOURCES", tmp_path)
    assert gobuild.cache_directory(go) == original
    with (tmp_path / "coredns" / "main.go").open("a") as source_file:
        source_file.write("// changed\n")
    assert gobuild.cache_directory(go) != original
