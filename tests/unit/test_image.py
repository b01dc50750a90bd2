"""`make image`: which engine builds, and what it is told."""

import subprocess
import sys
from pathlib import Path

import pytest

from emqx_autocluster import __version__
from release import image
from release.tree import Commit

ROOT = Path(__file__).parents[2]
COMMIT = Commit("4b825dc642cb6eb9a060e54bf8d69288fbee4904", 1767323045)


def stand_in(folder: Path, name: str, code: int) -> None:
    """A program of that name which does nothing but end."""
    (folder / name).write_text(f"#!/bin/sh\nexit {code}\n")
    (folder / name).chmod(0o755)


def test_the_first_engine_that_answers_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    stand_in(tmp_path, "docker", 1)
    stand_in(tmp_path, "buildah", 0)
    assert image.engine() == "buildah", "of Docker there is the client alone"
    stand_in(tmp_path, "docker", 0)
    assert image.engine() == "docker"


def test_without_an_engine_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "git").symlink_to(subprocess.check_output(["which", "git"], text=True).strip())
    argv = [sys.executable, "-m", "release.image"]
    done = subprocess.run(
        argv, cwd=ROOT, env={"PATH": str(tmp_path)}, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"error: {image.NO_ENGINE}."]


def test_the_labels_say_what_it_is_and_of_which_commit() -> None:
    told = image.labels(ROOT, COMMIT, differs=False)
    assert {name.rpartition(".")[2]: value for name, value in told.items()} == {
        "title": "emqx-autocluster",
        "description": "Keeps the clustering of user-owned EMQX Deployments and StatefulSets healthy on Kubernetes",
        "version": __version__,
        "revision": COMMIT.revision,
        "licenses": "Apache-2.0",
        "created": "2026-01-02T03:04:05Z",
    }
    dirty = image.labels(ROOT, COMMIT, differs=True)
    assert dirty["org.opencontainers.image.revision"] == f"{COMMIT.revision}-dirty"


def test_the_licence_is_the_one_that_the_labels_name() -> None:
    text = " ".join((ROOT / "LICENSE").read_text().split())
    assert text.startswith("Apache License Version 2.0")


def test_no_time_but_the_commits_goes_into_it() -> None:
    words = image.command("podman", {"a": "b"}, COMMIT, ["--no-cache"])
    assert words[:4] == ["podman", "build", "--tag", f"emqx-autocluster:{__version__}"]
    assert words[4:6] == ["--timestamp", "1767323045"]
    assert "SOURCE_DATE_EPOCH=1767323045" in words
    assert words[-4:] == ["--label", "a=b", "--no-cache", "."]
    assert "--timestamp" not in image.command("docker", {}, COMMIT, []), "it has no such option"
