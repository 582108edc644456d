"""Several workers for the tasks of a round: threads, processes, and executors of the caller's."""
