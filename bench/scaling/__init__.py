"""Many workers, many rows, and what is kept: what they cost, and where the limits are."""
