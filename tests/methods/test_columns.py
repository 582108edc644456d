"""What Gaussian columns prove alone: their laws, the basis they grow, and a count that is exact."""

import numpy as np
import pytest
import scipy.sparse.linalg as spla
from hypothesis import given
from hypothesis import strategies as st

import symrank
from symrank import Sketch, Status, gallery
from symrank.methods import Goal
from symrank.methods.spaces import columns, range_space
from symrank.methods.spaces.certificates import Cuts, spectral_norm
from symrank.methods.spaces.range_evidence import proof_by_columns
from symrank.methods.spaces.range_sketch import RangeSketch
from symrank.methods.spaces.reflectors import Reflectors
from symrank.spectrum import margins, threshold
from symrank.support import probes

EPS = np.finfo(float).eps
DTYPES = [np.float32, np.float64, np.complex64, np.complex128]
N = 24


def goal(**options):
    fields = {
        "n": N, "dtype": np.dtype(float), "atol": None, "rtol": None, "half_width": 0.5,
        "open_ended": True, "confidence": 0.95, "max_matvecs": 100, "seed": 0,
    }  # fmt: skip
    return Goal(**(fields | options))


def hidden(A):
    return spla.LinearOperator(A.shape, matvec=A.dot, matmat=A.dot, dtype=A.dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_law_5_fails_no_more_often_than_it_says(monkeypatch, dtype, seed):
    monkeypatch.setattr(margins, "LOOK_FAILURE", 0.3)
    w = columns.width(N, 9, np.dtype(dtype).kind == "c")
    Z = probes.gaussian(seed, 0, 9 * 400, N, np.dtype(dtype)).reshape(N, 400, 9)
    above = np.mean([spectral_norm(Z[:, j]) > w for j in range(400)])
    assert above < 0.3 + 4.5 * (0.3 * 0.7 / 400) ** 0.5  # in 150 000 one falls outside by chance
    assert w < 2.0 * np.sqrt(2.0) * (np.sqrt(N) + 3.0)


@given(
    seed=st.integers(0, 10**6),
    m=st.integers(1, N),
    tau=st.floats(1e-4, 1.0),
    is_complex=st.booleans(),
)
def test_laws_6_and_7_bound_counts_from_below(seed, m, tau, is_complex):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(complex if is_complex else float)
    lam = rng.choice([-1.0, 1.0], N) * 10.0 ** rng.uniform(-6, 0, N)
    A = gallery.dense(lam, rng, dtype)
    Omega = probes.gaussian(seed, 0, m, N, dtype)
    size = spectral_norm(Omega)
    s = np.linalg.svd(A @ Omega, compute_uv=False)
    values = np.linalg.eigvalsh(Omega.conj().T @ A @ Omega)
    assert (s > tau * size * (1 + 1e-9)).sum() <= (np.abs(lam) > tau).sum()
    assert (values > tau * size**2 * (1 + 1e-9)).sum() <= (lam > tau).sum()

    asked = goal(dtype=dtype, atol=tau, seed=seed)
    cuts = Cuts.of(asked, 1.0, 1.0)
    plus, minus = columns.signs([A @ Omega[:, : m // 2], A @ Omega[:, m // 2 :]], cuts, 1.0, asked)
    assert plus <= (lam > tau).sum()
    assert minus <= (lam < -tau).sum()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("k", "m"), [(1, 1), (5, 8), (40, 47), (60, 60)])
def test_the_least_singular_value_is_bounded_from_below_and_not_by_much(k, m, dtype, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((k, m)) + 1j * rng.standard_normal((k, m))
    X = (X if np.dtype(dtype).kind == "c" else X.real) * np.geomspace(1.0, 0.05, k)[:, None]
    X = X.astype(dtype)
    truth = np.linalg.svd(X.astype(np.complex128), compute_uv=False)[-1]
    found = columns.least_singular_value(X)
    assert found <= truth * (1 + 1e-5)
    # |X|_F of the inverse is at most sqrt(k) |X|
    assert found >= truth / np.sqrt(k) - 200 * np.finfo(dtype).eps * np.linalg.norm(X)
    assert columns.least_singular_value(np.zeros((k, m), dtype)) == 0.0
    assert columns.least_singular_value(X[:, : m - 1][: k - 1]) >= 0.0
    if k > 1:
        assert columns.least_singular_value(X[:, : k - 1]) == 0.0  # rank k - 1 of k


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("decades", [0, 6, 30])
def test_a_basis_grows_orthonormal_whatever_the_columns_are(decades, dtype, seed):
    n, b = 90, 7
    Y = gallery.haar(n, seed, dtype)[:, : 5 * b] @ np.diag(np.logspace(0, -decades, 5 * b))
    Y = np.ascontiguousarray(Y @ gallery.haar(5 * b, seed, dtype)).astype(dtype)
    grown = Reflectors(n, np.dtype(dtype))
    parts = []
    for j in range(0, 5 * b, b):
        turned = grown.turned(Y[:, j : j + b])
        k = grown.size
        parts.append(np.vstack([turned[:k], grown.widen(turned[k:], 0.0)]))
    eps, k = np.finfo(dtype).eps, grown.size
    Q = grown.basis()
    assert k == 5 * b
    np.testing.assert_allclose(Q.conj().T @ Q, np.eye(k), atol=30 * eps)
    for j, part in enumerate(parts):
        panel = Y[:, j * b : (j + 1) * b]
        np.testing.assert_allclose(Q[:, : part.shape[0]] @ part, panel, atol=30 * eps)
    whole = np.hstack([Q, grown.complement()])
    np.testing.assert_allclose(whole.conj().T @ whole, np.eye(n), atol=30 * eps)
    np.testing.assert_allclose(whole @ grown.turned(Y), Y, atol=30 * eps)
    U = Y[:k, :3]
    np.testing.assert_allclose(grown.times(U), Q @ U, atol=30 * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_faint", [0, 1, 20])
def test_faint_directions_are_those_at_the_noise(num_faint, dtype, seed):
    k, m, eps = 60, 66, float(np.finfo(dtype).eps)
    sizes = np.linspace(1.0, 0.1, k)
    sizes[k - num_faint :] = 0.5 * eps
    left, right = gallery.haar(k, seed, dtype), gallery.haar(m, seed + 1, dtype)
    found = columns.faint((left * sizes) @ right[:k], 50 * eps)
    assert found.size == num_faint
    U = found.basis()
    inside = left[:, k - num_faint :]
    np.testing.assert_allclose(inside @ (inside.conj().T @ U), U, atol=300 * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rank", [0, 1, 16, 31, 47, 60, 140])
def test_the_columns_alone_prove_a_rank_and_its_signs(rank, dtype, seed):
    n = 320
    lam = np.zeros(n)
    lam[:rank] = np.linspace(0.5, 1.0, rank) * np.where(np.arange(rank) % 3, 1.0, -1.0)
    A = gallery.dense(lam, seed, dtype)
    result = symrank.rank(hidden(A), Sketch(side="range", basis=True), rng=seed, check=False)
    minus = int((lam < 0).sum())
    assert (result.status, result.rank) == (Status.EXACT, rank)
    assert result.inertia == (rank - minus, n - rank, minus)
    assert result.diagnostics["num_columns"] < n
    if np.finfo(dtype).eps < 1e-10:  # of float32 what the columns lose may reach the noise floor
        assert result.num_matvecs <= 1.2 * rank + 5 * range_space.RANGE_TEST
    Q = result.basis.vectors
    outside = np.linalg.norm(A - Q @ (Q.conj().T @ A), 2)
    assert outside <= result.basis.residual + 100 * np.finfo(dtype).eps


def test_what_the_columns_cannot_prove_the_basis_does(seed):
    level = 3 * threshold.CROWD * threshold.cut(1.0, EPS, None, None)  # lost in columns, not in A Q
    lam = np.concatenate([np.linspace(0.5, 1.0, 50), [level, -level], np.zeros(400)])
    result = symrank.rank(gallery.diagonal(lam), Sketch(side="range"), rng=seed)
    assert (result.status, result.rank) == (Status.EXACT, 52)
    assert result.inertia == (51, 400, 1)
    assert result.num_matvecs > 2 * 52  # A Q was formed


def test_a_false_end_is_passed(seed):
    """Eigenvalues below 100 cuts look like noise at first, and yet they count."""
    cut = threshold.cut(1.0, EPS, None, None)
    lam = np.concatenate([np.linspace(0.5, 1.0, 40), np.full(60, 20 * cut), np.zeros(500)])
    result = symrank.rank(gallery.diagonal(lam), Sketch(side="range"), rng=seed)
    assert result.rank == 100
    assert result.status is not Status.EXACT  # they crowd
    low, high = result.interval()
    assert low <= 100 <= high


@pytest.mark.parametrize("crowd", [0.2, 0.9])
def test_a_proof_needs_every_eigenvalue_clear_of_the_floor(crowd):
    """Columns so many that they lose little: what lies within 100 floors is still in doubt."""
    n, level = 40, crowd * threshold.CROWD * threshold.cut(1.0, EPS, None, None)
    lam = np.concatenate([[1.0, level], np.zeros(n - 2)])
    Y = [lam[:, None] * probes.gaussian(0, j, 6, n, np.dtype(float)) for j in range(0, 30, 6)]
    found = RangeSketch(basis=Reflectors(n, np.dtype(float)), norm_low=1.0, norm_high=1.0)
    for part in Y:
        turned = found.basis.turned(part)
        k = found.basis.size
        wider = found.basis.widen(turned[k:], 1e-14) if k < 2 else turned[:0]
        found.coefficients.append(np.vstack([turned[:k], wider]))
        found.panels.append(part)
    found.num_columns, found.epsilon = 30, 0.0
    least = columns.least_singular_value(found.turned_columns())
    assert least > 0.1 * level * np.sqrt(30)  # the columns show it
    assert proof_by_columns(found, goal(n=n)) is None
