"""`python -m compat`: exit code 0: all passed on each version; 1: something did not; 130: Ctrl-C."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from compat import course, table
from sandbox import binaries

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_INTERRUPTED = 130


@app.command()
def main(
    only: Annotated[str, typer.Option(help="Minor versions, with commas between; none: all.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="How many tests at a time.")] = 4,
    report: Annotated[
        Path | None, typer.Option(help="Write the table here, for docs/compatibility.md.")
    ] = None,
) -> None:
    """Run the API-server tests and five stories on each version of Kubernetes, one after the other."""
    chosen = _chosen(only)
    runs: list[course.Run] = []
    try:
        for number, (minor, version) in enumerate(chosen.items(), 1):
            print(f"\n== Kubernetes {version}, {number} of {len(chosen)}\n", flush=True)
            runs.append(course.run(minor, version, workers))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    finally:
        if runs:
            _tell(runs, report)
    sys.exit(0 if all(run.well for run in runs) else 1)


def _chosen(only: str) -> dict[str, str]:
    known = binaries.versions()
    words = [word.strip() for word in only.split(",") if word.strip()] or list(known)
    unknown = [word for word in words if word not in known]
    if unknown:
        sys.exit(f"error: {', '.join(unknown)} is not known here: it has to be of {', '.join(known)}.")
    return {minor: version for minor, version in known.items() if minor in words}


def _tell(runs: list[course.Run], report: Path | None) -> None:
    print("", table.markdown(runs), *table.shortfalls(runs), sep="\n")
    if report:
        report.write_text(table.markdown(runs) + "\n")


if __name__ == "__main__":
    app()
