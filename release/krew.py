"""`python -m release.krew URI`: the plugin's archives and the manifest with which krew installs it, into dist/krew."""

import argparse
import hashlib
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from emqx_autocluster import __version__
from release import plugin, tree
from release.inventory import ROOT
from release.plugin import Platform

NAME = "emqx-autocluster"
_DESCRIPTION = f"""\
Looks at Deployments and StatefulSets that run EMQX with your own rights, says why their members do not find each other,
and what cures it: doctor, lint, plan, explain, status, report. No operator has to run for it.
It needs CPython {plugin.PYTHONS[0]} to {plugin.PYTHONS[-1]} on the PATH.
"""
_CAVEATS = f"""\
For completion by Tab, once:
  ln -s {plugin.COMMAND} "${{KREW_ROOT:-$HOME/.krew}}/bin/{plugin.COMMAND.replace("kubectl-", "kubectl_complete-")}"
"""


def manifest(version: str, uri: str, sums: Mapping[Platform, str]) -> dict[str, Any]:
    """`uri`: the folder in which the archives are published; `sums`: the SHA-256 of each."""
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": NAME},
        "spec": {
            "version": f"v{version}",
            "shortDescription": "Find out why EMQX does not cluster",
            "description": _DESCRIPTION,
            "caveats": _CAVEATS,
            "platforms": [
                {
                    "selector": {"matchLabels": {"os": platform.os, "arch": platform.arch}},
                    "uri": f"{uri.rstrip('/')}/{plugin.file_name(version, platform)}",
                    "sha256": sums[platform],
                    "bin": plugin.COMMAND,
                }
                for platform in sums
            ],
        },
    }


def build(into: Path, uri: str, commit: tree.Commit, platforms: tuple[Platform, ...]) -> Path:
    """The manifest's path; the archives lie beside it."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    made = {each: plugin.build(ROOT, into, each, __version__, commit, print) for each in platforms}
    sums = {each: hashlib.sha256(file.read_bytes()).hexdigest() for each, file in made.items()}
    file = into / f"{NAME}.yaml"
    file.write_text(written(manifest(__version__, uri, sums)))
    return file


def written(manifest: Mapping[str, Any]) -> str:
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False)


class _Dumper(yaml.SafeDumper):
    """With texts of several lines as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m release.krew", description=__doc__)
    parser.add_argument("uri", help="the folder in which the archives are published: https://...")
    uri: str = parser.parse_args().uri
    try:
        commit = tree.releasable(ROOT, __version__)
    except tree.NotReleasableError as error:
        print(f"error: {error}.", file=sys.stderr)
        return 1
    file = build(ROOT / "dist" / "krew", uri, commit, plugin.PLATFORMS)
    print(f"{file.relative_to(ROOT)} is made, and {len(plugin.PLATFORMS)} archives beside it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
