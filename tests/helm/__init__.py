"""Helm itself, and what the chart's tests do with it; built when they are run, and not with the sandbox."""
