"""A padded matrix is the whole one, wherever it is multiplied or counted."""

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank.errors import OperatorError
from symrank.operators import PaddedMatrix, PaddedOperator


def triplets(rng, shape, count=9, *, is_symmetric=False):
    row, col = (rng.integers(0, n, count) for n in shape)
    data = rng.standard_normal(count)
    A = sp.coo_array((data, (row, col)), shape=shape)
    return sp.coo_array(A + A.T) if is_symmetric else A


def test_products_are_those_of_the_whole(rng):
    A = triplets(rng, (40, 40), is_symmetric=True)
    padded = symrank.as_operator(PaddedMatrix.from_coo(A))
    assert isinstance(padded, PaddedOperator)
    X = rng.standard_normal((40, 3))
    np.testing.assert_allclose(padded @ X, A @ X, rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(padded.to_dense(), A.toarray())
    np.testing.assert_array_equal(padded.whole().to_dense(), A.toarray())
    assert padded.scale_hint() == np.abs(A.toarray()).max()
    assert padded.num_empty == 40 - padded.base.n


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (40, 40)])
@pytest.mark.parametrize(
    "twin", [symrank.augmented, symrank.gram, lambda A: symrank.gram(A, "rows")]
)
def test_a_rectangle_is_made_symmetric_as_the_whole_is(rng, shape, twin):
    A = triplets(rng, shape)
    padded, whole = twin(PaddedMatrix.from_coo(A)), twin(sp.csr_array(A))
    assert padded.shape == whole.shape
    np.testing.assert_allclose(padded.to_dense(), whole.to_dense(), atol=1e-14)
    X = rng.standard_normal((whole.n, 2))
    np.testing.assert_allclose(padded @ X, whole @ X, atol=1e-13)


@pytest.mark.parametrize("method", [None, "dense", "lanczos", "inertia", "sketch", "chebyshev"])
def test_a_rank_counts_the_empty_rows_as_zeros(rng, method):
    A = triplets(rng, (60, 60), 20, is_symmetric=True)
    truth = int(np.linalg.matrix_rank(A.toarray()))
    result = symrank.rank(PaddedMatrix.from_coo(A), method, rng=1)
    low, high = result.interval()
    assert low <= truth <= high
    assert (result.n, result.nullity) == (60, 60 - result.rank)
    if result.inertia is not None:
        assert sum(result.inertia) == 60


@pytest.mark.parametrize("method", [None, "dense", "lanczos", "inertia", "sketch", "chebyshev"])
@pytest.mark.parametrize("window", [(0.5, np.inf), (-np.inf, -0.1), (0.0, 1.0), (-0.5, 0.5)])
def test_a_count_is_that_of_the_whole(rng, method, window):
    A = triplets(rng, (60, 60), 20, is_symmetric=True)
    lam = np.where(np.abs(lam := np.linalg.eigvalsh(A.toarray())) < 1e-12, 0.0, lam)
    truth = int(((lam > window[0]) & (lam <= window[1])).sum())
    result = symrank.count(PaddedMatrix.from_coo(A), *window, method, rng=1)
    low, high = result.interval()
    assert low <= truth <= high
    assert result.n == 60
    if result.resume is not None:
        again = result.refine(1.0)
        assert again.n == 60
        assert again.interval()[0] <= truth <= again.interval()[1]


@pytest.mark.parametrize("name", ["jacobi", "equilibrate"])
def test_a_preconditioner_is_made_of_the_whole_or_of_what_is_stored(rng, name):
    A = triplets(rng, (60, 60), 20, is_symmetric=True)
    A = PaddedMatrix.from_coo(sp.coo_array(A + sp.diags_array((A.sum(axis=1) != 0) * 9.0)))
    operator = symrank.as_operator(A)
    whole = getattr(symrank.Preconditioner, name)(operator)
    block = getattr(symrank.Preconditioner, name)(operator.base)
    assert whole.root.size == 60
    np.testing.assert_array_equal(whole.root[A.rows], block.root)
    by_name, by_object = (symrank.rank(A, preconditioner=G, rng=1) for G in (name, whole))
    assert by_name.rank == by_object.rank == A.rows.size
    assert by_name.n == by_object.n == 60


def test_a_sum_over_the_spectrum_counts_them_too(rng):
    A = triplets(rng, (50, 50), is_symmetric=True)
    result = symrank.rank(PaddedMatrix.from_coo(A), "lanczos", rng=1)
    low, high = result.inertia_intervals()[1]
    truth = 50 - int(np.linalg.matrix_rank(A.toarray()))
    assert low <= truth <= high


def test_integers_become_floats_before_they_are_summed():
    A = sp.coo_array((np.array([100, 100], np.int8), ([3, 3], [3, 3])), shape=(9, 9))
    assert PaddedMatrix.from_coo(A).block[0, 0] == 200.0


def test_it_says_what_it_is_and_gives_itself_back(rng):
    A = triplets(rng, (10**6, 10**6))
    padded = PaddedMatrix.from_coo(A)
    assert repr(padded).startswith("<PaddedMatrix 1000000x1000000 float64: 9 entries in ")
    assert (padded.nnz, padded.dtype) == (9, np.float64)
    assert abs(padded.tocoo() - A).max() == 0.0


def test_a_rectangle_is_no_operator(rng):
    with pytest.raises(OperatorError, match="30x50, and a square symmetric"):
        symrank.as_operator(PaddedMatrix.from_coo(triplets(rng, (30, 50))))
