"""In which forms the commands tell what they found; apart from them, so that `--help` need not load them."""

from enum import StrEnum


class DoctorOutput(StrEnum):
    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


class LintOutput(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
