"""check_operator: what passes, what is refused, and in which words."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank import gallery
from symrank.errors import NonFiniteError, NotSymmetricError
from symrank.operators import (
    LinearNetworkHessian,
    Operator,
    Scaled,
    Squared,
    as_operator,
    check_operator,
    entries,
    gram,
)

REMEDIES = r"\(A \+ A\.T\)/2.*hermitian=False"
N = 60


def hidden(A):
    """The same matrix, known by its products only."""
    return as_operator(spla.aslinearoperator(A))


def symmetric(n=N, dtype=float):
    return gallery.dense(np.linspace(-1.0, 1.0, n), 3, dtype)


def skew(n=N):
    A = np.random.default_rng(1).standard_normal((n, n)) / n**0.5
    return A - A.T


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("n", [1, 2, N, 400])
def test_symmetric_operators_pass(n, dtype, seed):
    A = gallery.dense(np.linspace(-1.0, 1.0, n), seed, dtype)
    assert check_operator(as_operator(A), seed) == 0
    assert check_operator(as_operator(sp.csr_array(A)), seed) == 0
    assert check_operator(hidden(A), seed) == 8


@pytest.mark.parametrize("seed", range(5))
def test_operators_of_two_products_and_wide_spectra_pass(seed):
    lam = np.logspace(-15, 0, N)
    A = gallery.dense(lam, seed, np.float32)
    for G in (gram(A), Squared(hidden(A)), gram(hidden(A.astype(np.float64)))):
        assert check_operator(G, seed) == 8
    weights = gallery.linear_network(6, rng=seed, minimum="published").weights
    assert check_operator(LinearNetworkHessian(weights), seed) == 8


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_norms_near_the_ends_of_the_range_pass_and_their_asymmetry_shows(scale):
    A = symmetric() * scale
    bad = (symmetric() + 1e-6 * skew()) * scale
    assert check_operator(as_operator(A), 0) == 0
    assert check_operator(hidden(A), 0) == 8
    for make in (as_operator, hidden):
        with pytest.raises(NotSymmetricError, match="not symmetric"):
            check_operator(make(bad), 0)


def test_zero_empty_and_one_by_one_pass():
    assert check_operator(hidden(np.zeros((3, 3))), 0) == 8
    assert check_operator(as_operator(np.zeros((3, 3))), 0) == 0
    assert check_operator(as_operator(np.zeros((0, 0))), 0) == 0
    assert check_operator(as_operator(sp.csr_array((5, 5))), 0) == 0
    assert check_operator(hidden(np.array([[2.0]])), 0) == 8


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("make", [as_operator, lambda A: as_operator(sp.csc_array(A)), hidden])
@pytest.mark.parametrize("relative", [1e-9, 1e-6, 1.0])
def test_a_small_skew_part_is_refused_with_all_remedies(make, relative, seed):
    with pytest.raises(NotSymmetricError, match=rf"is allowed for rounding\. Pass {REMEDIES}"):
        check_operator(make(symmetric() + relative * skew()), seed)


def test_one_odd_entry_is_found_in_an_explicit_matrix_with_its_size():
    A = symmetric(10)
    A[2, 7] += 1e-6
    for make in (as_operator, lambda A: as_operator(sp.csr_array(A))):
        with pytest.raises(NotSymmetricError, match=r"max\|A - A\^H\| = 1e-06"):
            check_operator(make(A))


def test_one_odd_entry_is_found_in_every_tile(monkeypatch):
    monkeypatch.setattr(entries, "TILE", 4)
    for i, j in ((0, 9), (9, 0), (5, 6), (1, 0)):
        A = symmetric(10)
        assert check_operator(as_operator(A)) == 0
        A[i, j] += 1e-6
        with pytest.raises(NotSymmetricError, match="1e-06"):
            check_operator(as_operator(A))


def test_a_complex_symmetric_matrix_is_not_hermitian():
    A = symmetric().astype(complex)
    A[0, 0] += 0.5j
    for make in (as_operator, hidden):
        with pytest.raises(NotSymmetricError, match="Hermitian"):
            check_operator(make(A), 0)


def test_a_scaled_matrix_is_compared_entry_by_entry():
    assert check_operator(Scaled(as_operator(symmetric()), 2.0**40)) == 0
    with pytest.raises(NotSymmetricError, match=r"max\|A - A\^H\|"):
        check_operator(Scaled(as_operator(symmetric() + 1e-6 * skew()), 2.0**40))


def test_rtol_decides():
    A = symmetric() + 1e-6 * skew()
    assert check_operator(as_operator(A), rtol=1e-4) == 0
    assert check_operator(hidden(A), 0, rtol=1e-4) == 8


class Noisy(Operator):
    """An operator with dropout: another answer every time."""

    rng = np.random.default_rng(0)

    def _matmat(self, X):
        return X * (1 + 1e-3 * self.rng.standard_normal())


class FirstCallOnly(Operator):
    """Zero at the second call."""

    calls = 0

    def _matmat(self, X):
        self.calls += 1
        return X * (self.calls == 1)


class FirstColumnZero(Operator):
    """Not even linear: it drops the first vector of a block."""

    def _matmat(self, X):
        return X * (np.arange(X.shape[1]) > 0)


def test_a_block_with_a_zero_product_is_compared_without_dividing_by_zero():
    with pytest.raises(NotSymmetricError, match="not symmetric"):
        check_operator(FirstColumnZero((5, 5), float), 0)


@pytest.mark.parametrize("kind", [Noisy, FirstCallOnly])
def test_an_operator_that_changes_is_refused(kind):
    with pytest.raises(NotSymmetricError, match=r"not deterministic.*Freeze it.*dropout"):
        check_operator(kind((5, 5), float), 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [as_operator, lambda A: as_operator(sp.csr_array(A))])
def test_the_first_entry_that_is_not_finite_is_named(make, bad):
    A = np.diag([1.0, 2.0, 0.0, 3.0])
    A[2, 1] = A[3, 3] = bad
    with pytest.raises(NonFiniteError, match=rf"not finite: 2.*A\[2, 1\] = {bad}.*Remove"):
        check_operator(make(A))


def test_a_product_that_is_not_finite_is_named():
    A = np.diag([1.0, np.nan, 3.0])
    sparse = sp.csr_array(A)  # a dense product would spread the NaN
    with pytest.raises(NonFiniteError, match=r"4 of 12 numbers, the first in row 1: nan"):
        check_operator(hidden(sparse), 0)


def test_a_noise_that_was_declared_is_not_refused_where_vectors_are_few():
    """Four Gaussian vectors may all be nearly orthogonal to the only one that tells |A|."""

    class Noisy(Operator):
        def _matmat(self, X):
            error = noise.standard_normal(X.shape)
            error *= 0.99e-8 * np.linalg.norm(X, axis=0) / np.linalg.norm(error, axis=0)
            return np.diag([1.0, 0.0]) @ X + error

    for seed in range(3000):  # |A| is seen ten times too small once in 60 000
        noise = np.random.default_rng([seed, 1])
        check_operator(Noisy((2, 2), float), seed, noise=1e-8)
