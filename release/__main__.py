"""`python -m release`: builds dist/ from a clean commit, or says in one sentence why not."""

import sys

from emqx_autocluster import __version__
from release import artifacts, tree
from release.inventory import ROOT


def main() -> int:
    try:
        commit = tree.releasable(ROOT, __version__)
    except tree.NotReleasableError as error:
        print(f"error: {error}.", file=sys.stderr)
        return 1
    for file in artifacts.build(ROOT, ROOT / "dist", __version__, commit):
        print(f"{file.relative_to(ROOT)} is made")
    return 0


if __name__ == "__main__":
    sys.exit(main())
