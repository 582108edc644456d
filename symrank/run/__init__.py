"""A run: from what the caller passed to an operator and a goal, then rounds within a budget."""
