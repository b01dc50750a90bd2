"""The process: watches, the queue, one pass over a workload, and the writes of a step."""
