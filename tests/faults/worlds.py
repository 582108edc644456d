"""Worlds in which no child process can be had: a context each, over an empty folder."""

import contextlib
import errno
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch


@contextlib.contextmanager
def no_interpreter(tmp: Path) -> Iterator[None]:
    with patch.object(sys, "executable", "/nowhere/python3"):
        yield


@contextlib.contextmanager
def a_frozen_program(tmp: Path) -> Iterator[None]:
    with patch.object(sys, "frozen", True, create=True):
        yield


@contextlib.contextmanager
def an_embedding_program(tmp: Path) -> Iterator[None]:
    with patch.object(sys, "executable", "/usr/bin/uwsgi"):
        yield


@contextlib.contextmanager
def no_temporary_folder(tmp: Path) -> Iterator[None]:
    with patch.object(tempfile, "tempdir", str(tmp / "nothing")):
        yield


@contextlib.contextmanager
def no_more_processes(tmp: Path) -> Iterator[None]:
    error = BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
    with patch("subprocess.Popen", side_effect=error):
        yield


@contextlib.contextmanager
def a_full_disk(tmp: Path) -> Iterator[None]:
    error = OSError(errno.ENOSPC, "No space left on device")
    with patch("symrank.support.child.np.save", side_effect=error):
        yield


WORLDS = {
    "no interpreter": no_interpreter,
    "a frozen program": a_frozen_program,
    "a program that embeds Python": an_embedding_program,
    "no temporary folder": no_temporary_folder,
    "no more processes": no_more_processes,
    "a full disk": a_full_disk,
}
