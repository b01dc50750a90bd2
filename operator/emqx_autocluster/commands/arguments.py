"""Options and arguments that several commands have, what they accept, and what Tab offers for them."""

from pathlib import Path
from typing import Annotated

import typer

from emqx_autocluster.emqx import versions


def _an_emqx_version(given: str | None) -> str | None:
    if given is not None and versions.parse(given) is None:
        raise typer.BadParameter(
            f"{given} is no version of EMQX that is known; expected one such as 5.8.9 or 5.8"
        )
    return given


def a_duration(given: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from emqx_autocluster.api.v1alpha1 import Duration

    try:
        TypeAdapter(Duration).validate_python(given)
    except ValidationError as error:
        raise typer.BadParameter(f"{given} is no time; expected one such as 90m, 2h or 1h30m") from error
    return given


def workloads(ctx: typer.Context, incomplete: str) -> list[str]:
    from emqx_autocluster.commands import completion

    return completion.workloads(ctx.params, incomplete)


def _namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    from emqx_autocluster.commands import completion

    return completion.namespaces(ctx.params, incomplete)


def explained(incomplete: str) -> list[str]:
    from emqx_autocluster.commands import completion

    return completion.explained(incomplete)


Kubeconfig = Annotated[
    Path | None, typer.Option(help="Path of the kubeconfig; default: $KUBECONFIG, ~/.kube/config.")
]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig.")]
Workload = Annotated[
    str,
    typer.Argument(help="deployment/NAME or statefulset/NAME (deploy/, sts/).", autocompletion=workloads),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace", "-n", help="Namespace; default: all, or `default`.", autocompletion=_namespaces
    ),
]
Watch = Annotated[
    bool, typer.Option("--watch", "-w", help="Go on, and show what changes as it does; Ctrl-C ends it.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Let advice count as well, for the exit code.")]
EmqxVersion = Annotated[
    str | None,
    typer.Option(
        "--emqx-version",
        help="Which EMQX it is, where no image and no process tells: 5.8.9, or 5.8.",
        callback=_an_emqx_version,
    ),
]
