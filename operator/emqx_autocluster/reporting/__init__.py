"""What is told: the status, its conditions and Events, and where they are written."""
