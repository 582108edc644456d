"""`count`: the certificates of a rank, for any interval; and the inertia with intervals."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symrank
from symrank import gallery
from symrank.errors import OptionError
from symrank.operators import as_operator, shift
from symrank.result import RankResult

INF = float("inf")


def truth_of(lam, a, b):
    return int(((lam > a) & (lam <= b)).sum())


@pytest.mark.parametrize("window", [(0.31, 0.72), (-INF, 0.52), (0.52, INF), (-INF, INF), (2, 3)])
@pytest.mark.parametrize("kind", ["dense", "sparse", "implicit", "float32"])
def test_exact_counts(kind, window):
    lam = np.linspace(-0.95, 0.95, 39)
    A = gallery.dense(lam, 1)
    made = {
        "dense": A,
        "sparse": gallery.diagonal(lam),
        "implicit": as_operator(A).to_scipy(),
        "float32": A.astype(np.float32),
    }[kind]
    result = symrank.count(made, *window, rng=1)
    assert result.rank == truth_of(lam, *window)
    assert result.interval() == (result.rank, result.rank)
    assert result.window == window
    assert result.status.name == "EXACT"


@pytest.mark.parametrize("window", [(0.3, 0.72), (-INF, 0.52), (0.52, INF), (-0.02, 0.02)])
def test_lanczos_counts_with_its_certificates(window, seed):
    rng = np.random.default_rng(seed)
    lam = rng.uniform(-1.0, 1.0, 600)
    lam[:100] = 0.0
    result = symrank.count(
        gallery.diagonal(lam), *window, method="lanczos", rng=seed, confidence=0.9999,
        max_matvecs=4000,
    )  # fmt: skip
    low, high = result.interval()
    assert low <= truth_of(lam, *window) <= high
    assert high - low < 200
    assert low <= result.rank <= high
    # the measure speaks of A itself, not of A - c
    assert result.measure.trace(lambda x: x).value == pytest.approx(
        lam.sum(), abs=5 * np.sqrt(600 / 8)
    )


@given(
    ends=st.tuples(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)).filter(lambda e: e[0] < e[1] - 1e-9),
    seed=st.integers(0, 100),
)
@settings(max_examples=40)
def test_counts_of_any_window_are_held(ends, seed):
    lam = np.random.default_rng(seed).uniform(-1.0, 1.0, 60)
    result = symrank.count(
        gallery.diagonal(lam), *ends, method="lanczos", rng=seed, confidence=1 - 1e-7,
        max_matvecs=1000,
    )  # fmt: skip
    low, high = result.interval()
    # an end within rounding of an eigenvalue leaves it open
    near = sum(int((np.abs(lam - end) < 1e-9).sum()) for end in ends)
    assert low - near <= truth_of(lam, *ends) <= high + near


def test_a_count_survives_json():
    result = symrank.count(np.diag([3.0, 1.0, 0.5]), 0.7, INF, method="lanczos", rng=1)
    record = json.loads(json.dumps(result.to_dict(measure=True)))
    again = RankResult.from_dict(record)
    assert again.interval() == result.interval()
    assert again.window == (0.7, INF)
    assert str(again).startswith("count in (0.7, inf) 2 in [2, 2]")


def test_products_of_the_bound_are_counted():
    A = as_operator(gallery.dense(np.linspace(0.0, 1.0, 50), 1)).to_scipy()
    closed = symrank.count(A, -1.0, 0.5, method="lanczos", max_matvecs=400, rng=1)
    open_ = symrank.count(A, -INF, 0.5, method="lanczos", max_matvecs=400, rng=1)
    assert open_.num_matvecs <= 400
    assert closed.num_matvecs <= 400


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((1.0, 1.0), {}, r"a=1.0 and b=1.0 hold no interval"),
        ((2.0, 1.0), {}, r"pass a < b"),
        ((float("nan"), 1.0), {}, r"pass a < b"),
        ((1.0, 1.0 + 1e-14), {}, r"narrower than the noise"),
    ],
)
def test_bad_windows(args, options, message):
    with pytest.raises(OptionError, match=message):
        symrank.count(np.diag([1.0, 1000.0]), *args, **options)


def test_shift_keeps_explicit_matrices():
    lam = np.array([1.0, 2.0, 4.0])
    for A in (gallery.diagonal(lam), np.diag(lam), np.diag(lam).astype(np.float32)):
        moved = shift(as_operator(A), 2.0)
        assert moved.is_explicit
        assert moved.dtype == A.dtype
        np.testing.assert_array_equal(moved.to_dense(), np.diag(lam - 2.0))
    np.testing.assert_array_equal(np.diag(lam), np.diag([1.0, 2.0, 4.0]))  # not changed


def test_inertia_intervals_hold_all_at_once(seed):
    rng = np.random.default_rng(seed)
    lam = np.concatenate([rng.uniform(0.2, 1.0, 300), -rng.uniform(0.2, 1.0, 200), np.zeros(100)])
    result = symrank.rank(gallery.diagonal(lam), "lanczos", rng=seed, confidence=0.9999)
    found = result.inertia_intervals()
    for (low, high), truth in zip(found, (300, 100, 200), strict=True):
        assert low <= truth <= high
        assert high - low < 150
    wide, narrow = result.inertia_intervals(0.9999), result.inertia_intervals(0.5)
    assert all(w[0] <= m[0] <= m[1] <= w[1] for w, m in zip(wide, narrow, strict=True))


def test_exact_inertia_has_no_width():
    result = symrank.rank(np.diag([1.0, -1.0, 0.0, 2.0]))
    assert result.inertia_intervals() == ((2, 2), (1, 1), (1, 1))


def test_an_eigenvalue_on_an_end_is_left_open():
    result = symrank.count(np.diag([1.0, 2.0, 3.0]), 2.0, 4.0)
    assert result.interval() == (1, 2)
    assert result.status.name == "NO_GAP_FOUND"


def test_a_count_has_no_inertia():
    result = symrank.count(np.diag([1.0, 2.0]), 0.0, 1.5)
    with pytest.raises(OptionError, match=r"no Ritz measure of a rank"):
        result.inertia_intervals()


@pytest.mark.parametrize("method", [None, "lanczos", "chebyshev"])
def test_a_far_window_is_empty_and_costs_no_digits(method):
    A = as_operator(gallery.diagonal(np.linspace(0.1, 1.0, 200))).to_scipy()
    result = symrank.count(A, 1e6, 3e6, method=method, rng=1)
    low, high = result.interval(1 - 1e-9)
    assert low == 0
    assert high <= (1 if method == "chebyshev" else 0)  # a polynomial proves no more
