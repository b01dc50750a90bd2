"""`make soak`: many workloads at once, each broken, repaired, restarted; a count of how they end."""
