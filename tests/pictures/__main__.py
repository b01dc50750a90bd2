"""`python -m pictures`: makes docs/pictures anew, in a cluster of its own."""

import asyncio

from rich.text import Text

from pictures import FOLDER, picture, scenes
from running import ROOT
from stage import own_cluster

NAMESPACE = "iot"


async def main() -> None:
    async with own_cluster() as cluster:
        story = await cluster.story(NAMESPACE)
        await scenes.prepared(story)
        keep(
            "doctor",
            Text.from_ansi(await scenes.doctor(story, {})),
            f"emqx-autocluster doctor deployment/emqx -n {NAMESPACE}",
        )
        await scenes.enrolled(story)
        shown = Text.from_ansi(await scenes.status(story, {}))
        keep("status", shown, f"emqx-autocluster status -n {NAMESPACE}")
    keep("demo", await scenes.demo(), "make demo")


def keep(name: str, text: Text, title: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{name}.svg"
    file.write_text(picture(text, title))
    print(f"{file.relative_to(ROOT)} is made")


if __name__ == "__main__":
    asyncio.run(main())
