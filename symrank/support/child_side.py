"""The far side of `child`, run as a script: reads calls from stdin, answers on stdout.

Every line is one JSON object. The first is the setup; then for every call

    {"target": "module:function", "arguments": {...}, "arrays": {name: [file, size]},
     "answers": prefix of the files to write, "cpu_seconds": ...}

comes back as ``{"answer": ..., "arrays": [name, ...], "cpu_seconds": ...}``, or as
``{"error": [kind, message]}``.
The end of stdin, which is the end of the parent, ends this process in the middle of its work.
"""

import importlib
import importlib.util
import json
import os
import queue
import signal
import sys
import threading
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, BinaryIO

SIGKILL_ON_PARENT_DEATH = 1  # PR_SET_PDEATHSIG of linux/prctl.h
LONGEST = 2000  # letters of a message


class _Pinned:
    """Finds one package at one place, whatever the path holds: the copy that the parent runs."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(
            name, self.folder / "__init__.py", submodule_search_locations=[str(self.folder)]
        )


def main() -> None:
    """Serve calls until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    setup = json.loads(sys.stdin.buffer.readline())
    _die_with(setup["parent"])
    threading.Thread(target=_listen, args=(sys.stdin.buffer, lines), daemon=True).start()
    _prepare(setup)
    _say(answers, {"answer": "ready"})
    num_bytes = setup["num_bytes"]
    while True:
        call = json.loads(lines.get())
        try:
            reply = _run(call, num_bytes)
        except BaseException as error:  # told to the parent, by name
            reply = {"error": [type(error).__name__, str(error)[:LONGEST]]}
        num_bytes = None  # the limit stays
        _say(answers, reply)


def _listen(stdin: BinaryIO, lines: "queue.SimpleQueue[bytes]") -> None:
    """Hand lines on; the parent is gone where they end."""
    while line := stdin.readline():
        lines.put(line)
    os._exit(0)


def _die_with(parent: int) -> None:
    """Let the kernel end this process with its parent, even while C code holds the interpreter."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(SIGKILL_ON_PARENT_DEATH, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(0)


def _prepare(setup: dict[str, Any]) -> None:
    """See the packages of the parent after the standard library, and no current folder."""
    sys.path += [entry for entry in setup["path"] if entry not in sys.path]
    sys.meta_path.insert(0, _Pinned("symrank", Path(setup["package"])))
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})


def _run(call: dict[str, Any], num_bytes: int | None) -> dict[str, Any]:
    import numpy as np

    arrays = {}
    for key, (file, size) in call["arrays"].items():
        arrays[key] = np.load(file, mmap_mode="r" if size else None, allow_pickle=False)
        if os.name == "posix":
            os.unlink(file)  # the map keeps it: nothing is left behind by a process that is killed
    module, _, name = call["target"].partition(":")
    function = getattr(importlib.import_module(module), name)
    if num_bytes is not None:
        _limit_memory(num_bytes)
    _limit_time(call["cpu_seconds"])
    start = time.process_time()
    answer, found = function(call["arguments"], arrays)
    used = time.process_time() - start
    _limit_time(None)
    names: list[str] = []
    for key, array in found.items():
        file = f"{call['answers']}-{len(names)}.npy"
        np.save(file, np.asarray(array), allow_pickle=False)
        names.append(key)
    return {"answer": answer, "arrays": names, "cpu_seconds": used}


def _limit_time(cpu_seconds: float | None) -> None:
    """Let the kernel end this process after so much CPU time from now on."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds or 0.0)


def _limit_memory(num_bytes: int) -> None:
    """Refuse this process more than `num_bytes` beyond what it holds now."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + num_bytes
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _say(answers: Any, reply: dict[str, Any]) -> None:
    text = json.dumps(reply, allow_nan=True)
    data = memoryview(text.encode() + b"\n")
    while data:
        data = data[answers.write(data) :]


if __name__ == "__main__":
    main()
