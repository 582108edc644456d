"""A run in a process of its own, to be killed: ``python -m tests.run.killed FOLDER LOG``.

Every task that is begun, and every one that is kept, is a line of the log, written at once.
"""

import json
import os
import sys
import time

from symrank.run.checkpoint import remembered
from tests.run.problems import as_text, ask


def logged(path):
    """Append a line as one write, which a kill leaves whole or out."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    keep = remembered.Remembered._keep
    run = remembered.Timed.do

    def kept(crew, save, step, state, spent):
        keep(crew, save, step, state, spent)
        os.write(descriptor, f"kept {crew.store.folder} {step.name}\n".encode())

    def begun(work, task, state, tick):
        name = json.dumps([work.number, work.round_, repr(task.key)])
        os.write(descriptor, f"begun {name}\n".encode())
        time.sleep(0.002)  # so that kills fall into tasks as well
        return run(work, task, state, tick)

    remembered.Remembered._keep = kept
    remembered.Timed.do = begun


def main():
    name, folder, log = sys.argv[1:]
    logged(log)
    os.write(1, b"ready\n")
    sys.stdout.write(as_text(ask(name, checkpoint=folder)))


if __name__ == "__main__":
    main()
