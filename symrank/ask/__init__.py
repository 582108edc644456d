"""The questions: how many, how many in between, and what would it take."""
