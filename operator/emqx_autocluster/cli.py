"""The command line: `run` is the operator; all other commands are for people.

Each loads what it needs when it is called: to look at a manifest takes no client of Kubernetes, and to look at a
cluster nothing that watches it.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from emqx_autocluster import __version__
from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.commands import permissions
from emqx_autocluster.commands.formats import DoctorOutput, LintOutput
from emqx_autocluster.commands.targets import TargetError
from emqx_autocluster.settings import Settings

T = TypeVar("T")
_COULD_NOT_TELL = 2

app = typer.Typer(
    name="emqx-autocluster",
    help="Keeps the clustering of EMQX Deployments and StatefulSets healthy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Kubeconfig = Annotated[
    Path | None, typer.Option(help="Path of the kubeconfig; default: $KUBECONFIG, ~/.kube/config.")
]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig.")]
Workload = Annotated[str, typer.Argument(help="deployment/NAME or statefulset/NAME (deploy/, sts/).")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace; default: all, or `default`.")
]


@app.command()
def run(kubeconfig: Kubeconfig = None, context: Context = None) -> None:
    """Run the operator: in a cluster by its ServiceAccount, elsewhere by a kubeconfig."""
    from emqx_autocluster import handlers, service

    settings = _settings(kubeconfig, context)
    _log(settings)
    try:
        asyncio.run(_until_signalled(lambda stop: service.run(settings, stop)))
    except (ClientError, service.CRDMissingError, handlers.WatchFailedError) as error:
        logging.getLogger(__name__).critical("the operator cannot go on: %s", error)
        raise typer.Exit(1) from error


async def _until_signalled(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(stop)


@app.command()
def status(namespace: Namespace = None, kubeconfig: Kubeconfig = None, context: Context = None) -> None:
    """Show all enrolled workloads: members, islands, and why one is not well."""
    from emqx_autocluster.commands import tables

    _for_people(tables.show(_settings(kubeconfig, context), namespace))


@app.command(name="doctor")
def doctor_command(
    workload: Annotated[
        str | None,
        typer.Argument(help="deployment/NAME or statefulset/NAME; default: all that look like EMQX."),
    ] = None,
    namespace: Namespace = None,
    *,
    output: Annotated[
        DoctorOutput, typer.Option("--output", "-o", help="For people, or for programs.")
    ] = DoctorOutput.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Find out why EMQX does not cluster: needs no operator, uses your rights, writes nothing.

    Exit code: 0 all is well, 1 something is wrong, 2 it could not be told.
    """
    from emqx_autocluster.commands import doctor

    work = doctor.run(_settings(kubeconfig, context), namespace, workload, output)
    raise typer.Exit(_for_people(work, failed=_COULD_NOT_TELL))


@app.command(name="lint")
def lint_command(
    files: Annotated[
        list[str],
        typer.Option("--filename", "-f", help="A manifest, a folder of them, or - for what comes by pipe."),
    ],
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace", "-n", help="Where what names no namespace will be applied; default: not known."
        ),
    ] = None,
    *,
    output: Annotated[
        LintOutput, typer.Option("--output", "-o", help="For people, for programs, or for code hosts.")
    ] = LintOutput.TEXT,
) -> None:
    """Find in manifests what will keep EMQX from clustering: needs no cluster.

    For a chart of Helm: helm template . | emqx-autocluster lint -f -

    Exit code: 0 nothing is wrong, 1 something is, 2 it could not be read.
    """
    from emqx_autocluster.commands import documents, lint

    try:
        verdict = lint.run(files, namespace, output)
    except documents.UnreadableError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(_COULD_NOT_TELL) from error
    raise typer.Exit(verdict)


@app.command(name="plan")
def plan_command(
    workload: Workload,
    namespace: Namespace = None,
    *,
    patch: Annotated[bool, typer.Option("--patch", help="Only the patch, as YAML to commit.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show what Repair would do to a workload: commands, a diff, and the patch to commit. Writes nothing."""
    from emqx_autocluster.commands import doctor

    _for_people(doctor.plan(_settings(kubeconfig, context), namespace, workload, only_patch=patch))


@app.command(name="explain")
def explain_command(
    reason: Annotated[
        str,
        typer.Argument(
            help="A reason, such as APIServerUnreachable; a condition, such as DNSHealthy; or a family of causes: dns."
        ),
    ],
) -> None:
    """Say what a reason means, how to see it by hand, and what cures it."""
    from emqx_autocluster.commands import explain

    try:
        explain.show(reason)
    except explain.UnknownReasonError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@app.command(name="revert")
def revert_command(
    workload: Workload,
    namespace: Namespace = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Put back what the operator changed in a workload. This is a rolling restart, and sets mode Observe."""
    from emqx_autocluster.commands import revert

    _for_people(revert.revert(_settings(kubeconfig, context), namespace or "default", workload, yes=yes))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _for_people(work: Coroutine[Any, Any, T], *, failed: int = 1) -> T:
    """`failed`: the exit code where the work could not be done."""
    try:
        return asyncio.run(work)
    except (ClientError, TargetError) as error:
        typer.echo(f"error: {permissions.in_kubectl_words(str(error))}", err=True)
        raise typer.Exit(failed) from error


def _settings(kubeconfig: Path | None, context: str | None) -> Settings:
    given = {"kubeconfig": kubeconfig, "context": context}
    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def _log(settings: Settings) -> None:
    from pythonjsonlogger.json import JsonFormatter

    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)


def main() -> None:
    app()
