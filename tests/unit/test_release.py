"""`make release`: what it refuses, what it makes, and that each build of one commit makes the same bytes."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

from emqx_autocluster import __version__
from release import artifacts, chart, inventory, tree

ROOT = Path(__file__).parents[2]
NAME = f"emqx-autocluster-{__version__}"
CHART = Path("charts", "emqx-autocluster")
PACKAGE = f"emqx_autocluster-{__version__}"
SECTION = f"\n## [{__version__}] - 2026-01-02\n"
IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a",
}
DATES = {"GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z"}


def git(folder: Path, *arguments: str) -> str:
    environment = os.environ | IDENTITY | DATES
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


def checkout(folder: Path, *, section: bool = True, umask: int = 0o022) -> Path:
    """What lies in this repository now, as one commit that is to be released."""
    was = os.umask(umask)
    try:
        listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
        for name in filter(None, listed.split("\0")):
            if os.path.lexists(ROOT / name):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                # Without times and modes: those of a checkout are its own.
                shutil.copyfile(ROOT / name, folder / name, follow_symlinks=False)
    finally:
        os.umask(was)
    if section:
        with (folder / "CHANGELOG.md").open("a") as changelog:
            changelog.write(SECTION)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Release")
    return folder


def released(folder: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "release"]
    return subprocess.run(argv, cwd=folder, check=False, capture_output=True, text=True)


def refusal(folder: Path) -> str:
    done = released(folder)
    assert done.returncode == 1
    assert not (folder / "dist").exists()
    [line] = done.stderr.splitlines()
    return line


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = checkout(tmp_path_factory.mktemp("first"))
    done = released(folder)
    assert done.returncode == 0, done.stderr
    return folder / "dist"


def test_a_tree_that_differs_from_its_commit_is_refused(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    (folder / "new").touch()
    assert refusal(folder).startswith("error: the tree differs from its commit; ")


def test_a_version_that_the_changelog_does_not_tell_of_is_refused(tmp_path: Path) -> None:
    folder = checkout(tmp_path, section=False)
    changelog = folder / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace(f"[{__version__}]", "[9.9.9]"))
    git(folder, "commit", "--quiet", "--all", "--allow-empty", "--message", "No section")
    assert refusal(folder).startswith(f"error: CHANGELOG.md has no section of {__version__}; ")


def test_what_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tree.NotReleasableError, match=r"git says no commit here: .+"):
        tree.releasable(tmp_path, __version__)


def test_two_builds_of_one_commit_are_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    again = checkout(tmp_path / "elsewhere" / "second", umask=0o077)
    assert git(again, "rev-parse", "HEAD") == git(dist.parent, "rev-parse", "HEAD")
    done = released(again)
    assert done.returncode == 0, done.stderr
    assert (again / "dist" / artifacts.SUMS).read_text() == (dist / artifacts.SUMS).read_text()


def test_the_sums_are_those_of_all_files(dist: Path) -> None:
    told = dict(line.split("  ")[::-1] for line in (dist / artifacts.SUMS).read_text().splitlines())
    found = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in dist.iterdir()}
    del found[artifacts.SUMS]
    assert told == found
    assert told.keys() == {
        f"{NAME}.yaml",
        f"{NAME}.cdx.json",
        f"{NAME}.tgz",
        f"{PACKAGE}.tar.gz",
        f"{PACKAGE}-py3-none-any.whl",
    }


def test_the_one_manifest_has_the_objects_of_deploy_in_its_order(dist: Path) -> None:
    files = sorted((ROOT / "deploy").glob("*.yaml"))
    expected = [body for file in files for body in yaml.safe_load_all(file.read_text())]
    assert list(yaml.safe_load_all((dist / f"{NAME}.yaml").read_text())) == expected
    assert expected[0]["kind"] == "Namespace"


def test_the_chart_has_the_files_of_the_commit_and_nothing_of_where_it_was_packed(dist: Path) -> None:
    listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", str(CHART)).splitlines()
    with tarfile.open(dist / f"{NAME}.tgz") as archive:
        members = archive.getmembers()
        told = {member.name: as_text(archive, member) for member in members}
    assert told == {str(Path(name).relative_to("charts")): (ROOT / name).read_text() for name in listed}
    assert list(told) == sorted(told)
    kept = {(m.mode, m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members}
    assert kept == {(0o644, 0, 0, "", "", int(git(dist.parent, "log", "-1", "--format=%ct")))}
    assert (dist / f"{NAME}.tgz").read_bytes()[3:8] == bytes(5), "neither a name nor a time"


def as_text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    found = archive.extractfile(member)
    assert found
    return found.read().decode()


def test_two_packings_of_the_chart_are_the_same_bytes_whatever_lies_beside_it(tmp_path: Path) -> None:
    first, second = checkout(tmp_path / "first"), checkout(tmp_path / "second", umask=0o077)
    commit = tree.releasable(first, __version__)
    (second / CHART / "values.yaml.old").touch()
    (second / CHART / "kept-and-ignored.tgz").touch()
    git(second, "add", "--force", str(CHART / "kept-and-ignored.tgz"))
    os.utime(second / CHART / "values.yaml", (0, 0))
    assert chart.package(first, commit) == chart.package(second, commit)


@pytest.mark.parametrize(
    ("pattern", "ignored", "kept"),
    [
        ("*.tgz", ["old.tgz", "charts/old.tgz"], ["old.tgz.yaml"]),
        ("*~", ["values.yaml~", "templates/a~"], ["~a"]),
        (".git/", [".git/config", "files/.git/config"], [".git", "files/.gitignore"]),
        ("files/*.txt", ["files/a.txt"], ["a.txt", "files/more/a.txt", "other/files/a.txt"]),
        ("/ci", ["ci", "ci/values.yaml"], ["files/ci"]),
        ("templates/.?*", ["templates/.swp"], ["templates/a.swp", ".helmignore"]),
    ],
)
def test_the_chart_leaves_out_what_helm_would(pattern: str, ignored: list[str], kept: list[str]) -> None:
    assert [path for path in ignored if not chart.is_ignored(PurePosixPath(path), [pattern])] == []
    assert [path for path in kept if chart.is_ignored(PurePosixPath(path), [pattern])] == []


@pytest.mark.parametrize("pattern", ["!values.yaml", "**/old", "[ab].txt"])
def test_a_pattern_that_is_not_understood_is_an_error(tmp_path: Path, pattern: str) -> None:
    folder = checkout(tmp_path)
    (folder / CHART / ".helmignore").write_text(f"# these\n\n*.tgz\n{pattern}\n")
    with pytest.raises(chart.PatternError, match=re.escape(repr(pattern))):
        chart.files(folder)


def test_the_source_distribution_builds_the_same_wheel(dist: Path, tmp_path: Path) -> None:
    with tarfile.open(dist / f"{PACKAGE}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    [wheel] = WheelBuilder(str(tmp_path / PACKAGE)).build(directory=str(tmp_path), versions=["standard"])
    assert names_in(Path(wheel)) == names_in(dist / f"{PACKAGE}-py3-none-any.whl")


def names_in(wheel: Path) -> list[str]:
    return sorted(ZipFile(wheel).namelist())


def test_the_inventory_is_that_of_the_lock(dist: Path) -> None:
    kept = inventory.FILE.read_text()
    assert kept == inventory.text(), "make lock writes it anew"
    assert kept == (dist / f"{NAME}.cdx.json").read_text()
    document = json.loads(kept)
    assert (document["bomFormat"], document["metadata"]["component"]["version"]) == ("CycloneDX", __version__)
    lock = (ROOT / "requirements" / "runtime.lock").read_text()
    locked = re.findall(r"(?m)^([a-z0-9._-]+)==(\S+)", lock)
    assert [(c["name"], c["version"]) for c in document["components"]] == locked
    [own] = [d["dependsOn"] for d in document["dependencies"] if d["ref"] == "emqx-autocluster"]
    assert {name.partition("@")[0] for name in own} <= {name for name, _ in locked}
    assert "http" not in kept.replace("http://cyclonedx.org/schema/", "").replace("aiohttp", "")
