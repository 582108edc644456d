"""What every method promises: fields, determinism, tiny operators, dtypes, agreement."""

import copy
import dataclasses
import json
from enum import Enum

import numpy as np
import pytest

import symrank
from symrank import RankResult, Status, gallery
from symrank.methods import BY_NAME
from tests.device import ON_HOST

METHODS = sorted(BY_NAME)


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def test_fields_are_consistent(method, seed):
    A = gallery.dense(gallery.SPECTRA["gapped"](60), seed)
    result = symrank.rank(A, method=method, rng=seed)
    low, high = result.interval()
    assert low <= result.rank <= high
    assert low <= 40 <= high
    assert 0.0 <= result.bounds[0] <= result.bounds[1] <= 60.0
    assert result.method == method
    assert result.seed == seed
    assert result.n == 60
    assert 0 <= result.num_matvecs <= 20_000
    assert result.threshold > 0
    assert result.history[-1] == (result.num_matvecs, low, high)
    assert int(result) == result.rank
    assert str(result.rank) in str(result)
    assert result.status.name in str(result)


def test_the_seed_replays_the_run(method):
    A = gallery.dense(gallery.SPECTRA["clustered"](50), 3)
    first = symrank.rank(A, method=method, rng=np.random.default_rng(8))
    again = symrank.rank(A, method=method, rng=first.seed)
    assert first.to_dict() | {"seconds": 0} == again.to_dict() | {"seconds": 0}


def test_results_survive_json(method):
    A = gallery.dense(gallery.SPECTRA["indefinite"](40), 3)
    result = symrank.rank(A, method=method, rng=1, max_matvecs=2000)
    record = json.loads(json.dumps(result.to_dict(measure=True), allow_nan=False))
    again = RankResult.from_dict(record)
    assert again.to_dict(measure=True) == result.to_dict(measure=True)
    assert again.interval(0.8) == result.interval(0.8)
    keys = (
        "rank estimate stderr interval confidence bounds threshold num_matvecs seconds n method "
        "status reason seed"
    )
    assert set(keys.split()) <= set(record)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("value", [0.0, 1.0, -2.0])
def test_multiples_of_the_identity(method, n, value):
    result = symrank.rank(value * np.eye(n), method=method, rng=2)
    assert result.rank == (n if value else 0)
    low, high = result.interval()
    assert low <= result.rank <= high
    assert 0.0 <= result.bounds[0] <= result.bounds[1] <= n


def test_the_empty_operator_has_rank_zero():
    result = symrank.rank(np.zeros((0, 0)))
    assert result.rank == 0
    assert result.interval() == (0, 0)
    assert result.status is Status.EXACT


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("spectrum", ["gapped", "indefinite"])
def test_every_dtype(method, dtype, spectrum):
    lam = gallery.SPECTRA[spectrum](48)
    A = gallery.dense(lam, 5, dtype)
    result = symrank.rank(A, method=method, rng=4, max_matvecs=4000)
    low, high = result.interval()
    assert low <= np.count_nonzero(lam) <= high
    assert result.dtype == np.dtype(dtype).name


@pytest.mark.parametrize("kernel", ON_HOST)
@pytest.mark.parametrize("cls", [symrank.Lanczos, symrank.Langevin])
def test_kernels_give_the_same_answer(cls, kernel):
    A = gallery.dense(gallery.SPECTRA["gapped"](90), 5)
    result = symrank.rank(A, method=cls(kernel=kernel), rng=4, max_matvecs=4000)
    other = symrank.rank(A, method=cls(), rng=4, max_matvecs=4000)
    # the same random numbers: only rounding differs, and it does not grow where there is a gap
    assert result.estimate == pytest.approx(other.estimate, abs=1e-6)


def test_interval_needs_a_confidence_between_0_and_1():
    result = symrank.rank(np.eye(3))
    with pytest.raises(symrank.SymrankError, match=r"confidence=1.5 must lie between 0 and 1"):
        result.interval(1.5)


def plain(value):
    """Return what a memo or a summary holds as values that == compares; caches are left out."""
    if isinstance(value, Enum) or not dataclasses.is_dataclass(value):
        if isinstance(value, (list, tuple)):
            return [plain(part) for part in value]
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items()}
        if isinstance(value, np.ndarray):
            return value.shape, value.tobytes()  # NaN is what it was
        return repr(value)
    fields = [f.name for f in dataclasses.fields(value)]
    return {name: plain(getattr(value, name)) for name in fields} | {"": type(value).__name__}


SUMMARISED = {
    "exact": lambda: gallery.dense(gallery.SPECTRA["gapped"](60), 3),
    "both signs": lambda: gallery.dense(gallery.SPECTRA["indefinite"](60), 3),
    "many rounds": lambda: gallery.diagonal(gallery.SPECTRA["half log-uniform"](400)),
    "small nullity": lambda: gallery.grid_laplacian((12, 12)),
}
VARIANTS = [*(cls() for cls in BY_NAME.values()), symrank.UbaruSaad(variant="published")]


@pytest.mark.parametrize("problem", SUMMARISED)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda method: repr(method)[:40])
def test_a_summary_is_a_function_of_its_arguments(variant, problem, monkeypatch):
    """Called twice it says the same, and leaves what was said before as it was.

    So a round can be summarised again: in another process, after a fault, or for a new precision.
    """
    if problem == "both signs" and getattr(variant, "variant", "") == "published":
        pytest.skip("for semidefinite operators")
    cls, calls = type(variant), []
    summarise = cls.summarise

    def twice(self, goal, states, previous):
        before = plain(copy.deepcopy(previous))
        summary = summarise(self, goal, states, previous)
        first = plain(copy.deepcopy(summary))
        assert plain(previous) == before
        assert plain(summarise(self, goal, states, previous)) == first
        assert plain(summary) == first
        calls.append(summary)
        return summary

    monkeypatch.setattr(cls, "summarise", twice)
    symrank.rank(SUMMARISED[problem](), method=variant, rng=5, max_matvecs=3000)
    assert calls


@pytest.mark.parametrize("problem", SUMMARISED)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda method: repr(method)[:40])
def test_what_comes_next_is_a_function_of_its_arguments(variant, problem, monkeypatch):
    """Asked twice, a method plans the same, and leaves the summary as it was."""
    if problem == "both signs" and getattr(variant, "variant", "") == "published":
        pytest.skip("for semidefinite operators")
    cls, calls = type(variant), []
    next_tasks = cls.next_tasks

    def twice(self, goal, round_, summary):
        before = plain(copy.deepcopy(summary))
        tasks = next_tasks(self, goal, round_, summary)
        assert plain(next_tasks(self, goal, round_, summary)) == plain(tasks)
        assert plain(summary) == before
        calls.append(tasks)
        return tasks

    monkeypatch.setattr(cls, "next_tasks", twice)
    symrank.rank(SUMMARISED[problem](), method=variant, rng=5, max_matvecs=3000)
    assert calls
