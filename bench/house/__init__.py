"""How the code is built: the walk of an operator from `rank` to a kernel."""
