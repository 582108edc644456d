"""`compiled`: Numba's compiler with a cache on disk that cannot end a run.

A cache is sought where Numba looks (``NUMBA_CACHE_DIR``, beside the source, in the user's cache
folder), then in a folder of one's own in the temporary directory; where none can be written, code
is compiled anew in each process. What is in a cache is code that will be run, so the last folder
is used only if nobody else can have written to it.

A file that cannot be read (cut short, garbage, no permission) costs a compile, which replaces it;
one that cannot be written (a full disk) costs the next process one. Both are told to the logger
"symrank", at level INFO. Numba compares a function's own file with its cached code; here the code
depends on the other kernel files as well, so their text counts, too.
"""

import hashlib
import logging
import os
import stat
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.compiler_lock import global_compiler_lock

__all__ = ["compiled"]

LOG = logging.getLogger("symrank")
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
OTHERS = 0o077  # permissions of group and world


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function on its first call, as ``numba.njit`` does, or take it from the cache."""
    if function is None:
        return lambda function: compiled(function, **options)
    dispatcher = numba.njit(**OPTIONS, **options)(function)
    if not vars(numba.config)["DISABLE_JIT"]:
        _cache_on_disk(dispatcher)
    return dispatcher


def _cache_on_disk(dispatcher: Any) -> None:
    """Give a dispatcher a cache, if there is a place for one."""
    try:
        dispatcher.enable_caching()
    except Exception as error:  # RuntimeError where no place is writable; a cache is no must
        if not _cache_in_temporary(dispatcher):
            _note("compiled code is not kept on disk (set NUMBA_CACHE_DIR to change it)", error)
            return
    found = vars(dispatcher).get("_cache")
    if found is not None:
        dispatcher._cache = _Lenient(found)


_config_lock = threading.Lock()


def _cache_in_temporary(dispatcher: Any) -> bool:
    """Cache in the private folder; return whether that was possible."""
    folder = _private_folder()
    if folder is None:
        return False
    with _config_lock:
        settings = vars(numba.config)
        before = settings["CACHE_DIR"]
        settings["CACHE_DIR"] = folder  # read by enable_caching, and only there
        try:
            dispatcher.enable_caching()
        except Exception:
            return False
        finally:
            settings["CACHE_DIR"] = before
    return True


@cache
def _private_folder() -> str | None:
    """Return a folder of this user in the temporary directory that nobody else can write to."""
    if not hasattr(os, "getuid"):
        return None
    try:
        above = tempfile.gettempdir()
        folder = os.path.join(above, f"symrank-{os.getuid()}")
        mode = os.stat(above).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return None  # anybody may put another folder in its place
        if not os.path.lexists(folder):
            os.mkdir(folder, 0o700)
        found = os.lstat(folder)  # a link would lead to a folder of somebody else's choice
    except OSError:
        return None
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if own and not found.st_mode & OTHERS else None


class _Lenient:
    """A cache of Numba's whose faults cost a compile and never the run."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._is_writable = True
        file = vars(inner).get("_cache_file")
        if file is not None and hasattr(file, "_source_stamp"):
            file._source_stamp = (file._source_stamp, _sources())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def load_overload(self, signature: Any, target: Any) -> Any:
        try:
            return self._inner.load_overload(signature, target)
        except Exception as error:  # unpickling garbage raises anything
            _note(f"compiled code in {self._inner.cache_path} is unreadable", error)
            return None

    def save_overload(self, signature: Any, code: Any) -> None:
        if not self._is_writable:
            return
        try:
            self._inner.save_overload(signature, code)
        except Exception:  # an unreadable index lets nothing be added
            try:
                self._inner.flush()
                self._inner.save_overload(signature, code)
            except Exception as error:
                _note(f"compiled code cannot be kept in {self._inner.cache_path}", error)
                self._is_writable = False


@cache
def _sources() -> str:
    """Return what changes with the text of any kernel file."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _noted() -> set[str]:
    return set()


def _note(what: str, error: Exception) -> None:
    """Tell it once a process."""
    if what not in _noted():
        _noted().add(what)
        LOG.info("%s: %s: %s", what, type(error).__name__, error)


# A compile in another thread ends before a fork: in the child nobody could end it, and nobody would
# give back the lock.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
