"""One record is one line, whatever an object or an answer holds."""

import io
import json
import logging
from datetime import datetime, timedelta

import pytest

from emqx_autocluster.runtime import logs

FORGED = "\x1b[2K2026-11-23 12:00:00 INFO all is well"


@pytest.fixture
def lines() -> io.StringIO:
    return io.StringIO()


def logger(kind: str, lines: io.StringIO) -> logging.Logger:
    handler = logging.StreamHandler(lines)
    handler.setFormatter(logs.formatter(kind))
    found = logging.Logger("test")  # noqa: LOG001 - one that nobody else has
    found.addHandler(handler)
    return found


def test_a_line_of_text_stays_one(lines: io.StringIO) -> None:
    logger("text", lines).warning("it said: %s", f"no\n{FORGED}")
    [line] = lines.getvalue().splitlines()
    assert line.endswith(rf"WARNING test: it said: no\n{FORGED}".replace("\x1b", r"\x1b"))


def test_a_traceback_is_indented_and_seen(lines: io.StringIO) -> None:
    try:
        int(f"bad\n{FORGED}")
    except ValueError:
        logger("text", lines).exception("the pass crashed")
    first, *trace = lines.getvalue().splitlines()
    assert first.endswith("ERROR test: the pass crashed")
    assert all(line.startswith("  ") and line.isprintable() for line in trace)


def test_every_field_of_a_record_in_json_is_plain_text(lines: io.StringIO) -> None:
    logger("json", lines).warning("it said: %s", FORGED, extra={"workload": f"a\u202e{FORGED}"})
    record = json.loads(lines.getvalue())
    assert all(value.isprintable() for value in record.values())
    assert record["workload"].startswith(r"a\u202e\x1b[2K2026")


def test_a_record_in_json_says_when_in_utc_and_how_grave_by_the_documented_keys(lines: io.StringIO) -> None:
    logger("json", lines).warning("it said: %s", "no")
    record = json.loads(lines.getvalue())
    assert datetime.fromisoformat(record.pop("timestamp")).utcoffset() == timedelta(0)
    assert record == {"level": "WARNING", "logger": "test", "message": "it said: no"}
