"""Temporary folders: with their owner they go, and after one that was killed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from symrank.support import temporary
from symrank.support.temporary import TemporaryFolder

ROOT = Path(__file__).parents[2]
OWNER = """
import time
from symrank.support.temporary import TemporaryFolder
folder = TemporaryFolder()
print(folder.path, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def old(path):
    then = path.lstat().st_mtime - 2.0 * temporary.OLD
    os.utime(path, (then, then), follow_symlinks=False)


@pytest.fixture
def owner(place):
    """A process with a folder."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(place), "TEMP": str(place)}
    words = [sys.executable, "-c", OWNER]
    process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True)
    process.path = Path(process.stdout.readline().strip())
    yield process
    process.kill()
    process.communicate()


def test_a_folder_goes_with_its_owner(place):
    folder = TemporaryFolder()
    assert Path(folder.path).is_dir()
    folder.close()
    dropped = TemporaryFolder()
    del dropped
    assert list(place.iterdir()) == []


def test_a_folder_goes_after_its_owner_was_killed(owner):
    (owner.path / "1.errand").write_bytes(b"of a run")
    old(owner.path)
    first = TemporaryFolder()
    assert owner.path.is_dir(), "of a run that is alive"
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    old(owner.path)
    second = TemporaryFolder()
    assert not owner.path.exists()
    assert Path(first.path).is_dir()
    second.close()


def test_what_is_new_or_none_of_these_stays(place, owner):
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    prefix = owner.path.name[:-8]
    unlocked, others = place / f"{prefix}unlocked", place / f"symrank-{os.getpid()}"
    for path in (unlocked, others):
        path.mkdir()
    (others / "lock").touch()
    target = place / "thesis"
    target.mkdir()
    (target / "lock").touch()
    link = place / f"{prefix}link"  # which nothing removes a tree through
    link.symlink_to(target)
    (place / f"{prefix}file").touch()
    for path in (unlocked, others, target, link):
        old(path)
    before = set(place.rglob("*"))
    TemporaryFolder().close()
    assert set(place.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_of_the_owner_leaves_it(place):
    folder = TemporaryFolder()
    child = os.fork()
    if not child:
        folder.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert Path(folder.path).is_dir()
    folder.close()
