"""What `make plugin` packs, and what the packed launcher does with the Python that it finds."""

import subprocess
import sys
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest
import yaml

from release import archive, krew, plugin
from release.archive import Entry
from release.tree import Commit

COMMIT = Commit("0" * 40, 1_800_000_000)
THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"
LAUNCHER = Path(plugin.__file__).with_name("launcher.py")


def wheel(folder: Path, *names: str) -> Path:
    file = folder / "some-1.0-py3-none-any.whl"
    with ZipFile(file, "w") as packed:
        for name in names:
            packed.writestr(name, name)
    return file


def launched(folder: Path, *pythons: str, name: str = plugin.COMMAND) -> subprocess.CompletedProcess[str]:
    """The launcher under that name, with parts for these Pythons, and commands that say who they are."""
    for each in pythons:
        (folder / "lib" / each).mkdir(parents=True)
    package = folder / "lib" / "any" / "emqx_autocluster"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for module in ("cli", "kubectl_complete"):
        (package / f"{module}.py").write_text(f"import sys\ndef main(): print('{module}', *sys.argv[1:])\n")
    (folder / plugin.COMMAND).write_bytes(LAUNCHER.read_bytes())
    if name != plugin.COMMAND:
        (folder / name).symlink_to(plugin.COMMAND)
    argv = [sys.executable, folder / name, "doctor", "--strict"]
    return subprocess.run(argv, env={"PATH": ""}, check=False, capture_output=True, text=True)


def test_the_launcher_runs_the_command_with_the_parts_beside_it(tmp_path: Path) -> None:
    assert launched(tmp_path, THIS).stdout == "cli doctor --strict\n"


def test_under_the_name_that_kubectl_asks_for_completion_it_completes(tmp_path: Path) -> None:
    done = launched(tmp_path, THIS, name="kubectl_complete-emqx_autocluster")
    assert done.stdout == "kubectl_complete doctor --strict\n"


def test_without_a_python_that_it_has_parts_for_it_says_which_ones_would_do(tmp_path: Path) -> None:
    done = launched(tmp_path, "cp398", "cp399")
    assert (done.returncode, done.stdout) == (1, "")
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    needed = "this plugin needs CPython 3.98 to 3.99 on the PATH"
    assert done.stderr == f"error: {needed}, and python3 is {own}; install one of them.\n"


def test_the_commands_of_others_stay_out_of_the_archive(tmp_path: Path) -> None:
    file = wheel(tmp_path, "some/__init__.py", "some-1.0.data/scripts/some", "some-1.0.dist-info/METADATA")
    assert [name for name, _ in plugin.files(file)] == ["some/__init__.py", "some-1.0.dist-info/METADATA"]


def test_what_only_pip_can_place_is_refused_and_not_lost(tmp_path: Path) -> None:
    file = wheel(tmp_path, "some-1.0.data/purelib/some.py")
    with pytest.raises(
        plugin.UnpackableError, match=r"some-1\.0-py3-none-any\.whl has some-1\.0\.data/purelib"
    ):
        list(plugin.files(file))


def test_an_archive_depends_on_its_files_and_the_commit_alone() -> None:
    entries = [Entry(PurePosixPath("a"), b"1"), Entry(PurePosixPath("b", "c" * 120), b"2", executable=True)]
    assert archive.pack(entries, COMMIT) == archive.pack(entries, COMMIT)
    assert archive.pack(entries, COMMIT) != archive.pack(entries[:1], COMMIT)


def test_the_manifest_names_an_archive_for_each_platform() -> None:
    sums = {platform: f"{place:064x}" for place, platform in enumerate(plugin.PLATFORMS)}
    manifest = krew.manifest("1.2.3", "https://example.com/there/", sums)
    assert manifest["spec"]["version"] == "v1.2.3"
    assert [
        (p["selector"]["matchLabels"], p["uri"].rpartition("-1.2.3-"), p["sha256"])
        for p in manifest["spec"]["platforms"]
    ] == [
        (
            {"os": os, "arch": arch},
            (f"https://example.com/there/{plugin.COMMAND}", "-1.2.3-", f"{os}-{arch}.tar.gz"),
            f"{place:064x}",
        )
        for place, (os, arch) in enumerate(
            [("linux", "amd64"), ("linux", "arm64"), ("darwin", "amd64"), ("darwin", "arm64")]
        )
    ]


def test_its_texts_are_written_as_they_are_read() -> None:
    text = krew.written(krew.manifest("1.2.3", "https://example.com", {}))
    assert "\n  caveats: |\n    For completion by Tab, once:\n" in text
    assert yaml.safe_load(text) == krew.manifest("1.2.3", "https://example.com", {})
