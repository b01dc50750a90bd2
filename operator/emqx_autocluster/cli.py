"""The command line: `run` is the operator; all other commands are for people.

Each loads what it needs when it is called: to look at a manifest takes no client of Kubernetes, and to look at a
cluster nothing that watches it.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from emqx_autocluster import __version__
from emqx_autocluster.clients.errors import ClientError, Unavailable
from emqx_autocluster.commands import permissions
from emqx_autocluster.commands.arguments import (
    Context,
    EmqxVersion,
    Kubeconfig,
    Namespace,
    Strict,
    Watch,
    Workload,
    a_duration,
    explained,
    workloads,
)
from emqx_autocluster.commands.formats import DoctorOutput, HealAction, LintOutput, PlanOutput, ReportOutput
from emqx_autocluster.commands.targets import TargetError
from emqx_autocluster.settings import Settings

T = TypeVar("T")
_COULD_NOT_TELL = 2
_INTERRUPTED = 130
"""By Ctrl-C, as shells have it."""

app = typer.Typer(
    name="emqx-autocluster",
    help="Keeps the clustering of EMQX Deployments and StatefulSets healthy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def run(kubeconfig: Kubeconfig = None, context: Context = None) -> None:
    """Run the operator: in a cluster by its ServiceAccount, elsewhere by a kubeconfig."""
    from emqx_autocluster.runtime import handlers, service

    settings = _settings(kubeconfig, context)
    _log(settings)
    try:
        asyncio.run(_until_signalled(lambda stop: service.run(settings, stop)))
    except (ClientError, service.CRDMissingError, handlers.WatchFailedError) as error:
        logging.getLogger(__name__).critical("the operator cannot go on: %s", error)
        raise typer.Exit(1) from error


async def _until_signalled(work: Callable[[asyncio.Event], Awaitable[None]]) -> NoReturn:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(stop)
    # All is in order by now. What is left are kopf's watches, which take seconds to end and have nothing to lose.
    logging.shutdown()
    os._exit(0)


@app.command()
def status(
    namespace: Namespace = None,
    *,
    watch: Watch = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show all enrolled workloads: members, islands, and why one is not well."""
    from emqx_autocluster.commands import tables

    _for_people(tables.show(_settings(kubeconfig, context), namespace, watch=watch))


@app.command(name="doctor")
def doctor_command(
    workload: Annotated[
        str | None,
        typer.Argument(
            help="deployment/NAME or statefulset/NAME; default: all that look like EMQX.",
            autocompletion=workloads,
        ),
    ] = None,
    namespace: Namespace = None,
    *,
    emqx_version: EmqxVersion = None,
    strict: Strict = False,
    watch: Watch = False,
    output: Annotated[
        DoctorOutput,
        typer.Option("--output", "-o", help="For people, for programs, or as a page to hand on."),
    ] = DoctorOutput.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Find out why EMQX does not cluster: needs no operator, uses your rights, writes nothing.

    Exit code: 0 all is well, 1 something is wrong, 2 it could not be told.
    """
    from emqx_autocluster.commands import doctor

    asked = doctor.Question(namespace, workload, emqx_version)
    if watch and output is not DoctorOutput.TEXT:
        raise typer.BadParameter("is for people: it goes with no --output", param_hint="--watch")
    if watch:
        _for_people(doctor.watch(_settings(kubeconfig, context), asked), failed=_COULD_NOT_TELL)
    work = doctor.run(_settings(kubeconfig, context), asked, output, strict=strict)
    raise typer.Exit(_for_people(work, failed=_COULD_NOT_TELL))


@app.command(name="report")
def report_command(
    workload: Workload,
    namespace: Namespace = None,
    *,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            help="How far back: 90m, 2h. Kubernetes keeps events for an hour.",
            callback=a_duration,
        ),
    ] = "2h",
    emqx_version: EmqxVersion = None,
    output: Annotated[
        ReportOutput, typer.Option("--output", "-o", help="For people, for programs, or as a page to attach.")
    ] = ReportOutput.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Tell what is wrong with a workload and what happened to it, for a ticket: uses your rights, writes nothing.

    One file with all of it: emqx-autocluster report deploy/emqx -n iot -o html > report.html

    Exit code: as doctor.
    """
    from emqx_autocluster.api.v1alpha1 import delta
    from emqx_autocluster.commands import doctor, report

    asked = doctor.Question(namespace, workload, emqx_version)
    work = report.run(_settings(kubeconfig, context), asked, delta(since), output)
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
    emqx_version: EmqxVersion = None,
    strict: Strict = False,
    output: Annotated[
        LintOutput,
        typer.Option(
            "--output", "-o", help="For people, programs, code hosts; or the cures, for kustomize or helm."
        ),
    ] = LintOutput.TEXT,
) -> None:
    """Find in manifests what will keep EMQX from clustering: needs no cluster.

    For a chart of Helm: helm template . | emqx-autocluster lint -f -

    Exit code: 0 nothing is wrong in what was judged, 1 something is, 2 it could not be read.
    """
    from emqx_autocluster.commands import documents, lint

    try:
        verdict = lint.run(files, lint.Options(namespace, emqx_version, strict), output)
    except documents.UnreadableError as error:
        _complain(error)
        raise typer.Exit(_COULD_NOT_TELL) from error
    raise typer.Exit(verdict)


@app.command(name="plan")
def plan_command(
    workload: Workload,
    namespace: Namespace = None,
    *,
    emqx_version: EmqxVersion = None,
    patch: Annotated[bool, typer.Option("--patch", help="Only the patch, as YAML to commit.")] = False,
    output: Annotated[
        PlanOutput,
        typer.Option("--output", "-o", help="For people; or what to commit, for kustomize or helm."),
    ] = PlanOutput.TEXT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show what Repair would do to a workload: commands, a diff, and the patch to commit. Writes nothing."""
    from emqx_autocluster.commands import doctor

    asked = doctor.Question(namespace, workload, emqx_version)
    _for_people(doctor.plan(_settings(kubeconfig, context), asked, output, only_patch=patch))


@app.command(name="explain")
def explain_command(
    reason: Annotated[
        str,
        typer.Argument(
            help="A reason, such as APIServerUnreachable; a condition, such as DNSHealthy; or a family of causes: dns.",
            autocompletion=explained,
        ),
    ],
) -> None:
    """Say what a reason means, how to see it by hand, and what cures it."""
    from emqx_autocluster.commands import explain

    try:
        explain.show(reason)
    except explain.UnknownReasonError as error:
        _complain(error)
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


@app.command(name="heal")
def heal_command(
    workload: Workload,
    namespace: Namespace = None,
    *,
    action: Annotated[
        HealAction | None, typer.Option("--action", help="Only if it is this that is due; allows EvictPod.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show what is due, and which guard refuses; default without a terminal."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Heal members that stand apart and names that nobody has: what mode Heal does, by hand and by the same guards.

    Exit code: 0 nothing is to be healed, 1 something is and was not, 2 it could not be told.
    """
    from emqx_autocluster.commands import heal
    from emqx_autocluster.healing import Action

    chosen = Action(action) if action else None
    work = heal.heal(
        _settings(kubeconfig, context),
        namespace or "default",
        workload,
        action=chosen,
        dry_run=dry_run,
        yes=yes,
    )
    raise typer.Exit(_for_people(work, failed=_COULD_NOT_TELL))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _for_people(work: Coroutine[Any, Any, T], *, failed: int = 1) -> T:
    """`failed`: the exit code where the work could not be done; without an answer of the API server it is always 2."""
    try:
        return asyncio.run(work)
    except Unavailable as error:
        _complain(error)
        raise typer.Exit(_COULD_NOT_TELL) from error
    except (ClientError, TargetError) as error:
        _complain(error)
        raise typer.Exit(failed) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(_INTERRUPTED) from error


def _complain(error: Exception) -> None:
    from emqx_autocluster.commands import terminal

    terminal.error(f"error: {permissions.in_kubectl_words(str(error))}")


def _settings(kubeconfig: Path | None, context: str | None) -> Settings:
    from pydantic import ValidationError

    given = {"kubeconfig": kubeconfig, "context": context}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        for each in error.errors():
            variable = f"{Settings.model_config['env_prefix']}{each['loc'][0]}".upper()
            _complain(ValueError(f"{variable}: {each['msg'].removeprefix('Value error, ')}"))
        raise typer.Exit(_COULD_NOT_TELL) from error


def _log(settings: Settings) -> None:
    from emqx_autocluster.runtime import logs

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logs.formatter(settings.log_format))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)


def main() -> None:
    app()
