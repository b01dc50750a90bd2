"""Measures the operator against a real control plane; README.md says what, how, and what was seen."""
