"""Many workers, many rows: what a product costs, and where the limits are."""
