"""The doctor's page in a real browser, which has to be installed: nothing is complained of."""

import shutil
import subprocess
from pathlib import Path

import pytest

from builders import AT, the_seed_story
from emqx_autocluster.commands import checkup, webpage
from hostile_text import hostile_case

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SECONDS = 120


@pytest.mark.parametrize("width", [360, 1440])
def test_it_opens_without_a_complaint(tmp_path: Path, width: int) -> None:
    assert CHROMIUM, "Chromium is needed: Debian's package chromium"
    page = tmp_path / "page.html"
    cases = [the_seed_story(), hostile_case()]
    page.write_text(webpage.render([checkup.examine(case) for case in cases], AT))
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900",
            "--enable-logging=stderr",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    assert "Who is with whom" in done.stdout
    complaints = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    assert complaints == []
