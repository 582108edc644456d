"""Run as a script: loads libraries, and forks itself for every question on its socket.

A child leaves `serve` and runs to the end of this file as the main program, so that exceptions,
exit handlers, streams and signals end as those of any Python program.
"""

import array
import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import sys
import types

DESCRIPTORS = 3


def load() -> None:
    """Import what symrank imports from others."""
    sys.path[:] = sys.path[1:]  # the folder of this file
    for name in (
        "numpy", "scipy.linalg", "scipy.sparse.linalg", "scipy.sparse.csgraph", "scipy.special",
        "scipy.stats", "scipy.optimize", "scipy.integrate", "scipy.io", "numba", "numba.typed",
        "typer", "rich.console", "rich.table", "rich.progress", "typer.rich_utils",
    ):  # fmt: skip
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def serve(listening: socket.socket) -> dict:
    """Fork for every question, tell of every end; return in a child with what it is to run."""
    while True:
        size = array.array("i").itemsize * DESCRIPTORS
        message, ancillary, *_ = listening.recvmsg(1_000_000, socket.CMSG_SPACE(size))
        if not message:
            os._exit(0)  # the tests have ended
        question = json.loads(message)
        if "wait" in question:
            listening.send(json.dumps(os.waitpid(question["wait"], os.WNOHANG)).encode())
            continue
        streams = array.array("i")
        for _, _, data in ancillary:
            streams.frombytes(data[: len(data) - len(data) % streams.itemsize])
        pid = os.fork()
        if not pid:
            listening.close()
            return question | {"streams": list(streams)}
        for stream in streams:
            os.close(stream)
        listening.send(json.dumps(pid).encode())


def become(question: dict) -> None:
    """Take over streams, folder, environment and session."""
    if question["session"]:
        os.setsid()
    for number, given in enumerate(question["streams"]):
        os.dup2(given, number)
        os.close(given)
    os.chdir(question["cwd"])
    for name in set(os.environ) - set(question["env"]):
        del os.environ[name]
    os.environ.update(question["env"])
    own = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    sys.path[:] = [*own, *sys.path]
    sys.stdin, sys.stdout, sys.stderr = (
        stream(*each) for each in ((0, "r", sys.stdin), (1, "w", sys.stdout), (2, "w", sys.stderr))
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr


def stream(number: int, mode: str, old: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return what a new interpreter has as a standard stream."""
    if os.environ.get("PYTHONUNBUFFERED") and number:
        raw = io.FileIO(number, mode, closefd=False)
        return io.TextIOWrapper(raw, old.encoding, old.errors, write_through=True)
    lines = 1 if number == 2 or os.isatty(number) else -1
    return open(number, mode, lines, old.encoding, old.errors, closefd=False)


def start(args: list[str]) -> None:
    """Run as `python ARGS` would."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    if args[0] == "-m":
        sys.argv = ["-m", *args[2:]]
        sys.path.insert(0, os.getcwd())
        runpy._run_module_as_main(args[1])
        return
    if args[0] == "-c":
        sys.argv, code, name = ["-c", *args[2:]], args[1], "<string>"
        sys.path.insert(0, "")
    else:
        sys.argv, name = list(args), args[0]
        sys.path.insert(0, os.path.dirname(name))
        main.__file__ = name
        with open(name) as file:
            code = file.read()
    exec(compile(code, name, "exec"), vars(main))


if __name__ == "__main__":
    inherited = list(sys.path[1:])
    load()
    # the path of a new interpreter, without the variable that its asker may change
    known = [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    sys.path[:] = [p for p in inherited if os.path.abspath(p) not in known]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.freeze()  # a child need not look through the libraries when it ends
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    become(asked)
    start(asked["args"])
