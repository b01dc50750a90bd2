"""The plugin as krew installs it from the manifest and the archive that `make plugin` builds."""

import asyncio
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from emqx_autocluster import __version__
from krew import program
from release import krew, plugin, tree
from running import ROOT
from sandbox import binaries

ARCH = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
HERE = next(p for p in plugin.PLATFORMS if (p.os, p.arch) == (platform.system().lower(), ARCH))
LINK = f'ln -s {plugin.COMMAND} "${{KREW_ROOT:-$HOME/.krew}}/bin/kubectl_complete-emqx_autocluster"'


@dataclass(frozen=True, slots=True)
class Krew:
    path: Path
    kubectl: Path
    root: Path

    def run(self, *argv: str | Path) -> str:
        """With nothing of this project's own environment on the PATH."""
        path = f"{self.root / 'bin'}:{self.kubectl.parent}:/usr/local/bin:/usr/bin:/bin"
        environment = {"KREW_ROOT": str(self.root), "HOME": str(self.root), "PATH": path}
        done = subprocess.run(
            argv, env=environment, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def install(self, manifest: Path) -> str:
        archive = manifest.parent / plugin.file_name(__version__, HERE)
        return self.run(self.path, "install", f"--manifest={manifest}", f"--archive={archive}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest; the archive of this machine lies beside it."""
    folder = tmp_path_factory.mktemp("krew") / "dist"
    return krew.build(folder, "https://example.com/krew", tree.commit(ROOT), (HERE,))


@pytest.fixture
def installed(built: Path, tmp_path: Path) -> Krew:
    kubectl = asyncio.run(binaries.provide(print))["kubectl"]
    installed = Krew(asyncio.run(program.provide(print)), kubectl, tmp_path)
    assert "kubectl emqx-autocluster" in installed.install(built)
    return installed


def test_kubectl_runs_it_with_its_own_packages_and_a_python_that_has_none(installed: Krew) -> None:
    manifest = ROOT / "tests/scenarios/causes/cases/well-4.4/manifest.yaml"
    assert installed.run("kubectl", "emqx-autocluster", "version").strip() == __version__
    assert "Nothing is wrong" in installed.run("kubectl", "emqx-autocluster", "lint", "-f", manifest)


def test_kubectl_completes_it_after_the_link_that_the_manifest_names(installed: Krew, built: Path) -> None:
    assert LINK in built.read_text()
    installed.run("sh", "-c", LINK)
    offered = installed.run("kubectl", "__complete", "emqx-autocluster", "explain", "APIServerMal")
    assert offered.startswith("APIServerMalformed\n")


def test_two_builds_of_one_commit_are_the_same_bytes(built: Path, tmp_path: Path) -> None:
    again = krew.build(tmp_path / "again", "https://example.com/krew", tree.commit(ROOT), (HERE,))
    assert again.read_text() == built.read_text()
