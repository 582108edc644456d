"""The V-cycle: symmetric and positive definite on any input, few steps, columns and dtypes."""

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import gallery
from symrank.recurrences import conjugate_gradient as cg

pyamg = pytest.importorskip("pyamg", reason="the hierarchy of the V-cycle is pyamg's")
multigrid = pytest.importorskip("symrank.preconditioners.multigrid")

SYMMETRY = 1e-12  # of |G|: rounding of a few products


def path(n):
    return gallery.grid_laplacian((n,))


def with_empty_rows(A, count=40):
    return sp.csr_array(sp.block_diag([A, sp.csr_array((count, count))]))


def weighted(n=400):
    rng = np.random.default_rng(4)
    B = sp.random_array((n, n), density=0.01, rng=rng)
    W = B + B.T
    W.setdiag(0.0)
    return sp.csr_array(sp.diags_array(np.asarray(W.sum(axis=1)).ravel()) - W)


def star(n=400):
    edges = np.zeros((n, n))
    edges[0, 1:] = edges[1:, 0] = 1.0
    return sp.csr_array(np.diag(edges.sum(axis=1)) - edges)


MATRICES = {
    "grid": lambda: gallery.grid_laplacian((25, 24)),
    "path": lambda: path(500),
    "box": lambda: gallery.grid_laplacian((8, 8, 8)),
    "isolated nodes": lambda: gallery.grid_laplacian((24, 24), remove=0.5, rng=3),
    "mostly isolated": lambda: gallery.grid_laplacian((24, 24), remove=0.95, rng=3),
    "components": lambda: sp.csr_array(sp.block_diag([path(k) for k in (1, 2, 90, 200, 250)])),
    "empty rows": lambda: with_empty_rows(gallery.grid_laplacian((18, 18))),
    "weights": weighted,
    "star": star,
    "definite": lambda: sp.csr_array(gallery.grid_laplacian((20, 20)) + 0.01 * sp.eye_array(400)),
    "indefinite": lambda: sp.csr_array(gallery.grid_laplacian((20, 20)) - 5.0 * sp.eye_array(400)),
    "adjacency": lambda: sp.csr_array(
        sp.diags_array(gallery.grid_laplacian((20, 20)).diagonal())
        - gallery.grid_laplacian((20, 20))
    ),
    "below the coarsest": lambda: path(30),
    "zero": lambda: sp.csr_array((5, 5)),
    "one": lambda: sp.csr_array([[3.0]]),
    "float32": lambda: gallery.grid_laplacian((20, 20)).astype(np.float32),
    "huge": lambda: 1e200 * gallery.grid_laplacian((20, 20)),
    "tiny": lambda: 1e-200 * gallery.grid_laplacian((20, 20)),
}


def num_steps(A, G, tolerance=1e-10):
    """Steps of preconditioned conjugate gradients for a Gaussian x."""
    B = A @ np.random.default_rng(2).standard_normal((A.shape[0], 2))
    limits = tolerance * np.linalg.norm(B, axis=0)
    state = cg.extend(cg.start(B, G), lambda X: A @ X, 500, lambda _: None, limits, G)
    assert (np.linalg.norm(B - A @ state.X, axis=0) <= 2 * limits).all()
    return state.num_steps


@pytest.mark.parametrize("name", MATRICES)
def test_the_cycle_is_symmetric_positive_definite(name):
    A = MATRICES[name]()
    G = multigrid.VCycle(A)(np.eye(A.shape[0]))
    largest = np.abs(G).max()
    np.testing.assert_allclose(G, G.T, rtol=0, atol=SYMMETRY * largest)
    values = np.linalg.eigvalsh((G + G.T) / 2)
    assert values[0] > 1e-8 * values[-1]  # no direction is blown up, least of all a null one


@pytest.mark.parametrize("name", sorted(set(MATRICES) - {"huge", "tiny", "zero", "one"}))
def test_the_smoother_knows_the_largest_eigenvalue(name):
    for level in multigrid.VCycle(MATRICES[name]()).levels:
        root = np.sqrt(level.scaling)
        scaled = root[:, None] * level.A.toarray() * root
        assert level.lambda_max >= np.linalg.eigvalsh(scaled)[-1] * (1 - 1e-10)


@pytest.mark.parametrize("side", [30, 60, 120])
def test_the_number_of_steps_does_not_grow_with_a_grid(side):
    A = gallery.grid_laplacian((side, side))
    assert num_steps(A, multigrid.VCycle(A)) <= 25


def test_a_broken_grid_with_many_components_takes_few_steps():
    A = gallery.grid_laplacian((40, 40), remove=0.4, rng=3)
    assert num_steps(A, multigrid.VCycle(A)) <= 45


def test_rigid_body_modes_save_steps():
    A, modes = pyamg.gallery.linear_elasticity((25, 25), format="bsr")
    A = sp.csr_array(A)
    plain, informed = (num_steps(A, multigrid.VCycle(A, B)) for B in (None, modes))
    assert informed < 0.8 * plain


def test_complex_columns_and_blocks():
    A = gallery.grid_laplacian((20, 20), remove=0.3, rng=5)
    G = multigrid.VCycle(A)
    X, Y = np.random.default_rng(6).standard_normal((2, 400, 3))
    np.testing.assert_allclose(G(X + 1j * Y), G(X) + 1j * G(Y), rtol=0, atol=1e-13)
    assert G((X + 1j * Y).astype(np.complex64)).dtype == np.complex64
    np.testing.assert_allclose(G(X)[:, [1]], G(np.ascontiguousarray(X[:, [1]])), atol=1e-13)
    single = G(X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, G(X), rtol=0, atol=1e-6 * np.abs(G(X)).max())


@pytest.mark.parametrize("factor", [1.0, 2.0**300])
def test_the_same_matrix_up_to_a_power_of_two_gives_the_same_bits(factor):
    A = gallery.grid_laplacian((20, 20))
    X = np.random.default_rng(6).standard_normal((400, 2))
    first = multigrid.VCycle(A)(X)
    np.random.seed(8)  # noqa: NPY002
    np.testing.assert_array_equal(multigrid.VCycle(factor * A)(X), first)
    after = np.random.random()  # noqa: NPY002
    np.random.seed(8)  # noqa: NPY002
    assert after == np.random.random()  # noqa: NPY002 - the caller's stream is as it was


class Counting:
    """A matrix that adds the multiplications of its products up."""

    total = 0

    def __init__(self, matrix):
        self.matrix = matrix

    def __matmul__(self, X):
        size = self.matrix.nnz if sp.issparse(self.matrix) else self.matrix.size
        Counting.total += size * X.shape[1]
        return self.matrix @ X


def test_the_work_of_a_cycle_is_what_it_multiplies():
    A = gallery.grid_laplacian((40, 40))
    G = multigrid.VCycle(A)
    assert len(G.levels) >= 2
    for level in G.levels:
        level.A, level.P, level.R = Counting(level.A), Counting(level.P), Counting(level.R)
    G.coarsest = Counting(G.coarsest)
    G(np.ones((1600, 3)))
    assert G.work == pytest.approx(Counting.total / (3 * A.nnz))


@pytest.mark.parametrize("levels", [1, 2])
def test_drawn_vectors_have_the_cycle_as_their_covariance(levels):
    A = gallery.grid_laplacian((20, 20) if levels == 2 else (12, 12), remove=0.3, rng=1)
    G = multigrid.VCycle(A)
    n = A.shape[0]
    assert len(G.levels) + 1 == levels
    S = G.draw(np.eye(G.num_draws))
    assert S.shape == (n, G.num_draws)
    assert G.num_draws < 1.5 * n
    root = np.linalg.cholesky(G(np.eye(n)))
    white = np.linalg.solve(root, S)  # |S* x| = |x|_G up to (1 + eta): singular values are 1
    spread = np.linalg.svd(white, compute_uv=False)
    assert np.abs(spread - 1.0).max() <= 2.0 * G.draw_error + 1e-11
    assert G.draw_error < 1e-6
    assert G.draw(np.eye(G.num_draws, dtype=np.float32)).dtype == np.float32


def test_a_rank_by_drawn_vectors_needs_few_cycles():
    L = gallery.grid_laplacian((60, 60), remove=0.5, rng=1)
    result = symrank.rank(L, "projection", preconditioner="amg", rng=1)
    assert result.status is symrank.Status.CONVERGED
    assert result.diagnostics["num_cycles"] < 50 * result.diagnostics["num_probes"]
    low, high = result.interval(1 - 1e-6)
    assert low <= gallery.laplacian_rank(L) <= high <= 3600
