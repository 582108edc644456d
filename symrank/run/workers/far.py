"""The far side: what runs in another process, which is handed errands and keeps the package.

The package of a run holds the method, the operator and a preconditioner that has no factor. It is
sent once: as a file that all workers of a machine map, or by whatever the executor has for that. A
worker that cannot see the file says so, and is handed the package itself.

Nobody can interrupt a process of a stranger's executor. So an errand ends by itself: when its
seconds are up, or within the next product after the file of the package has gone, which is the
first thing that goes when a run ends.
"""

import copy
import dataclasses
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symrank.errors import OptionError
from symrank.methods import Method
from symrank.operators import Operator
from symrank.preconditioners import Preconditioner
from symrank.run.crew import Common
from symrank.run.workers import packing
from symrank.run.workers.errands import Errand, Outcome, perform, sendable

__all__ = ["Address", "Package", "addressed", "answer_in_a_file", "serve"]

KEPT = 2  # packages of a process: a run of two counts, in two units, has two of them
LOOK_SECONDS = 0.2  # between looks whether the file is still there


@dataclass(frozen=True)
class Package:
    """What a run multiplies with, and by which method."""

    method: Method
    operator: Operator
    preconditioner: Preconditioner | None

    @classmethod
    def of(cls, work: Common) -> "Package":
        """Return what is sent of a work once."""
        return cls(work.method, work.operator, work.goal.preconditioner)

    @property
    def key(self) -> tuple[int, int, int]:
        """The same for the same objects."""
        return id(self.method), id(self.operator), id(self.preconditioner)

    def work(self, errand: Errand) -> Common:
        """Return the work of an errand, whole again."""
        assert errand.work is not None
        goal = dataclasses.replace(errand.work.goal, preconditioner=self.preconditioner)
        parts = {"method": self.method, "operator": self.operator, "goal": goal}
        return dataclasses.replace(errand.work, **parts)  # type: ignore[arg-type]


def addressed(work: Common, errand: Errand) -> Errand:
    """Return an errand with its work, but for what is in the package."""
    goal = dataclasses.replace(work.goal, preconditioner=None)
    light = {"method": None, "operator": None, "goal": goal}
    return dataclasses.replace(errand, work=dataclasses.replace(work, **light))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Address:
    """Where a package is."""

    token: str  # that no other package has
    path: str = ""  # of its file; empty: there is none


_kept: "OrderedDict[str, Package]" = OrderedDict()
_lock = threading.Lock()


def serve(address: Address, parcel: packing.Packed | None, errand: Errand) -> Outcome:
    """Perform an errand in this process; see `symrank.run.workers.errands`."""
    try:
        package = _package(address, parcel)
    except OptionError as error:
        return Outcome(number=errand.number, error=error)
    if package is None:
        return Outcome(number=errand.number, lacks_package=True)
    if errand.process == os.getpid():  # it was not pickled, and an executor may do it again
        errand = dataclasses.replace(errand, state=copy.deepcopy(errand.state))
    else:  # what the caller has NumPy call is not here
        told = {k: "warn" if v in ("call", "log") else v for k, v in errand.errstate.items()}
        errand = dataclasses.replace(errand, errstate=told)
    outcome = perform(package.work(errand), errand, _Gone(address.path if parcel is None else ""))
    if outcome.error is not None:
        outcome.error = sendable(outcome.error)
    return outcome


def answer_in_a_file(
    arguments: Mapping[str, Any],
    arrays: Mapping[str, Any],  # noqa: ARG001 - everything is in the file
) -> tuple[None, dict[str, Any]]:
    """Perform the errand of a file, and put the outcome into another one; for `support.child`."""
    _see(arguments["folder"])
    errand = packing.load(arguments["errand"])
    address = Address(arguments["token"], arguments["package"])
    packing.dump(serve(address, None, errand), arguments["outcome"])
    return None, {}


def _package(address: Address, parcel: packing.Packed | None) -> Package | None:
    """Return the package that was kept, or is in the parcel or in the file; None: none of them."""
    with _lock:
        if address.token in _kept:
            _kept.move_to_end(address.token)
            return _kept[address.token]
        if parcel is None and not os.path.exists(address.path):
            return None
        try:
            found: Package = packing.load(address.path) if parcel is None else parcel.unpacked()
        except Exception as error:
            raise OptionError(
                f"executor has workers that cannot make A anew: {type(error).__name__}: {error}. "
                "Define its classes and functions in a module that they can import, or pip install "
                "cloudpickle; executor='threads' needs neither."
            ) from error
        _kept[address.token] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return found


class _Gone:
    """Whether the file of the package has gone, looked at now and then."""

    def __init__(self, path: str) -> None:
        self._path, self._next = path, time.perf_counter() + LOOK_SECONDS

    def __call__(self) -> bool:
        now = time.perf_counter()
        if not self._path or now < self._next:
            return False
        self._next = now + LOOK_SECONDS
        return not os.path.exists(self._path)


_is_seen = False


def _see(folder: str | None) -> None:
    """See the modules that the parent sees: what is installed by hooks, and its current folder."""
    global _is_seen
    if _is_seen:
        return
    import site

    site.main()
    if folder is not None and folder not in sys.path:
        sys.path.append(folder)
    _is_seen = True
