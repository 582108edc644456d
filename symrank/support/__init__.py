"""What every room leans on: types, options, the caller's code, child processes, random streams."""
