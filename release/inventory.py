"""The software bill of materials: what the image has beside Python and Debian's own, as CycloneDX, from the lock.

`python -m release.inventory` writes it anew, as `make lock` does. It depends on nothing but the lock and the version,
so that it is the same wherever and whenever it is made.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from emqx_autocluster import __version__

ROOT = Path(__file__).parent.parent
FILE = ROOT / "requirements" / "runtime.cdx.json"
_LOCK = ROOT / "requirements" / "runtime.lock"
_ENTRY = re.compile(r"(?m)^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\\n]+?))? \\?$")


def text() -> str:
    """The document, as JSON."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    own = Component(
        name=project["name"],
        version=__version__,
        description=project["description"],
        type=ComponentType.APPLICATION,
        bom_ref=project["name"],
    )
    found = {component.name: component for component in _locked(_LOCK.read_text())}
    bom = Bom(components=found.values())
    bom.metadata.component = own
    # Neither when nor by which run: else no two would be the same.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.serial_number = None  # type: ignore[assignment]
    direct = [canonicalize_name(Requirement(line).name) for line in project["dependencies"]]
    bom.register_dependency(own, [found[name] for name in direct])
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _locked(lock: str) -> list[Component]:
    return [_component(**entry.groupdict()) for entry in _ENTRY.finditer(lock)]


def _component(name: str, version: str, marker: str | None) -> Component:
    return Component(
        name=name,
        version=version,
        purl=PackageURL("pypi", None, name, version),
        bom_ref=f"{name}@{version}",
        scope=ComponentScope.OPTIONAL if marker else ComponentScope.REQUIRED,
        properties=[Property(name="emqx-autocluster:installed-where", value=marker)] if marker else [],
    )


if __name__ == "__main__":
    FILE.write_text(text())
