"""Rows: factorisations that crash, run away, are interrupted, or cannot have their process."""

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import gallery
from symrank.answer.result import RankResult
from symrank.methods.pivots import ldl_far
from symrank.spectrum.outcome import Status
from tests import processes
from tests.faults.row import Row
from tests.faults.worlds import WORLDS

SMALL = (20, 20)
MEDIUM, LARGE = (36, 36), (48, 48)  # with all eigenvalues or sampling as the way back
WIDE = (92, 92)  # more rows than are ever dense
QUICK = {"CHILD_SECONDS": 0.0, "LEAST_SECONDS": 0.5, "MEMORY": 2**29}  # s, s, bytes
SEED = 90210


@contextlib.contextmanager
def in_child(tmp: Path, **changes: object) -> Iterator[None]:
    """Send every factorisation to a child with its files in `tmp`, which must be empty after."""
    folder = tmp / "temporary"
    folder.mkdir(exist_ok=True)
    with (
        patch.multiple(ldl_far, **{**QUICK, **changes}),
        patch.object(tempfile, "tempdir", str(folder)),
    ):
        yield
    assert list(folder.iterdir()) == []
    assert children() == []


def children() -> list[str]:
    """Return the processes that this one has started and not waited for."""
    found = []
    for task in Path("/proc/self/task").iterdir() if sys.platform == "linux" else ():
        with contextlib.suppress(OSError):
            found += (task / "children").read_text().split()
    return [pid for pid in found if int(pid) not in processes.own()]


def same(a: RankResult, b: RankResult) -> bool:
    """Tell whether two results agree to the last bit."""
    names = ("rank", "estimate", "stderr", "bounds", "threshold", "inertia", "status", "n", "seed")
    return all(getattr(a, name) == getattr(b, name) for name in names)


# --- the child is at fault ------------------------------------------------------------------

FAULTS = {
    "a crash": ("segv", "SIGSEGV"),
    "a kill": ("kill", "SIGKILL"),
    "an abort": ("abort", "SIGABRT"),
    "an exit": ("leave", "status 0"),
    "an endless loop": ("spin", "CPU time"),
    "8 GB of memory": ("take", "MemoryError"),
    "an exception": ("fail", "RuntimeError"),
    "an endless answer": ("huge_answer", "cannot be read"),
    "an answer that is none": ("not_json", "cannot be read"),
}
UNREADABLE = "cannot be read"


def grid(shape: tuple[int, int]) -> object:
    """Return D L D: no Laplacian, which would be counted by its graph, and with its rank."""
    L = gallery.grid_laplacian(shape)
    d = sp.diags_array(1.0 + np.arange(L.shape[0]) % 8 / 8.0)
    return sp.csr_array(d @ L @ d)


def default_road(fault: str, reason: str, part: str, shape: tuple[int, int], tmp: Path) -> None:
    """Another method answers, says why, and gives the same bits when it is asked for."""
    L = grid(shape)
    with in_child(tmp, **{part: f"tests.faults.bad_servers:{fault}"}):
        result = symrank.rank(L, rng=SEED)
    low, high = result.interval()
    assert low <= L.shape[0] - 1 <= high
    assert reason in result.diagnostics["given_up"]
    assert any("was given up" in note for note in result.notes)
    assert same(result, symrank.rank(L, result.method, rng=SEED))


def by_name(fault: str, reason: str, part: str, tmp: Path) -> None:
    """What is not proved stays open, with the reason."""
    L = gallery.grid_laplacian(SMALL)
    with in_child(tmp, **{part: f"tests.faults.bad_servers:{fault}"}):
        result = symrank.rank(L, symrank.Inertia(patience=2.0), rng=SEED)
    assert result.interval() == (0, L.shape[0])
    assert result.status in (Status.NO_GAP_FOUND, Status.BUDGET_SPENT)
    assert reason in result.notes[0]


def half_proved(tmp: Path) -> None:
    """What was proved before a death is kept."""
    L = gallery.grid_laplacian(SMALL)
    with in_child(tmp, FACTORISE="tests.faults.bad_servers:second_dies"):
        result = symrank.rank(L, "inertia", rng=SEED)
    assert [one["is_proof"] for one in result.diagnostics["shifts"]] == [True]
    low, high = result.interval()
    assert (low <= 399 <= high, high - low > 0) == (True, True)
    assert "SIGSEGV" in result.notes[0]


def counted(fault: str, reason: str, part: str, tmp: Path) -> None:
    """A count of an interval takes the same ways back."""
    L = gallery.grid_laplacian(MEDIUM)
    with in_child(tmp, **{part: f"tests.faults.bad_servers:{fault}"}):
        result = symrank.count(L, 0.51, 3.01, rng=SEED)
    assert result.status is Status.EXACT
    truth = np.linalg.eigvalsh(L.toarray())
    assert result.rank == int(((truth > 0.51) & (truth <= 3.01)).sum())
    assert reason in result.diagnostics["given_up"]


def vectors_all_the_same(fault: str, part: str, tmp: Path) -> None:
    """Null vectors come from solves where no factor is to be had."""
    L = gallery.grid_laplacian(LARGE)
    with in_child(tmp, **{part: f"tests.faults.bad_servers:{fault}"}):
        basis = symrank.null_space(L, rng=SEED)
    assert (basis.vectors.shape, basis.reason) == ((L.shape[0], 1), "null vectors by solves")
    assert basis.residuals.max() < 1e-13
    assert basis.dimension is not None
    assert basis.dimension[0] <= 1 <= basis.dimension[1]


def a_pencil_is_left_open(fault: str, reason: str, part: str, tmp: Path) -> None:
    """What the signs of K - sigma M did not tell is open, with the reason."""
    L = gallery.grid_laplacian(SMALL)
    with in_child(tmp, **{part: f"tests.faults.bad_servers:{fault}"}):
        result = symrank.count(L, 0.5, 2.0, M=np.ones(L.shape[0]), rng=SEED)
    assert result.interval() == (0, L.shape[0])
    assert result.status is not Status.CONVERGED
    assert reason in result.notes[0]


def never_believed(fault: str, part: str, tmp: Path) -> None:
    """Without factors, or with solves that are off, nothing is proved."""
    L = grid(SMALL)
    with in_child(tmp, **{part: f"tests.faults.bad_servers:{fault}"}):
        asked = symrank.rank(L, "inertia", rng=SEED)
        assert asked.interval() == (0, L.shape[0])
        chosen = symrank.rank(L, rng=SEED)
    assert (chosen.rank, chosen.status) == (L.shape[0] - 1, Status.EXACT)


# --- the world is at fault ------------------------------------------------------------------


def sampling_goes_on(
    world: Callable[[Path], contextlib.AbstractContextManager[None]], tmp: Path
) -> None:
    L, few = grid(WIDE), {"max_matvecs": 40_000, "rng": SEED}
    with in_child(tmp), world(tmp):
        result = symrank.rank(L, **few)
    assert result.method == "lanczos"
    assert "could not be" in result.diagnostics["given_up"]
    assert same(result, symrank.rank(L, "lanczos", **few))


def asked_for_here(
    world: Callable[[Path], contextlib.AbstractContextManager[None]], tmp: Path
) -> None:
    """Who asks by name gets the factorisation in this process, and a note."""
    L = gallery.grid_laplacian(SMALL)
    with in_child(tmp), world(tmp):
        result = symrank.rank(L, "inertia", rng=SEED)
    assert (result.rank, result.status) == (L.shape[0] - 1, Status.EXACT)
    assert "could not be started" in result.notes[0]


# --- the caller and the clock ---------------------------------------------------------------


def time_is_up_by_name(tmp: Path) -> None:
    L = gallery.grid_laplacian(SMALL)
    start = time.perf_counter()
    with in_child(tmp, FACTORISE="tests.faults.bad_servers:spin"):
        result = symrank.rank(L, "inertia", rng=SEED, max_seconds=0.3)
    assert time.perf_counter() - start < 20.0
    assert (result.interval(), result.status) == ((0, L.shape[0]), Status.BUDGET_SPENT)
    assert "max_seconds was up" in result.notes[0]


def time_is_up_by_default(tmp: Path) -> None:
    """One round of sampling, as where sampling comes first."""
    L = grid(LARGE)
    with in_child(tmp, FACTORISE="tests.faults.bad_servers:spin", LEAST_SECONDS=60.0):
        result = symrank.rank(L, rng=SEED, max_seconds=0.3)
    low, high = result.interval()
    assert low <= L.shape[0] - 1 <= high
    assert result.method == "lanczos"
    assert "max_seconds was up" in result.diagnostics["given_up"]


def observer_stops(tmp: Path) -> None:
    """What `progress` raises ends the factorisation."""
    calls = []

    def progress(told: symrank.Progress) -> None:
        calls.append(told)
        if len(calls) > 50:
            raise RuntimeError("enough")

    with (
        in_child(tmp, FACTORISE="tests.faults.bad_servers:spin"),
        pytest.raises(RuntimeError, match="enough"),
    ):
        symrank.rank(gallery.grid_laplacian(SMALL), "inertia", rng=SEED, progress=progress)


def no_child_in_vain(tmp: Path) -> None:
    """A quick factorisation stays here."""
    with patch("subprocess.Popen", side_effect=AssertionError("a process was started")):
        assert symrank.rank(grid(LARGE), rng=SEED).status is Status.EXACT


def same_bits(kind: str, tmp: Path) -> None:
    """Here or in a child, the answer is the same to the last bit."""
    A = MATRICES[kind]()
    here = symrank.rank(A, "inertia", rng=SEED)
    with in_child(tmp, LEAST_SECONDS=60.0, MEMORY=2**32):
        there = symrank.rank(A, "inertia", rng=SEED)
    assert same(here, there)
    assert here.diagnostics == there.diagnostics
    assert here.num_matvecs == there.num_matvecs


def hermitian() -> object:
    turn = sp.diags_array(np.exp(0.7j * np.arange(144)))
    return sp.csr_array(turn @ gallery.grid_laplacian((12, 12)) @ turn.conj())


MATRICES = {
    "semidefinite": lambda: gallery.grid_laplacian((40, 40)),
    "indefinite": lambda: gallery.grid_laplacian((40, 40)) - 2.5 * sp.eye_array(1600),
    "Hermitian": hermitian,
    "empty rows": lambda: sp.block_diag(
        [gallery.grid_laplacian((30, 30)), sp.csr_array((99, 99))], "csr"
    ),
}


def _row(
    fault: str, door: str, check: Callable[..., None], *args: object, is_slow: bool = False
) -> Row:
    return Row(
        group="factorisations", fault=fault, door=door, check=partial(check, *args), is_slow=is_slow
    )


# Every fault by the default road; in a solve, and by name, one of each kind: what the system ends,
# what a clock ends, what cannot be read.
KINDS = ("a crash", "an endless loop", "an answer that is none")

ROWS = [
    *(
        _row(f"{fault} in the factorisation", "rank", default_road, *how, "FACTORISE", LARGE)
        for fault, how in FAULTS.items()
    ),
    *(
        _row(
            f"{fault} in a solve",
            "rank of a small matrix",
            default_road,
            *how,
            "SOLVE",
            MEDIUM,
            is_slow=fault not in KINDS,
        )
        for fault, how in FAULTS.items()
    ),
    *(
        _row(
            f"{fault} in the factorisation",
            "Inertia",
            by_name,
            *how,
            "FACTORISE",
            is_slow=fault not in KINDS,
        )
        for fault, how in FAULTS.items()
    ),
    *(
        _row(f"{fault} in a solve", "count", counted, *how, "SOLVE")
        for fault, how in list(FAULTS.items())[:3]
    ),
    _row(
        "solves of another shape", "rank", default_road, "wrong_shape", UNREADABLE, "SOLVE", LARGE
    ),
    _row("solves without an array", "rank", default_road, "no_array", UNREADABLE, "SOLVE", LARGE),
    _row(
        "a crash in the second factorisation",
        "rank",
        default_road,
        "second_dies",
        "SIGSEGV",
        "FACTORISE",
        LARGE,
    ),
    _row("a crash in the second factorisation", "Inertia", half_proved),
    *(
        _row(f"{fault} in {place}", "null_space", vectors_all_the_same, name, part)
        for fault, name, place, part in (
            ("a crash", "segv", "the factorisation", "FACTORISE"),
            ("a crash", "segv", "a solve", "SOLVE"),
            ("an endless loop", "spin", "the factorisation", "FACTORISE"),
        )
    ),
    *(
        _row(
            f"{fault} in the factorisation",
            "count of a pencil",
            a_pencil_is_left_open,
            *how,
            "FACTORISE",
            is_slow=fault != "a crash",
        )
        for fault, how in list(FAULTS.items())[:3]
    ),
    _row("a solver that gives up", "Inertia, rank", never_believed, "none", "FACTORISE"),
    _row("solves that are NaN", "Inertia, rank", never_believed, "nan", "SOLVE"),
    _row("solves that are zero", "Inertia, rank", never_believed, "zero", "SOLVE"),
    *(_row(name, "rank", sampling_goes_on, world) for name, world in WORLDS.items()),
    *(
        _row(name, "method='inertia'", asked_for_here, world)
        for name, world in WORLDS.items()
        if name != "a full disk"
    ),
    _row("max_seconds in the factorisation", "method='inertia'", time_is_up_by_name),
    _row("max_seconds in the factorisation", "rank", time_is_up_by_default),
    _row("an observer that raises", "method='inertia'", observer_stops),
    _row("a quick factorisation", "rank", no_child_in_vain),
    *(_row("another process", f"method='inertia', {kind}", same_bits, kind) for kind in MATRICES),
]
