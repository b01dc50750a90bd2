"""A cluster whose tenant writes codes for terminals wherever text may stand, and a person who looks at it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import yaml

from emulator import acts
from siege import forgeries
from story import Story


def shown(story: Story, *arguments: str) -> str:
    """All that the command prints, stderr included, for whatever stands behind the pipe."""
    argv = [str(Path(sys.executable).parent / "emqx-autocluster"), *arguments]
    environment = {**os.environ, "KUBECONFIG": str(story.sandbox.kubeconfig), "COLUMNS": "100"}
    done = subprocess.run(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.stdout.decode()


async def test_nothing_that_a_hostile_cluster_holds_acts_on_the_terminal_of_who_looks(
    story: Story, tmp_path: Path
) -> None:
    bodies = forgeries.codes(story.namespace)
    await story.apply(*bodies)
    await story.until_condition("ConfigurationValid", "False")
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(yaml.safe_dump_all(bodies, allow_unicode=True))
    looks = (
        ("doctor", "-n", story.namespace),
        ("doctor", "-n", story.namespace, "-o", "yaml"),
        ("plan", "-n", story.namespace, "deployment/emqx"),
        ("status", "-n", story.namespace),
        ("lint", "-f", str(manifest)),
        ("lint", "-f", str(manifest), "-o", "json"),
    )
    for look in looks:  # one after the other: a command gives up after 10 s without an answer
        output = await asyncio.to_thread(shown, story, *look)
        assert "Traceback" not in output, output
        assert (look, acts(output)) == (look, [])
        # What a plan or a status says depends on how far the pods are by then.
        assert r"\x1b" in output or look[0] in {"plan", "status"}, (look, output)
