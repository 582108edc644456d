"""Seconds of one step of a recurrence."""
