"""Runs what a person would type, and shows it: each line of the demo can be copied."""

import asyncio
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from demo.screen import Screen
from sandbox.handle import SandboxHandle

_SECONDS = 120


class CommandError(Exception):
    """A command of the story did not end well: what it was, and what it said."""


@dataclass(frozen=True, slots=True)
class Shell:
    screen: Screen
    sandbox: SandboxHandle
    root: Path
    """The repository: commands are run there, so that they name files as its reader would."""

    def exports(self) -> list[str]:
        """What has to be typed once in another terminal."""
        lines = [f"export KUBECONFIG={self.sandbox.kubeconfig}"]
        if shutil.which("kubectl") is None:
            lines.append(f'export PATH="{self.sandbox.bin}:$PATH"')
        return lines

    async def run(self, *argv: str) -> str:
        """Shows the command and all that it prints."""
        self.screen.command(argv)
        output = await self.quietly(*argv)
        self.screen.output(output)
        return output

    async def quietly(self, *argv: str, may_fail: bool = False) -> str:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=self.root,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_SECONDS):
                output = (await process.communicate())[0].decode(errors="replace")
        except TimeoutError:
            raise CommandError(f"{' '.join(argv)}: no end after {_SECONDS} s") from None
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode and not may_fail:
            raise CommandError(f"{' '.join(argv)}: {output.strip()}")
        return output

    def _environment(self) -> dict[str, str]:
        # A kubectl of the person's own comes first, as it will when the line is copied.
        path = [os.environ.get("PATH", ""), str(self.sandbox.bin), str(Path(sys.executable).parent)]
        return os.environ | {"KUBECONFIG": str(self.sandbox.kubeconfig), "PATH": os.pathsep.join(path)}
