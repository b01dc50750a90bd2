"""What people run: each command that is not the operator itself, and what only these need."""
