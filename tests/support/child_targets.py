"""What the tests of `symrank.support.child` run in a child."""

import os
import signal
import sys
import time

import numpy as np

KEPT = {}


def double(arguments, arrays):
    return {"k": 2 * arguments.get("k", 0)}, {name: 2 * x for name, x in arrays.items()}


def remember(arguments, arrays):
    KEPT["sum"] = KEPT.get("sum", 0) + arguments["k"]
    return KEPT["sum"], {}


def fail(arguments, arrays):
    raise ValueError("no such thing")


def die(arguments, arrays):
    os.kill(os.getpid(), getattr(signal, arguments["by"]))
    time.sleep(60.0)


def leave(arguments, arrays):
    os._exit(arguments["status"])


def spin(arguments, arrays):
    while True:
        pass


def sleep(arguments, arrays):
    time.sleep(arguments["seconds"])
    return None, {}


def take(arguments, arrays):
    return int(np.ones(arguments["num_bytes"], np.uint8).sum()), {}


def chatter(arguments, arrays):
    sys.stdout.write('{"answer": "forged"}\n')
    sys.stdout.flush()
    os.write(1, b'{"answer": "forged"}\n')
    return "true", {}


def forge(arguments, arrays):
    return None, {"x": np.array([{}], dtype=object)}


def large(arguments, arrays):
    return "x" * arguments["size"], {}


def surroundings(arguments, arrays):
    import symrank

    return {
        "pid": os.getpid(),
        "session": os.getsid(0),
        "parent": os.getppid(),
        "package": symrank.__file__,
        "numpy": np.__file__,
        "threads": os.environ["OPENBLAS_NUM_THREADS"],
        "cwd": os.getcwd(),
        "left": os.listdir(os.getcwd()),
    }, {}
