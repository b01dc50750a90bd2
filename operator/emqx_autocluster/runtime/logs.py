"""Log lines: whatever an object or an answer holds, one record is one line, and a traceback stays one."""

import logging
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from emqx_autocluster.text.plain import plain, plain_value

_TRACEBACK = "exc_info"
_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Traced(logging.Formatter):
    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - logging's own name
        """Indented, so that no line of it looks like another record."""
        return "\n".join(f"  {plain(line)}" for line in super().formatException(ei).splitlines())


class TextFormatter(_Traced):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return plain(super().formatMessage(record))


class DataFormatter(_Traced, JsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {key: value if key == _TRACEBACK else plain_value(value) for key, value in log_data.items()}


def formatter(kind: str) -> logging.Formatter:
    """`kind`: json, or text."""
    return DataFormatter() if kind == "json" else TextFormatter()
