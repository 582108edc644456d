"""Inertia: Sylvester's law against dense eigenvalues, its measured error, and its refusals."""

import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import symrank
from symrank import Inertia, Status, gallery
from symrank.errors import MissingBackendError, OptionError
from symrank.methods.pivots import ldl, ldl_far, matrices, predicted
from symrank.operators import as_operator, augmented, gram
from symrank.operators.factor import as_factor
from symrank.operators.modulus import Modulus

try:
    import feral  # noqa: F401
except ImportError:
    pytestmark = pytest.mark.skip(reason="feral-solver is not installed (the extra 'inertia')")


def sparse_symmetric(n, density, rng):
    A = sp.random_array((n, n), density=density, rng=rng, data_sampler=rng.standard_normal)
    return sp.csr_array(A + A.T)


def laplacian(components, rng):
    """Graph Laplacian of paths with random chords, vertices shuffled."""
    blocks = []
    for n in components:
        A = sp.diags_array(np.ones(n - 1), offsets=1, shape=(n, n)).tocsr()
        A = A + sp.csr_array(sp.triu(sp.random_array((n, n), density=min(1.0, 2 / n), rng=rng), 1))
        A = A + A.T
        blocks.append(sp.diags_array(A.sum(axis=1)) - A)
    L = sp.block_diag(blocks, format="csr")
    order = rng.permutation(L.shape[0])
    return sp.csr_array(L)[order][:, order]


def counts(A, tau):
    lam = np.linalg.eigvalsh(A)
    return int((lam > tau).sum()), int((np.abs(lam) <= tau).sum()), int((lam < -tau).sum())


def assert_exact(result, expected):
    assert result.status is Status.EXACT
    assert result.inertia == expected
    assert result.interval() == (result.rank, result.rank)
    assert result.rank == expected[0] + expected[2]


@pytest.mark.parametrize("n", [2, 30, 200])
def test_random_indefinite_matrices(n, rng):
    A = sparse_symmetric(n, min(1.0, 4 / n), rng)
    assert_exact(symrank.rank(A, method="inertia", rng=1), counts(A.toarray(), 1e-9))


def test_singular_indefinite_matrices(rng):
    B = sp.random_array((40, 60), density=0.1, rng=rng)
    S = sp.diags_array(rng.choice([-1.0, 1.0], 40))
    A = sp.csr_array(B.T @ S @ B)
    assert_exact(symrank.rank(A, method="inertia", rng=1), counts(A.toarray(), 1e-10))


def test_laplacian_of_several_components(rng):
    L = laplacian([1, 2, 17, 60, 200], rng)
    result = symrank.rank(L, method="inertia", rng=1)
    assert_exact(result, (275, 5, 0))
    assert result.diagnostics["num_factorisations"] == 3  # no negative end: its far shift is spared
    assert [gap.count for gap in result.gaps] == [275.0]


@pytest.mark.parametrize("dependent", [0, 3])
def test_saddle_point_matrices(dependent, rng):
    H = sp.diags_array(rng.uniform(0.5, 2.0, 80))
    C = sp.random_array((20, 80), density=0.1, rng=rng) + sp.eye_array(20, 80)
    C = sp.csr_array(sp.vstack([C, C[:dependent]]))
    A = sp.csr_array(sp.block_array([[H, C.T], [C, None]]))
    assert_exact(symrank.rank(A, method="inertia", rng=1), (80, dependent, 20))


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, 1e30, 1e300])
def test_scale_invariance(scale, rng):
    A = sp.diags_array([3.0, -2.0, 1.0, 0.0]) * scale
    result = symrank.rank(A, method="inertia", rng=1)
    assert_exact(result, (2, 1, 1))
    assert result.threshold == pytest.approx(500 * np.finfo(float).eps * 3 * scale)
    assert result.diagnostics["norm"] == pytest.approx(3 * scale)
    shifts = [abs(one["shift"]) for one in result.diagnostics["shifts"]]
    assert min(shifts) == pytest.approx(result.threshold / 2)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (sp.csr_array((5, 5)), (0, 5, 0)),
        (sp.csr_array([[0.0]]), (0, 1, 0)),
        (sp.csr_array([[-2.5]]), (0, 0, 1)),
        (sp.csr_array([[0.0, 1.0], [1.0, 0.0]]), (1, 0, 1)),
        (sp.csr_array((0, 0)), (0, 0, 0)),
        (sp.diags_array(np.arange(-3.0, 9.0)), (8, 1, 3)),
    ],
)
def test_tiny_and_diagonal_matrices(matrix, expected):
    assert_exact(symrank.rank(matrix, method="inertia", rng=1), expected)


def test_gram_and_augmented_are_factorised_as_matrices(rng):
    B = sp.random_array((30, 50), density=0.1, rng=rng)
    r = int(np.linalg.matrix_rank(B.toarray()))
    for side, n in (("rows", 30), ("columns", 50)):
        result = symrank.rank(gram(B, side), method="inertia", rng=1)
        assert_exact(result, (r, n - r, 0))
    assert_exact(symrank.rank(augmented(B), method="inertia", rng=1), (r, 80 - 2 * r, r))
    assert_exact(symrank.rank(augmented(B * 1e280), method="inertia", rng=1), (r, 80 - 2 * r, r))


@pytest.mark.parametrize("scale", [1e-155, 1.0, 1e150, 1e200])
@pytest.mark.parametrize("side", ["rows", "columns"])
def test_a_gram_matrix_of_any_scale_has_the_inertia_of_its_dense_twin(scale, side, rng):
    """B B' would overflow: it is multiplied out only after B is scaled."""
    B = sp.random_array((30, 50), density=0.1, rng=rng, data_sampler=rng.standard_normal)
    twin = B.toarray()  # its Gram matrix, of ordinary size, is all that NumPy can take
    twin = twin @ twin.T if side == "rows" else twin.T @ twin
    result = symrank.rank(gram(B * scale, side), method="inertia", rng=1)
    expected = counts(twin, 500 * np.finfo(float).eps * np.linalg.norm(twin, 2))
    assert_exact(result, expected)


def test_an_asymmetry_of_rounding_changes_no_count(rng):
    """The factorisation reads one triangle, the products both: they must be the same matrix."""
    A = sparse_symmetric(80, 0.05, rng)
    A = sp.csr_array(A @ sp.diags_array(np.r_[np.ones(60), np.zeros(20)]) @ A)
    A.data *= 1.0 + 4.0 * np.finfo(float).eps * rng.uniform(-1.0, 1.0, A.nnz)
    gap = abs(A - A.T).max()
    assert gap > 0.0
    result = symrank.rank(A, method="inertia", rng=1)
    half = 0.5 * A.toarray()
    assert_exact(result, counts(half + half.T, result.threshold))
    assert max(one["error"] for one in result.diagnostics["shifts"]) < result.threshold / 2
    entries = matrices.matrix_of(as_operator(A), 2**31)
    assert abs(entries - entries.T).max() == 0.0


def test_hermitian_matrices_are_counted_once(rng):
    B = sp.random_array((20, 30), density=0.2, rng=rng)
    B = sp.csr_array(B * (1 + 2j) + 1j * sp.random_array((20, 30), density=0.2, rng=rng))
    A = sp.csr_array(B.conj().T @ sp.diags_array(np.r_[np.ones(12), -np.ones(8)]) @ B)
    assert_exact(symrank.rank(A, method="inertia", rng=1), counts(A.toarray(), 1e-10))


def test_single_precision_is_cut_at_its_own_floor():
    lam = np.array([1.0, 0.5, 1e-9, 0.0], dtype=np.float32)
    A = sp.csr_array(sp.diags_array(lam))
    assert_exact(symrank.rank(A, method="inertia", rng=1), (2, 2, 0))
    assert symrank.rank(A.astype(np.float64), method="inertia", rng=1).rank == 3


@st.composite
def integer_ldl(draw):
    """L D L' in integers, L unit lower triangular: the inertia is that of D, by construction."""
    n = draw(st.integers(1, 9))
    d = np.array(draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    L = np.tril(rng.integers(-2, 3, (n, n)) * (rng.random((n, n)) < 0.4), -1) + np.eye(n, dtype=int)
    order = rng.permutation(n)
    A = (L @ np.diag(d) @ L.T)[order][:, order]
    return A.astype(float), tuple(int(k) for k in ((d > 0).sum(), (d == 0).sum(), (d < 0).sum()))


@given(integer_ldl())
def test_integer_matrices_of_known_inertia(case):
    A, expected = case
    assert_exact(symrank.rank(sp.csr_array(A), method="inertia", rng=1), expected)


def test_tolerances_have_numpys_meaning():
    A = sp.diags_array([4.0, 2.0, 1e-3, -1e-5, 0.0])
    for options, expected in (
        ({}, (3, 1, 1)),
        ({"rtol": 1e-4}, (3, 2, 0)),
        ({"atol": 1e-2}, (2, 3, 0)),
        ({"atol": 1e-2, "rtol": 0.6}, (1, 4, 0)),
    ):
        assert_exact(symrank.rank(A, method="inertia", rng=1, **options), expected)


def test_an_eigenvalue_on_the_cut_is_left_open():
    A = sp.diags_array([1.0, 0.5, 0.5, -0.5, 0.1])
    result = symrank.rank(A, method="inertia", atol=0.5)
    assert result.status is Status.NO_GAP_FOUND
    assert result.interval() == (1, 4)
    assert result.rank == 1  # "greater than"


@pytest.mark.parametrize("small", [3e-13, 1e-12, 8e-12])
def test_eigenvalues_that_crowd_round_the_noise_floor_are_left_open(small, rng):
    lam = np.r_[np.ones(30), [small, -small], np.zeros(8)]
    result = symrank.rank(sp.diags_array(lam), method="inertia", rng=1)
    assert result.status is Status.NO_GAP_FOUND
    assert result.interval() == (30, 32)
    assert result.rank == 32


def test_spectra_without_a_gap_are_never_exact_and_held(rng):
    lam = 10.0 ** -rng.uniform(0.0, 22.0, 150) * rng.choice([-1, 1], 150)
    result = symrank.rank(gallery.dense(lam, rng), method="inertia", rng=1)
    low, high = result.interval()
    assert result.status is Status.NO_GAP_FOUND
    assert low < high
    assert low <= (np.abs(lam) > result.threshold).sum() <= high


def wrong_solver(monkeypatch, spoil):
    """Factorise another matrix than the one that was asked for."""
    true = ldl.Solver.factorise
    monkeypatch.setattr(ldl.Solver, "factorise", lambda solver, B: true(solver, spoil(B.copy())))


@pytest.mark.parametrize("seed", range(5))
def test_a_factorisation_that_is_off_is_never_believed(seed, monkeypatch):
    """A perturbed pivot far above the shift: the count is wrong, and the residual tells."""
    L = gallery.grid_laplacian((12, 12))
    where = seed * 20

    def spoil(B):
        B[where, where] -= 6.0  # turns one eigenvalue negative
        return B

    wrong_solver(monkeypatch, spoil)
    result = symrank.rank(L, method="inertia", rng=seed)
    assert result.status is Status.NO_GAP_FOUND
    assert result.interval() == (0, 144)
    assert not any(one["is_proof"] for one in result.diagnostics["shifts"])


@pytest.mark.parametrize("size", [1e-15, 1e-14, 1e-13, 1e-12, 1e-10, 1e-6])
def test_the_measured_error_bounds_the_error_that_was_made(size, rng, monkeypatch):
    A = sp.csr_array(sp.diags_array(rng.standard_normal(300)) + sparse_symmetric(300, 0.01, rng))
    E = sparse_symmetric(300, 0.01, rng)
    E *= size / np.linalg.norm(E.toarray(), 2)
    wrong_solver(monkeypatch, lambda B: sp.csr_array(B + E))
    result = symrank.rank(A, method="inertia", rng=3)
    norm = np.linalg.norm(A.toarray(), 2)
    unit = 2.0 ** -np.frexp(norm)[1]
    # B is the matrix times a power of two that brings the norm near one
    for one in result.diagnostics["shifts"]:
        assert one["error"] >= size / unit * 0.5
        # stopped as soon as it proves, or once it cannot
        assert one["error"] <= max(300 * size / unit, 1e-10 * norm)


def test_a_solver_that_gives_up_leaves_everything_open(monkeypatch):
    monkeypatch.setattr(ldl.Solver, "factorise", lambda solver, B: None)
    result = symrank.rank(sp.diags_array([1.0, 2.0, 3.0]), method="inertia", rng=1)
    assert result.status is Status.NO_GAP_FOUND
    assert result.interval() == (0, 3)
    assert 0 <= result.rank <= 3
    assert sum(result.inertia) == 3


def test_one_end_that_is_proved_closes_the_other(monkeypatch):
    """No factorisation that would tell how many are positive: n - 2, as 2 are negative, at most."""
    true, calls = ldl.Solver.factorise, []

    def factorise(solver, B):
        calls.append(solver)
        return None if len(calls) <= len(ldl.STYLES) else true(solver, B)

    monkeypatch.setattr(ldl.Solver, "factorise", factorise)
    result = symrank.rank(sp.diags_array([1.0, 2.0, -1.0, -2.0, -3.0]), method="inertia", rng=1)
    assert result.interval() == (3, 5)
    assert result.diagnostics["n_plus"] == [0, 2]


def test_a_second_style_is_tried(monkeypatch):
    styles = []

    class Picky(ldl.Solver):
        def __init__(self, style):
            super().__init__(style)
            self.style = style
            styles.append(style)

        def factorise(self, matrix):
            return super().factorise(matrix) if self.style == ldl.STYLES[1] else None

    monkeypatch.setattr(ldl_far, "Solver", Picky)
    assert_exact(symrank.rank(sp.diags_array([1.0, 2.0, 0.0]), method="inertia"), (2, 1, 0))
    assert styles[:2] == list(ldl.STYLES)


def test_products_are_counted_and_the_budget_kept():
    L = gallery.grid_laplacian((20, 20))
    full = symrank.rank(L, method="inertia", rng=1)
    assert full.num_matvecs <= 40 + 3 * 36  # three factorisations, few powers each
    assert (full.num_matvecs - 40) % 12 == 0
    for budget in (1, 5, 41, 60):
        result = symrank.rank(L, method="inertia", rng=1, max_matvecs=budget)
        assert result.num_matvecs <= budget
        assert result.status is Status.BUDGET_SPENT
        low, high = result.interval()
        assert low <= 399 <= high


def test_diagnostics_tell_what_was_done():
    result = symrank.rank(gallery.grid_laplacian((20, 20)), method="inertia", rng=1)
    seen = result.diagnostics
    assert seen["num_flagged_pivots"] == 0
    assert seen["predicted_flops"] > seen["fill"] > 400
    tau = result.threshold
    assert [one["shift"] for one in seen["shifts"]] == pytest.approx([100 * tau, -tau / 2, tau / 2])
    assert all(one["is_proof"] for one in seen["shifts"])


def test_cost_is_predicted_from_the_pattern():
    L = gallery.grid_laplacian((40, 40))
    cost = predicted.predict(as_operator(L).facts)
    fill = symrank.rank(L, method="inertia", rng=1).diagnostics["fill"]
    assert fill / 2 <= cost.fill <= 2 * fill
    assert cost.num_bytes == 8 * cost.fill
    assert predicted.predict(as_operator(sp.csr_array((0, 0))).facts) is None
    assert predicted.predict(as_operator(as_operator(L).to_scipy()).facts) is None


def test_a_factor_that_would_not_fit_is_refused():
    L = gallery.grid_laplacian((30, 30))
    with pytest.raises(OptionError, match=r"would take \d+ bytes .*max_fill=1000\..*'lanczos'"):
        symrank.rank(L, method=Inertia(max_fill=1000))
    with pytest.raises(OptionError, match=r"operations, and max_flops=1e\+03\..*'lanczos'"):
        symrank.rank(L, method=Inertia(max_flops=1e3))
    B = sp.csr_array(np.ones((1, 2000)))
    with pytest.raises(OptionError, match=r"Gram matrix may have 4e\+06 entries.*'lanczos'"):
        gram(B).sparse_entries(1e5)
    with pytest.raises(OptionError, match="dense 1x2000 matrix is more than 2 times as long"):
        symrank.rank(B.toarray(), method="inertia")


@pytest.mark.parametrize("make", [lambda A: A.to_scipy(), lambda A: gram(A.to_scipy())])
def test_an_operator_without_entries_is_refused(make):
    A = make(as_operator(np.diag([1.0, 2.0])))
    with pytest.raises(OptionError, match=r"by its products alone\. .*method='lanczos'"):
        symrank.rank(A, method="inertia")


@pytest.mark.parametrize("module", [None, sys])
def test_a_missing_solver_names_the_extra(module, monkeypatch):
    """None: not installed. Any other module: another distribution of the same module name."""
    monkeypatch.setitem(sys.modules, "feral", module)
    with pytest.raises(MissingBackendError, match=r"pip install symrank-linalg\[inertia\]"):
        symrank.rank(sp.diags_array([1.0, 2.0]), method="inertia")


def test_a_random_rectangle_is_an_expander_and_others_are_none(rng):
    def twin(X):
        return matrices.real_twin(sp.block_array([[None, X], [X.T, None]], format="csr"))

    random = sp.random_array((800, 1200), density=4e-3, rng=rng, format="csr")
    grid = gallery.grid_laplacian((40, 50))
    hub = sp.vstack([sp.eye_array(1000), np.ones((1, 1000))], format="csr")
    assert matrices.is_expander(twin(random))
    for X in (grid, hub, sp.eye_array(900, 1100), sp.diags_array([1.0, 1.0], offsets=[0, 1],
              shape=(900, 901))):  # fmt: skip
        assert not matrices.is_expander(twin(sp.csr_array(X)))


def test_the_pattern_of_an_expander_is_not_analysed(rng, monkeypatch):
    X = sp.random_array((800, 1200), density=4e-3, rng=rng, format="csr")
    facts = Modulus(as_factor(X)).facts
    assert predicted.predict(facts) is not None
    monkeypatch.setattr(predicted, "LEAST_EXPANDER", 100)
    assert predicted.predict(Modulus(as_factor(X)).facts) is None
