"""A container's log: what `kubectl logs` asks for."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.kubelet.logs import MAX_LINES, LogBuffer, LogOptions, read

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def text(buffer: LogBuffer, options: LogOptions) -> str:
    return b"".join([data async for data in read(buffer, options)]).decode()


def three() -> LogBuffer:
    buffer = LogBuffer()
    buffer.write("one\ntwo")
    buffer.write("three")
    return buffer


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (LogOptions(), "one\ntwo\nthree\n"),
        (LogOptions(tail=1), "three\n"),
        (LogOptions(tail=0), ""),
        (LogOptions(tail=9), "one\ntwo\nthree\n"),
        (LogOptions(limit_bytes=5), "one\nt"),
        (LogOptions(since=datetime.now(UTC) + timedelta(hours=1)), ""),
    ],
)
async def test_selection(options: LogOptions, expected: str) -> None:
    assert await text(three(), options) == expected


async def test_timestamps_are_rfc3339_with_nanoseconds() -> None:
    first = (await text(three(), LogOptions(timestamps=True))).splitlines()[0]
    stamp, line = first.split(" ")
    assert line == "one"
    assert len(stamp) == len("2026-01-02T03:04:05.000000000Z")


async def test_a_long_log_is_bounded() -> None:
    buffer = LogBuffer()
    for number in range(MAX_LINES + 5):
        buffer.write(str(number))
    lines = (await text(buffer, LogOptions())).splitlines()
    assert (len(lines), lines[0]) == (MAX_LINES, "5")


async def test_following_gives_each_line_once_and_ends_with_the_process() -> None:
    buffer = three()
    following = asyncio.create_task(text(buffer, LogOptions(follow=True, tail=1)))
    await asyncio.sleep(0)
    buffer.write("four")
    await asyncio.sleep(0)
    buffer.write("five")
    buffer.close()
    assert await following == "three\nfour\nfive\n"


async def test_following_what_has_ended_ends_at_once() -> None:
    buffer = three()
    buffer.close()
    assert await text(buffer, LogOptions(follow=True)) == "one\ntwo\nthree\n"


def test_the_query() -> None:
    query = {"follow": "true", "tailLines": "3", "sinceSeconds": "60", "timestamps": "1", "limitBytes": "9"}
    assert LogOptions.parse(query, NOW) == LogOptions(
        follow=True, tail=3, since=NOW - timedelta(minutes=1), timestamps=True, limit_bytes=9
    )
    assert LogOptions.parse({"sinceTime": "2026-01-02T03:04:05Z"}, NOW).since == NOW
    with pytest.raises(ValueError, match="x"):
        LogOptions.parse({"tailLines": "x"}, NOW)
