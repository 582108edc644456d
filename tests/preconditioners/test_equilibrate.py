"""Ruiz's scaling: a congruence by powers of two that leaves rows of unit size."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg  # noqa: F401 - sp.linalg
from hypothesis import given
from hypothesis import strategies as st

import symrank
from symrank import Preconditioner, Status, gallery
from symrank.errors import NonFiniteError, OptionError
from symrank.operators import MatrixOperator, Scaled, as_operator, augmented, gram
from symrank.preconditioners import apply
from symrank.preconditioners.equilibrate import SETTLED, equilibrate, uneven_scales

DTYPES = (np.float32, np.float64, np.complex64, np.complex128)
# d_i and d_j are rounded to powers of two, by up to sqrt(2) each; sweeps end within 2^SETTLED
SLACK = 2.0 * 2.0**SETTLED
SEEDS = st.integers(0, 2**32 - 1)


def sparse_matrix(rng, n, dtype=float, density=0.3):
    """Entries are small whole numbers (Gaussian ones where complex), some rows are empty."""
    A = np.triu(rng.integers(-3, 4, (n, n)) * (rng.random((n, n)) < density)).astype(dtype)
    if np.dtype(dtype).kind == "c":
        A += 1j * np.triu(rng.integers(-3, 4, (n, n)) * (rng.random((n, n)) < density), 1)
    A = A + A.conj().T
    empty = rng.random(n) < 0.2
    A[empty] = A[:, empty] = 0
    return A


def scaled(A, decades):
    d = 10.0**decades
    with np.errstate(over="ignore", under="ignore"):
        return (d[:, None] * A * d).astype(A.dtype)


def largest(operator):
    entries = operator.to_dense()
    parts = np.maximum(abs(entries.real), abs(entries.imag))
    return parts.max(axis=1, initial=0.0)


@given(
    SEEDS, st.integers(1, 12), st.sampled_from(DTYPES), st.sampled_from([np.asarray, sp.csr_array])
)
def test_d_are_powers_of_two_and_rows_are_of_unit_size(seed, n, dtype, form):
    rng = np.random.default_rng(seed)
    reach = 4 if np.dtype(dtype).char in "fF" else 12
    A = scaled(sparse_matrix(rng, n, dtype), rng.uniform(-reach, reach, n))
    operator = as_operator(form(A))
    scales = equilibrate(operator.facts)

    mantissas, exponents = np.frexp(scales.root)
    assert (mantissas == 0.5).all()
    filled = largest(operator) > 0.0
    assert (scales.is_filled == filled).all()
    assert (scales.root[~filled] == 1.0).all()

    B = apply(operator, Preconditioner.equilibrate(operator))
    assert B.dtype == dtype
    size = largest(B)[filled]
    assert (size >= 1.0 / SLACK).all()
    assert (size <= SLACK).all()
    # not one bit of an entry has changed, apart from what is below all numbers of the dtype
    back = np.ldexp(B.to_dense().real, -(exponents[:, None] + exponents - 2))
    kept = abs(B.to_dense().real) >= np.finfo(dtype).tiny
    np.testing.assert_array_equal(back[kept], A.real[kept])


@given(SEEDS, st.integers(1, 10), st.sampled_from([np.float64, np.complex128]))
def test_inertia_does_not_change(seed, n, dtype):
    """Whole numbers of one digit: their eigenvalues are zero or far from it (n = 10: 1e-9).

    With |a_ii| >= 1 and |a_ij| < 5 the limit of the sweeps is 1 / sqrt|a_ii| within a factor 25,
    whatever the units. (Hollow matrices have more than one limit.)
    """
    rng = np.random.default_rng(seed)
    A = sparse_matrix(rng, n, dtype)
    filled = np.flatnonzero(abs(A).any(axis=1) & (A.diagonal() == 0))
    A[filled, filled] = rng.choice([-1, 1], filled.size)
    truth = symrank.rank(A, "dense", rng=1)
    # powers of two here: decades would be rounded, and a singular matrix would not stay so
    d = 2.0 ** rng.integers(-40, 41, n)
    B = d[:, None] * A * d
    for form in (np.asarray, sp.csr_array):
        result = symrank.rank(form(B), "dense", preconditioner="equilibrate", rng=1)
        assert result.preconditioner == "equilibrate"
        assert result.inertia == truth.inertia


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_a_row_without_entries_and_no_rows_at_all(form):
    A = form(np.diag([1e-300, 0.0, 1e300]))
    root = Preconditioner.equilibrate(as_operator(A)).root
    assert root[1] == 1.0
    assert symrank.rank(A, preconditioner="equilibrate").inertia == (2, 1, 0)
    for n in (0, 3):
        zeros = form(np.zeros((n, n)))
        assert Preconditioner.equilibrate(as_operator(zeros)).root.tolist() == [1.0] * n
        assert symrank.rank(zeros, preconditioner="equilibrate").inertia == (0, n, 0)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e-38), (float, 1e-307), (float, 1e300)])
def test_extreme_entries(form, dtype, size):
    A = np.array([[size, 0.0, 0.0], [0.0, 0.0, size], [0.0, size, 1.0]], dtype=dtype)
    assert symrank.rank(form(A), preconditioner="equilibrate").inertia == (2, 0, 1)
    tiny = np.diag([np.finfo(dtype).smallest_subnormal, 1.0]).astype(dtype)
    assert symrank.rank(form(tiny), preconditioner="equilibrate").inertia == (2, 0, 0)


def test_scales_beyond_all_numbers_are_an_error():
    """The second row needs d = 1e450; without a preconditioner the answer is not sure of it."""
    A = np.array([[1e300, 1e-300], [1e-300, 0.0]])
    with pytest.raises(OptionError, match=r"row 1 .* 2\*\*1495"):
        symrank.rank(A, preconditioner="equilibrate")
    result = symrank.rank(A)
    assert result.status is Status.BUDGET_SPENT
    assert (result.rank, result.interval()) == (1, (0, 2))
    assert "2**1495" in result.notes[0]


def test_augmented_matrices_stay_augmented():
    rng = np.random.default_rng(5)
    X = rng.integers(-3, 4, (9, 6)).astype(float)
    X[:, 5] = X[:, 0] - X[:, 1]
    Y = 2.0 ** rng.integers(-30, 30, (9, 1)) * X * 2.0 ** rng.integers(-30, 30, 6)
    for operator in (augmented(Y), augmented(sp.csr_array(Y)), Scaled(augmented(Y), 0.5)):
        G = Preconditioner.equilibrate(operator)
        B = apply(operator, G)
        assert B.num_dense_products == 0
        size = largest(B)
        assert size.min() >= 1.0 / SLACK
        assert size.max() <= SLACK
        assert (B.to_dense() == G.root[:, None] * operator.to_dense() * G.root).all()
        assert symrank.rank(operator, preconditioner="equilibrate").inertia == (5, 5, 5)


@given(SEEDS, st.sampled_from(DTYPES), st.sampled_from(["columns", "rows"]), st.booleans())
def test_gram_matrices_get_a_unit_diagonal(seed, dtype, side, is_sparse):
    rng = np.random.default_rng(seed)
    X = sparse_matrix(rng, 8, dtype)[:, :6]
    units = 2.0 ** rng.integers(-30, 30, 6)
    X = (X * units if side == "columns" else (X * units).conj().T).astype(dtype)
    operator = gram(sp.csr_array(X) if is_sparse else X, side)
    G = Preconditioner.equilibrate(operator)
    B = apply(operator, G)
    assert B.num_dense_products == 0
    filled = equilibrate(operator.facts).is_filled
    diagonal = B.to_dense().diagonal().real
    assert (diagonal[filled] >= 0.49).all()  # 1/2 and the rounding of single precision
    assert (diagonal[filled] <= 2.01).all()
    assert (diagonal[~filled] == 0.0).all()
    Y = X / units if side == "columns" else X.T / units
    assert symrank.rank(operator, preconditioner="equilibrate").rank == np.linalg.matrix_rank(Y)


@pytest.mark.parametrize("size", [1e-300, 1e200, 1e-305])
def test_gram_matrices_of_extreme_entries(size):
    X = np.array([[1.0, size, 0.0, 0.0], [1.0, -size, 0.0, 0.0]])
    for operator in (gram(X), gram(sp.csr_array(X)), gram(X.T, "rows")):
        assert symrank.rank(operator, preconditioner="equilibrate").inertia == (2, 2, 0)


@pytest.mark.parametrize("method", ["dense", "inertia", "lanczos", "sketch"])
def test_every_method_counts_a_graded_matrix(method):
    """A core with |eigenvalues| in [0.4, 1.6], ten empty rows, and units of 1e-12 to 1e12."""
    rng = np.random.default_rng(2)
    n = 300
    signs = np.where(rng.random(n) < 0.9, 1.0, -1.0)
    core = sp.diags_array([0.3, signs, 0.3], offsets=[-1, 0, 1], shape=(n, n))
    units = sp.diags_array(10.0 ** rng.uniform(-12, 12, n))
    A = sp.block_diag([units @ core @ units, sp.csr_array((10, 10))]).tocsr()
    A = (A + A.T) / 2
    result = symrank.rank(A, method, preconditioner="equilibrate", rng=1)
    low, high = result.interval(1 - 1e-6)
    assert low <= n <= high
    assert result.status in (Status.EXACT, Status.CONVERGED)


@given(SEEDS, st.integers(1, 30))
def test_the_bounds_of_the_module_docstring(seed, n):
    """(5), by the largest entries alone; and `uneven_scales` says what `equilibrate` does."""
    rng = np.random.default_rng(seed)
    A = scaled(sparse_matrix(rng, n), rng.uniform(-6, 6, n))
    operator = MatrixOperator(A)
    scales = equilibrate(operator.facts)
    rows = np.log2(largest(operator)[scales.is_filled])
    assert scales.spread <= np.ptp(np.append(rows, rows[:1] if rows.size else 0.0)) + 1.0
    for limit in (0.5, abs(scales.spread - 0.5), scales.spread, 20.0):
        found = uneven_scales(operator.facts, limit)
        assert (found is not None) == (scales.spread > limit)
        if found is not None:
            assert (found.exponents == scales.exponents).all()


def test_even_scales_are_known_after_one_look():
    """A Laplacian needs no sweep: 2 to 4 on the diagonal."""
    from symrank.preconditioners import equilibrate as module

    A = as_operator(gallery.grid_laplacian((20, 20)))
    reach = module._Reach(A.facts.rows())
    assert np.ptp(reach.largest) + 1.0 <= 20.0
    assert uneven_scales(A.facts, 20.0) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_has_no_scales(value):
    with pytest.raises(NonFiniteError, match="row 1 of the matrix"):
        Preconditioner.equilibrate(as_operator(np.diag([1.0, value])))
    assert uneven_scales(as_operator(np.diag([1.0, 1e-30, value])).facts, 1.0) is None
    known_by_products = sp.linalg.aslinearoperator(np.eye(3))
    for operator in (gram(known_by_products), as_operator(known_by_products)):
        assert uneven_scales(operator.facts, 1.0) is None
        with pytest.raises(OptionError, match="needs the entries"):
            symrank.rank(operator, preconditioner="equilibrate")
