"""Preconditioners: spectra of G A, Sylvester's law, extreme numbers, refusals."""

import pickle

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import symrank
from symrank import Preconditioner, gallery
from symrank.errors import NonFiniteError, OperatorError, OptionError
from symrank.operators import Congruent, MatrixOperator, Operator, Scaled, as_operator, gram
from symrank.preconditioners import apply, as_preconditioner

N = 24
ROUNDING = 500  # units of eps |G A|: eigenvalues of a product that is not normal
SIGNED = gallery.SPECTRA["indefinite"](N)
FORMS = {
    "dense": np.asarray,
    "Fortran": np.asfortranarray,
    "sparse": sp.csr_array,
    "LinearOperator": spla.aslinearoperator,
    "scaled": lambda A: Scaled(as_operator(A), 0.5),
}

integers = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        *[hnp.arrays(np.int64, (n, n), elements=st.integers(-2, 2)) for _ in range(2)]
    )
)


def diagonal_g(n=N, decades=2, seed=3):
    return 10.0 ** np.random.default_rng(seed).uniform(-decades, decades, n)


def triangular(n=N, dtype=float):
    """A factor with a unit diagonal, far from symmetric."""
    rng = np.random.default_rng(8)
    S = np.tril(rng.standard_normal((n, n)) / n**0.5, -1) + np.eye(n)
    if np.dtype(dtype).kind == "c":
        S = S * np.exp(1j * rng.standard_normal(n))
    return S.astype(dtype)


def by_solves(S):
    """The factor as a user of triangular solves gives it: vectors only."""
    inverse = np.linalg.inv(S)
    return spla.LinearOperator(
        S.shape,
        dtype=S.dtype,
        matvec=lambda x: np.linalg.solve(inverse, x),
        rmatvec=lambda x: np.linalg.solve(inverse.conj().T, x),
    )


def inertia(values, cut):
    return int((values > cut).sum()), int((values < -cut).sum())


KINDS = [
    (dtype, kind)
    for dtype in (np.float32, np.float64, np.complex64, np.complex128)
    for kind in ("diagonal", "triangular", "solves", "complex")
    if kind != "complex" or np.dtype(dtype).kind == "c"  # a real A has no complex factor
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("dtype", "kind"), KINDS)
def test_spectrum_is_that_of_g_a_and_the_inertia_that_of_a(form, dtype, kind):
    A = gallery.dense(SIGNED, 5, dtype)
    operator = as_operator(FORMS[form](A))
    A = operator.to_dense().astype(complex if operator.dtype.kind == "c" else float)
    if kind == "diagonal":
        G, S = Preconditioner.diagonal(diagonal_g()), np.diag(np.sqrt(diagonal_g()))
    else:
        S = triangular(dtype=complex if kind == "complex" else float)
        G = Preconditioner.from_factor(by_solves(S) if kind == "solves" else S)

    B = apply(operator, G)
    values = np.linalg.eigvalsh(B.to_dense())

    expected = np.sort(np.linalg.eigvals(S @ S.conj().T @ A).real)
    scale = ROUNDING * np.finfo(dtype).eps * np.linalg.norm(S, 2) ** 2
    assert B.dtype == dtype
    np.testing.assert_allclose(values, expected, rtol=0, atol=scale)
    assert inertia(values, scale) == inertia(np.linalg.eigvalsh(A), 1e-5)


def test_an_explicit_matrix_under_a_diagonal_stays_explicit_and_exactly_symmetric():
    A = gallery.dense(SIGNED, 5)
    A = (A + A.T) / 2
    G = Preconditioner.diagonal(diagonal_g())
    for given_, kept in ((A, np.ndarray), (sp.csc_matrix(A), sp.csr_array)):
        before = given_.copy()
        B = apply(as_operator(given_), G)
        assert isinstance(B, MatrixOperator)
        assert isinstance(B.entries, kept)
        assert abs(B.entries - B.entries.T).max() == 0.0
        assert abs(before - given_).max() == 0.0


def test_large_dense_matrices_are_scaled_in_blocks(monkeypatch):
    A = as_operator(gallery.dense(SIGNED, 5))
    G = Preconditioner.diagonal(diagonal_g())
    whole = apply(A, G).entries
    monkeypatch.setattr("symrank.operators.scaling.BLOCK", 5 * N)
    np.testing.assert_array_equal(apply(A, G).entries, whole)


@given(integers)
def test_rank_and_inertia_survive_any_integer_congruence(pair):
    A, S = pair[0] + pair[0].T, np.tril(pair[1], -1) + np.eye(len(pair[0]))
    plain = symrank.rank(A, rng=5)
    for form in (np.asarray, sp.csr_array, by_solves):
        result = symrank.rank(A, preconditioner=Preconditioner.from_factor(form(S)), rng=5)
        assert (result.rank, result.inertia) == (plain.rank, plain.inertia)


@given(
    A=hnp.arrays(np.int64, (4, 4), elements=st.integers(-2, 2)).map(lambda A: A + A.T),
    exponents=hnp.arrays(np.int64, 4, elements=st.integers(-12, 12)),
)
def test_a_diagonal_undoes_its_inverse_scaling(A, exponents):
    root = 2.0**exponents
    bad = A * np.outer(1 / root, 1 / root)
    result = symrank.rank(bad, preconditioner=root**2, rng=5)
    assert result.rank == np.linalg.matrix_rank(A.astype(float), hermitian=True)


def test_jacobi_gives_a_unit_diagonal_and_empty_rows_the_lower_median():
    a = np.array([4.0, 0.0, -0.25, 100.0, 1.0, 0.0])
    A = as_operator(np.diag(a))
    np.testing.assert_array_equal(Preconditioner.jacobi(A).root, [0.5, 0.5, 2.0, 0.1, 1.0, 0.5])
    scaled = np.diag(apply(A, Preconditioner.jacobi(A)).to_dense())
    np.testing.assert_allclose(scaled, np.sign(a), rtol=1e-15)
    zero = as_operator(sp.csr_array((3, 3)))
    np.testing.assert_array_equal(Preconditioner.jacobi(zero).root, np.ones(3))
    scaled = Scaled(as_operator(sp.csr_array(np.diag(a))), 4.0)
    np.testing.assert_array_equal(Preconditioner.jacobi(scaled).root[:1], [0.25])


class Explicit(Operator):
    """An operator of a user whose entries cost no product."""

    def _matmat(self, X):
        return 4.0 * X


def test_jacobi_asks_an_explicit_operator_for_its_entries():
    A = Explicit((3, 3), float, is_explicit=True)
    np.testing.assert_array_equal(Preconditioner.jacobi(A).root, np.full(3, 0.5))


def test_adam_is_the_scaling_of_the_optimiser():
    v = np.array([0.0, 1e-20, 4.0, 1e300])
    G = Preconditioner.adam(v, eps=1e-3)
    np.testing.assert_allclose(G.root**2, 1.0 / (np.sqrt(v) + 1e-3), rtol=1e-14)
    assert Preconditioner.adam([0.0]).root == pytest.approx(1e4)


@pytest.mark.parametrize("size", [1e-320, 1e-300, 1e300, 1.7e308])
@pytest.mark.parametrize("form", ["dense", "sparse", "LinearOperator"])
def test_extreme_diagonals(size, form):
    A = np.diag([size, size, 1.0, 0.0])
    A[0, 1] = A[1, 0] = size / 2
    G = Preconditioner.jacobi(as_operator(A))
    B = apply(as_operator(FORMS[form](A)), G)
    np.testing.assert_allclose(
        B.to_dense()[:3, :3],
        [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]],
        rtol=2e-4 if size < 1 else 1e-12,
    )  # 1e-320 has three digits
    assert symrank.rank(FORMS[form](A), preconditioner=G, rng=1).rank == 3


@pytest.mark.parametrize("size", [1e-300, 1e300])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("unit", [1.0, 1j])
def test_no_intermediate_leaves_the_range(size, form, unit):
    A = np.array([[0.0, size * unit], [size * np.conj(unit), 0.0]])
    for g in ([1e300, 1e-300], [1e-300, 1e300]):
        B = apply(as_operator(form(A)), Preconditioner.diagonal(g))
        np.testing.assert_allclose(B.to_dense(), A, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.longdouble])
def test_a_diagonal_of_any_real_numbers_becomes_double(dtype):
    assert Preconditioner.diagonal(np.full(2, 4, dtype)).root.dtype == np.float64
    assert Preconditioner.adam(np.full(2, 4, dtype)).root.dtype == np.float64


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_single_precision_has_room_for_the_square_of_sqrt_g(scale):
    A = gallery.dense(SIGNED, 5, np.float32) * np.float32(scale)
    for form in ("dense", "sparse", "LinearOperator"):
        B = apply(as_operator(FORMS[form](A)), Preconditioner.diagonal(np.full(N, 1 / scale)))
        assert B.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(B.to_dense(), 2), 1.0, rtol=1e-5)


def test_the_lower_precision_of_the_two_counts():
    S = triangular(dtype=np.float32)
    assert apply(as_operator(np.eye(N)), Preconditioner.from_factor(S)).dtype == np.float32
    assert apply(as_operator(np.eye(N) + 0j), Preconditioner.from_factor(S)).dtype == np.complex64


def test_products_are_counted_in_those_of_the_base():
    A = gram(np.eye(5))
    A.matvecs_per_product = 3
    assert apply(A, Preconditioner.diagonal(np.ones(5))).matvecs_per_product == 3


def test_a_preconditioner_neither_shares_nor_gives_away_its_numbers():
    g = np.array([4.0, 9.0])
    G = Preconditioner.diagonal(g)
    g[:] = 1.0
    np.testing.assert_array_equal(G.root, [2.0, 3.0])
    assert not G.root.flags.writeable
    assert (G.n, G.name, repr(G)) == (2, "diagonal", "<Preconditioner 2x2: diagonal>")
    again = pickle.loads(pickle.dumps(G))
    np.testing.assert_array_equal(again.factor.forward(np.ones((2, 1))), [[2.0], [3.0]])


def test_order_zero():
    empty = np.zeros((0, 0))
    for G in ("jacobi", np.empty(0), Preconditioner.from_factor(empty)):
        for A in (empty, sp.csr_array(empty)):
            assert symrank.rank(A, preconditioner=G).rank == 0


BAD_DIAGONALS = [
    (Preconditioner.diagonal, [1.0, 0.0], r"positive and finite, and entry 1 is 0\. For an empty"),
    (Preconditioner.diagonal, [-2.0], r"entry 0 is -2"),
    (Preconditioner.diagonal, [1.0, np.inf], r"entry 1 is inf"),
    (Preconditioner.diagonal, [np.nan], r"entry 0 is nan"),
    (Preconditioner.diagonal, np.eye(2), r"float64 of shape \(2, 2\).*Pass x\.ravel\(\)"),
    (Preconditioner.diagonal, [1j], r"complex128 of shape \(1,\)"),
    (Preconditioner.adam, [-1.0], r"a second moment .* entry 0 is -1\. Pass Adam's v"),
    (Preconditioner.adam, [np.nan], r"entry 0 is nan"),
    (Preconditioner.adam, [0.0, np.inf], r"entry 1 is inf"),
    (Preconditioner.adam, 3.0, r"the second moments of Adam came as float64 of shape \(\)"),
]


@pytest.mark.parametrize(("make", "values", "message"), BAD_DIAGONALS)
def test_bad_diagonals(make, values, message):
    with pytest.raises(OptionError, match=message):
        make(values)


@pytest.mark.parametrize("eps", [0.0, -1.0, np.inf, np.nan])
def test_bad_eps_of_adam(eps):
    with pytest.raises(OptionError, match=rf"eps={eps} must be positive.*Pass the eps"):
        Preconditioner.adam([1.0], eps=eps)


def test_jacobi_without_entries_or_without_numbers():
    with pytest.raises(
        OptionError, match=r"entries of this 3x3.*Preconditioner\.diagonal\(1 / diag\)"
    ):
        Preconditioner.jacobi(gram(np.eye(3)))
    with pytest.raises(NonFiniteError, match=r"A\[1, 1\] = nan"):
        Preconditioner.jacobi(as_operator(np.diag([1.0, np.nan])))


S = triangular(4)
BAD_FACTORS = {
    "rectangle": (np.ones((3, 2)), r"3x2, and G = S S\* .*Pass a square root"),
    "vector": (np.ones(3), r"factor has two dimensions.*\(3,\)"),
    "no adjoint": (
        spla.LinearOperator((4, 4), matvec=lambda x: S @ x),
        r"cannot multiply by its adjoint.*Give it rmatvec",
    ),
    "own adjoint": (
        spla.LinearOperator((4, 4), matvec=lambda x: S @ x, rmatvec=lambda x: S @ x),
        r"not its adjoint: <x, S y> and <S\* x, y> differ by .*Give rmatvec",
    ),
    "transpose": (
        spla.LinearOperator((4, 4), matvec=lambda x: 1j * x, rmatvec=lambda x: 1j * x, dtype="D"),
        r"not its adjoint",
    ),
    "infinite": (np.diag([1.0, np.inf]), r"infinities or NaN\. Look for a zero pivot"),
    "zero": (np.zeros((3, 3)), r"multiplies a random vector to zero.*Pass a square root"),
    "word": ("jacobi", r"builtins\.str, which is not an operator"),
}


@pytest.mark.parametrize("name", BAD_FACTORS)
def test_bad_factors(name):
    factor, message = BAD_FACTORS[name]
    with pytest.raises(OperatorError, match=message):
        Preconditioner.from_factor(factor)


def test_the_adjoint_is_seen_at_any_scale():
    for scale in (1e-300, 1e300):
        Preconditioner.from_factor(S * scale)
        wrong = spla.LinearOperator(
            (4, 4), matvec=lambda x, c=scale: c * (S @ x), rmatvec=lambda x, c=scale: c * (S @ x)
        )
        with pytest.raises(OperatorError, match="not its adjoint"):
            Preconditioner.from_factor(wrong)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("ilu", r"preconditioner='ilu' is unknown\. Pass \"jacobi\""),
        (3.0, r"preconditioner is 3\.0, from which"),
        ([1.0, 2.0], r"preconditioner is \[1\.0, 2\.0\].*as a 1-D NumPy array"),
        (np.eye(2), r"an array of shape \(2, 2\).*from_factor\(S\)"),
    ],
)
def test_what_is_no_preconditioner(value, message):
    with pytest.raises(OptionError, match=message):
        as_preconditioner(value, as_operator(np.eye(2)).facts)


def test_sizes_and_kinds_that_do_not_fit():
    G = Preconditioner.from_factor(S)
    with pytest.raises(OptionError, match=r"4x4 and the operator 3x3.*Pass a G of order 3"):
        apply(as_operator(np.eye(3)), G)
    with pytest.raises(
        OperatorError, match=r"4x4 and the operator 3x3.*Pass a square S of order 3"
    ):
        Congruent(as_operator(np.eye(3)), G.factor)
    with pytest.raises(OperatorError, match=r"complex128 and the operator float64.*astype"):
        apply(as_operator(np.eye(4)), Preconditioner.from_factor(S + 0j))


def test_scaling_that_leaves_the_range():
    G = Preconditioner.diagonal([1e300, 1.0])
    for A in (np.eye(2) * 1e100, sp.eye_array(2, format="csr", dtype=np.float32) * 1e10):
        with pytest.raises(OptionError, match=r"overflows float.*reaches 1e\+150.*Divide"):
            apply(as_operator(A), G)
    single = spla.aslinearoperator(np.eye(2, dtype=np.float32))
    with pytest.raises(OptionError, match=r"normal number in float32, and entry 0 is 1e\+150"):
        apply(as_operator(single), G)


def test_a_triangular_solve_makes_the_operator_the_identity():
    A = gallery.dense(np.logspace(-8, 0, N), 7)
    L = scipy.linalg.cholesky(A, lower=True)
    solve = spla.LinearOperator(
        (N, N),
        dtype=float,
        matvec=lambda x: scipy.linalg.solve_triangular(L.T, x),
        rmatvec=lambda x: scipy.linalg.solve_triangular(L, x, lower=True),
    )
    B = apply(as_operator(A), Preconditioner.from_factor(solve)).to_dense()
    np.testing.assert_allclose(B, np.eye(N), atol=1e-6)  # cond(A) eps, and some
