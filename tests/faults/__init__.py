"""Faults: what the world can do to a run, a table of one row per fault and door.

A row (`row.Row`) is a fault, the door at which it comes in, and a check that runs in an empty
folder. The law of every row: the right answer or one clear error; never a wrong number, a hang, a
dead interpreter or lost finished work. Each module ``rows_*`` is one group and holds its ``ROWS``;
`table.ROWS` is all of them. A new operator kind or file format adds rows, not tests.
``python -m bench.hostile.faults`` lists and runs the table.
"""
