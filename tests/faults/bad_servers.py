"""Servers of factorisations with a fault, for the child of `symrank.methods.pivots.ldl_far`.

Each function stands in for the package's `factorise` or `solve`.
"""

import os
import signal
import time

import numpy as np

from symrank.methods.pivots import ldl_served

CALLS = []


def segv(*_):
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60.0)


def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60.0)


def abort(*_):
    os.abort()


def leave(*_):
    os._exit(0)


def spin(*_):
    while True:
        pass


def take(*_):
    return float(np.ones(2**30).sum()), {}


def fail(*_):
    raise RuntimeError("no more of this")


def huge_answer(*_):
    return "x" * 2**25, {}


def not_json(*_):
    os.write(max(int(fd) for fd in os.listdir("/proc/self/fd") if _is_pipe(fd)), b"what?\n")
    time.sleep(60.0)


def _is_pipe(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:") and int(fd) > 2
    except OSError:
        return False


def second_dies(arguments, arrays):
    """The first factorisation is sound, and dies with the second."""
    CALLS.append(arguments)
    return ldl_served.factorise(arguments, arrays) if len(CALLS) == 1 else segv()


def none(*_):
    return None, {}


def nan(arguments, arrays):
    return None, {"X": np.full(arrays["B"].shape, np.nan)}


def zero(arguments, arrays):
    return None, {"X": np.zeros(arrays["B"].shape)}


def wrong_shape(arguments, arrays):
    return None, {"X": np.zeros(3)}


def no_array(arguments, arrays):
    return None, {}
