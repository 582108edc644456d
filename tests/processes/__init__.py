"""Python processes for tests, at a tenth of the price.

A new interpreter takes 1.5 s of CPU time to load NumPy, SciPy and Numba. `Popen` and `run` are
those of `subprocess`, except that a Python process is forked from one that has loaded these
libraries, and nothing of symrank: its streams, folder, environment, arguments, signals and end are
its own, and it loads symrank itself. What only a new interpreter can show (options, variables that
libraries read while they load, other folders on the path) is run by one, and so is everything with
SYMRANK_NEW_INTERPRETERS=1, as `bench.hostile.faults` does.
"""

from tests.processes.popen import Popen, own, run

__all__ = ["Popen", "own", "run"]
