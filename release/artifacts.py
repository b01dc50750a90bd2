"""The files of a release. Each is a function of the commit: nothing of when, where and by whom it is built."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from release import chart, inventory
from release.tree import Commit

SUMS = "SHA256SUMS"


def build(root: Path, into: Path, version: str, commit: Commit) -> list[Path]:
    """All of them, in a folder that holds nothing else afterwards."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    packages(root, into, commit)
    name = f"emqx-autocluster-{version}"
    (into / f"{name}.yaml").write_text(manifests(root))
    (into / f"{name}.tgz").write_bytes(chart.package(root, commit))
    (into / f"{name}.cdx.json").write_text(inventory.text())
    (into / SUMS).write_text(_sums(into))
    return sorted(into.iterdir())


def manifests(root: Path) -> str:
    """All of deploy/ in its order, in one file: what kubectl apply -f deploy/ would send."""
    return "---\n".join(_ended(file.read_text()) for file in sorted((root / "deploy").glob("*.yaml")))


def _ended(text: str) -> str:
    return text.rstrip("\n") + "\n"


def packages(root: Path, into: Path, commit: Commit, *options: str) -> None:
    """Wheel and sdist, or what hatchling's options say."""
    argv = [sys.executable, "-m", "hatchling", "build", "--directory", str(into), *options]
    epoch = {"SOURCE_DATE_EPOCH": str(commit.seconds)}
    subprocess.run(argv, cwd=root, env=os.environ | epoch, check=True, stdout=subprocess.DEVNULL)


def _sums(folder: Path) -> str:
    """As `sha256sum --check` reads them."""
    files = sorted(folder.iterdir())
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
