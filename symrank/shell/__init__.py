"""The command line: files in, answers out, and how a process ends."""
