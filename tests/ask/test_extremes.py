"""The ends of the range: order zero, a budget that is nearly nothing, numbers of any size."""

import json
import sys
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import symrank
from symrank import Langevin, Status, gallery
from symrank.errors import NonFiniteError, OptionError, StepSizeError
from symrank.methods import BY_NAME
from symrank.operators import Scaled, as_operator, augmented, gram, kron

METHODS = [None, *sorted(BY_NAME)]
CHECKS = 10  # products: eight of the check, two that look at the scale
CHAINS = 26  # Langevin's least: a pilot, and two chains with a window


def known_by_products(d, dtype=float):
    def product(X):
        return d.reshape((-1,) + (1,) * (X.ndim - 1)) * X

    return spla.LinearOperator((d.size, d.size), matvec=product, matmat=product, dtype=dtype)


EMPTY = {
    "dense": np.zeros((0, 0)),
    "complex64": np.zeros((0, 0), np.complex64),
    "sparse": sp.csr_array((0, 0)),
    "products": known_by_products(np.zeros(0)),
    "gram": gram(np.zeros((0, 5)), "rows"),
    "gram of sparse": gram(sp.csr_array((5, 0))),
    "augmented": augmented(np.zeros((0, 0))),
    "kron": kron(np.zeros((0, 0)), np.eye(2)),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("A", EMPTY.values(), ids=EMPTY)
def test_an_operator_of_order_zero_has_rank_zero(method, A):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = symrank.rank(A, method, rng=1, precision=2)
    assert (result.rank, result.n, result.num_matvecs) == (0, 0, 0)
    assert (result.interval(), result.inertia) == ((0, 0), (0, 0, 0))
    assert result.status is Status.EXACT
    assert method in (None, result.method)
    assert result.refine(1.0) is result


@pytest.mark.parametrize("method", METHODS)
def test_no_rows_or_no_columns_leave_zeros_alone(method):
    for A in (gram(np.zeros((0, 5))), augmented(np.zeros((0, 5)))):
        result = symrank.rank(A, method, rng=1)
        assert (result.rank, result.n, result.interval()) == (0, 5, (0, 0))


def test_a_relative_cut_on_zero_counts_nothing():
    result = symrank.rank(np.zeros((5, 5)), rtol=0.1)
    assert (result.rank, result.interval(), result.status) == (0, (0, 0), Status.EXACT)


SPECTRA = {
    "cluster near the floor": np.r_[1.0, np.full(49, 1e-13), np.zeros(250)],
    "half": np.r_[np.linspace(0.3, 1.0, 150), np.zeros(150)],
    "small rank, indefinite": np.r_[np.linspace(-1.0, 1.0, 30), np.zeros(270)],
}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("method", METHODS)
def test_no_run_takes_more_products_than_the_budget(method, spectrum):
    """From the checks on: their products count, and a method has at least one of its own."""
    A = known_by_products(SPECTRA[spectrum])
    if method == "inertia":
        A = gallery.diagonal(SPECTRA[spectrum])
    least = CHECKS if method != "langevin" else CHAINS
    for budget in (least, least + 1, 34, 64, 100, 321, 1000):
        if method == "dense" and budget < 300 + CHECKS:  # n products, and no part of them helps
            with pytest.raises(OptionError, match=r"takes 300 products.*Raise it by"):
                symrank.rank(A, method, rng=1, max_matvecs=budget)
            continue
        assert symrank.rank(A, method, rng=1, max_matvecs=budget).num_matvecs <= budget


def test_going_back_to_sampling_keeps_to_the_budget():
    """Lanczos, a sketch that fails, Lanczos again: 21 530 products were taken where 20 000 may."""
    n = 2000
    A = known_by_products(np.r_[1.0, np.full(199, 1e-13), np.zeros(n - 200)])
    for budget in (2000, 3000, 5000):
        result = symrank.rank(A, rng=280, max_matvecs=budget)
        assert result.num_matvecs <= budget
        low, high = result.interval()
        assert low <= 1 <= high


SCALES = [1e-318, 1e-305, 1e-200, 1.7e308]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("is_definite", [True, False])
@pytest.mark.parametrize("method", [*METHODS, Langevin(scheme="euler-maruyama")])
def test_no_scale_is_too_small_or_too_large(method, is_definite, scale):
    rng = np.random.default_rng(0)
    signs = 1.0 if is_definite else rng.choice([-1.0, 1.0], 100)
    d = np.r_[rng.uniform(0.3, 1.0, 100) * signs, np.zeros(60)] * scale
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for A in (gallery.diagonal(d), known_by_products(d)):
            if method == "inertia" and not sp.issparse(A):
                continue
            try:
                result = symrank.rank(A, method, rng=3, max_matvecs=1000)
            except NonFiniteError:  # a product with a vector of ones overflows
                assert scale == SCALES[-1]
                continue
            low, high = result.interval(1.0 - 1e-6)
            assert low <= 100 <= high
            json.dumps(result.to_dict(measure=True), allow_nan=False)


def test_step_sizes_at_extreme_scales_are_judged_in_the_units_of_the_caller():
    d = np.r_[np.linspace(0.3, 1.0, 60), -np.linspace(0.3, 1.0, 60), np.zeros(40)]
    tiny = gallery.diagonal(1e-200 * d)
    for scheme, step in (("baoab", 1e-3), ("euler-maruyama", 1e-3)):
        with pytest.raises((OptionError, StepSizeError), match=r"step_size=0\.001"):
            symrank.rank(tiny * 1e-105, Langevin(scheme=scheme, step_size=step), rng=1)
    kinetic = symrank.rank(tiny, Langevin(step_size=1e200), rng=1)
    assert kinetic.diagnostics["step_size"] == pytest.approx(1e200)
    free = symrank.rank(tiny, Langevin(scheme="leimkuhler-matthews"), rng=1)
    assert free.diagnostics["step_size"] is None  # some 1e400


@pytest.mark.parametrize("method", [m for m in METHODS if m != "projection"])
@pytest.mark.parametrize("atol", [2.0, 1e308])
def test_a_cut_above_the_norm_counts_nothing(method, atol):
    """Also where A has negative eigenvalues, which do not count and yet must not explode."""
    d = np.r_[np.linspace(0.3, 1.0, 60), -np.linspace(0.3, 1.0, 60), np.zeros(80)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = symrank.rank(gallery.diagonal(d), method, atol=atol, rng=1)
    low, _ = result.interval()
    assert low == result.rank == 0
    assert result.threshold == atol


def test_langevin_squares_what_is_indefinite_below_the_cut():
    d = np.r_[np.ones(60), np.full(60, -0.4), np.zeros(80)]
    result = symrank.rank(gallery.diagonal(d), "langevin", atol=0.7, rng=1)
    low, high = result.interval()
    assert result.diagnostics["squared"]
    assert low <= 60 <= high


def test_a_large_factor_is_multiplied_in_two_parts():
    d = np.array([3e-310, 1e-310, 0.0])
    operator = Scaled(as_operator(np.diag(d)), 2.0**1020)
    X = np.full((3, 1), 2.0**60)
    product = operator.matmat(X)[:, 0]
    np.testing.assert_array_equal(product, d * 2.0**1000 * 2.0**80)
    assert np.finfo(float).max == sys.float_info.max


def test_a_sketch_that_cannot_conclude_does_not_ask_for_more_products():
    d = np.r_[np.linspace(0.5, 1.0, 392), np.full(5, 2e-13), np.zeros(3)]
    result = symrank.rank(known_by_products(d), symrank.Sketch(side="null"), rng=1)
    assert result.num_matvecs < 5000
    assert result.status is Status.NO_GAP_FOUND
    assert "More products on the null space do not help" in result.notes[0]
    low, high = result.interval()
    assert low <= 397 <= high
