"""`python -m sandbox up` runs a sandbox until Ctrl-C; `python -m sandbox build` only builds its programs."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from sandbox import binaries, supervisor
from sandbox.supervisor import Options
from sandbox.telling import SandboxError

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)

StateOption = Annotated[
    Path | None, typer.Option(help="Folder for its files. Default: a new one, removed at the end.")
]
NodesOption = Annotated[int, typer.Option(min=1, help="How many hollow nodes the cluster has.")]
NodeGraceOption = Annotated[
    str,
    typer.Option(help="How long after its last word a node counts as dead; no busy machine looks like it."),
]
NoKubeletOption = Annotated[bool, typer.Option("--no-kubelet", help="A control plane without nodes.")]
WithParentOption = Annotated[bool, typer.Option("--with-parent", help="End when the parent process ends.")]


@app.command()
def up(
    state: StateOption = None,
    nodes: NodesOption = 1,
    node_grace: NodeGraceOption = "5m",
    *,
    no_kubelet: NoKubeletOption = False,
    with_parent: WithParentOption = False,
) -> None:
    """Start a cluster and stay until Ctrl-C or SIGTERM."""
    options = Options(nodes=nodes, node_grace=node_grace, kubelet=not no_kubelet, with_parent=with_parent)
    folder = state or Path(tempfile.mkdtemp(prefix="emqx-sandbox-"))
    asyncio.run(supervisor.run(folder, options, _tell))
    if state is None:  # not after an error: its message names log files in there
        shutil.rmtree(folder)


@app.command()
def build() -> None:
    """Build what is missing of the programs, and say where they are."""
    for name, path in sorted(asyncio.run(binaries.provide(_tell)).items()):
        _tell(f"{name:24} {path}")


def _tell(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    try:
        app()
    except SandboxError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
