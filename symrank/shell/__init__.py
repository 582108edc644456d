"""The command line: arguments in, answers out, and how a process ends."""
