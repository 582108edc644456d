"""`count`: the certificates of a rank, for any interval; and the inertia with intervals."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symrank
from symrank import gallery
from symrank.answer.result import RankResult
from symrank.errors import OptionError
from symrank.operators import as_operator, shift

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
    assert result.between == window
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
    assert again.between == (0.7, INF)
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


HALF_ZERO = np.concatenate([np.zeros(300), np.linspace(0.1, 1.0, 300)])


@pytest.mark.parametrize("method", ["lanczos", "inertia", "dense", None])
@pytest.mark.parametrize(
    ("ends", "truth"),
    [((0.0, INF), 300), ((-INF, 0.0), 300), ((0.0, 1.5), 300), ((-1e13, 0.0), 300)],
)
def test_an_end_at_zero_asks_for_signs(method, ends, truth, seed):
    A = gallery.diagonal(HALF_ZERO)
    result = symrank.count(A, *ends, method=method, rng=seed)
    low, high = result.interval(1 - 1e-9)
    assert low <= truth <= high
    assert result.status.name in ("EXACT", "CONVERGED")
    assert result.bounds[0] <= result.bounds[1]


@pytest.mark.parametrize("far", [1.0 + 1e-6, 1e13, 1e16, 1e300, INF])
@pytest.mark.parametrize("method", ["lanczos", "inertia", "dense"])
def test_ends_beyond_the_spectrum_are_where_nothing_is(method, far):
    A = gallery.diagonal(HALF_ZERO)
    for ends in ((1e-3, far), (-far, far), (-far, 1e-3)):
        result = symrank.count(A, *ends, method=method, rng=5)
        low, high = result.interval(1 - 1e-9)
        truth = truth_of(HALF_ZERO, *ends)
        assert low <= truth <= high
        assert result.status.name in ("EXACT", "CONVERGED")


@pytest.mark.parametrize("method", ["lanczos", "inertia", "dense", "chebyshev", "langevin"])
@pytest.mark.parametrize("beside", [0.0, 1e-15, -1e-15])
def test_a_cluster_on_an_end_may_fall_on_either_side(method, beside):
    lam = np.concatenate([np.full(150, 0.5), np.linspace(0.6, 1.0, 50), np.zeros(100)])
    for ends, least, most in (((0.5 + beside, 0.8), 25, 175), ((-0.5, 0.5 + beside), 100, 250)):
        result = symrank.count(gallery.diagonal(lam), *ends, method=method, rng=4, max_matvecs=3000)
        low, high = result.interval(1 - 1e-9)
        assert low <= least <= most <= high
        assert result.status.name not in ("EXACT", "CONVERGED")
        assert result.bounds[0] <= result.bounds[1]


@pytest.mark.parametrize("method", ["lanczos", "inertia", "dense"])
def test_the_bands_of_both_ends_name_what_lies_in_them(method):
    lam = np.concatenate([np.full(40, 0.25), np.full(70, 0.5), np.linspace(0.6, 1.0, 90)])
    result = symrank.count(gallery.diagonal(lam), 0.25, 0.5, method=method, rng=4)
    lower, upper = result.at_ends
    assert lower.low < 0.25 < lower.high
    assert upper.low < 0.5 < upper.high
    assert lower.least <= 40 <= lower.most
    assert upper.least <= 70 <= upper.most
    assert len(result.notes) == 2


def test_narrow_bands_do_not_keep_a_count_from_its_precision():
    lam = np.concatenate([[0.5], np.linspace(0.6, 1.0, 399)])  # one eigenvalue on the end
    for method in ("dense", "inertia"):
        result = symrank.count(gallery.diagonal(lam), 0.5, 2.0, method=method)
        assert result.interval() == (399, 400)
        assert result.status.name == "CONVERGED"  # a half-width of two was asked for


@pytest.mark.parametrize("scale", [1e-200, 1e-3, 1e200])
@pytest.mark.parametrize("method", ["lanczos", "inertia", "dense"])
def test_counts_do_not_depend_on_the_units(method, scale):
    lam = np.linspace(-1.0, 1.0, 41) * scale
    result = symrank.count(gallery.diagonal(lam), -0.32 * scale, 0.52 * scale, method=method, rng=2)
    low, high = result.interval(1 - 1e-9)
    assert low <= 17 <= high
    for band in result.at_ends:
        assert any(band.low < end < band.high for end in (-0.32 * scale, 0.52 * scale))


@pytest.mark.parametrize("window", [(-1.0, 0.5), (0.0, 0.5), (0.2, INF), (-INF, 0.0)])
def test_a_gram_operator_counts_its_zeros_where_they_belong(window):
    X = np.random.default_rng(3).standard_normal((6, 40))
    lam = np.concatenate([np.linalg.svd(X, compute_uv=False) ** 2, np.zeros(34)])
    lam /= lam.max()
    A = symrank.gram(X / np.sqrt((np.linalg.svd(X, compute_uv=False) ** 2).max()))
    for method in (None, "lanczos", "dense"):
        result = symrank.count(A, *window, method=method, rng=1)
        low, high = result.interval(1 - 1e-9)
        assert low <= truth_of(lam, *window) <= high
        assert result.n == 40


def test_positive_and_other_eigenvalues_are_the_inertia(seed):
    rng = np.random.default_rng(seed)
    lam = np.concatenate([rng.uniform(0.2, 1.0, 30), -rng.uniform(0.2, 1.0, 20), np.zeros(10)])
    A = gallery.dense(lam, seed)
    plus, zero, minus = symrank.rank(A).inertia
    assert symrank.count(A, 0.0, INF).rank == plus
    assert symrank.count(A, -INF, 0.0).rank == minus + zero


def test_a_count_can_be_refined():
    lam = np.concatenate([np.linspace(0.1, 1.0, 2000), np.zeros(1000)])
    first = symrank.count(gallery.diagonal(lam), 0.3, 2.0, "lanczos", rng=1, precision=0.05)
    finer = first.refine(precision=0.01)
    assert finer.between == (0.3, 2.0)
    assert np.ptp(finer.interval()) < np.ptp(first.interval())
    low, high = finer.interval(1 - 1e-9)
    assert low <= truth_of(lam, 0.3, 2.0) <= high
