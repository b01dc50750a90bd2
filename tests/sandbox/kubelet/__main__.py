"""`python -m sandbox.kubelet --config FILE`."""

import asyncio
import logging
import signal
from pathlib import Path
from typing import Annotated

import typer

from . import config as configuration
from .kubelet import Kubelet


def main(config: Annotated[Path, typer.Option(help="kubelet.json, as the supervisor writes it")]) -> None:
    """Run hollow nodes until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_serve(Kubelet(configuration.read(config))))


async def _serve(kubelet: Kubelet) -> None:
    serving = asyncio.create_task(kubelet.serve())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        logging.getLogger(__name__).info("stopped")


if __name__ == "__main__":
    typer.run(main)
