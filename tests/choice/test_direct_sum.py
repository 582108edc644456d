"""Counts of components add up to the count of the whole, at the cut of the whole."""

import json

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import RankResult, Status
from symrank.choice import direct_sum
from symrank.errors import OptionError

BIG = 1400  # rows of the component that is sampled


def psd(rng, k, rank):
    B = rng.standard_normal((k, rank)) / np.sqrt(k)
    return B @ B.T


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 9, 400)
    blocks = [psd(rng, k, max(1, k - 1)) for k in sizes]
    values = np.sort(np.concatenate([np.linalg.eigvalsh(block) for block in blocks]))
    return sp.csr_array(sp.block_diag(blocks)), int(np.maximum(sizes - 1, 1).sum()), values


@pytest.fixture(scope="module")
def both(small):
    """A direct sum of the small ones and a sparse one with 300 zeros, and its eigenvalues."""
    rng = np.random.default_rng(5)
    B = sp.random_array((BIG, BIG - 300), density=0.004, rng=rng)
    B = sp.csr_array(B + sp.eye_array(BIG, BIG - 300) + sp.eye_array(BIG, BIG - 300, k=-300))
    whole = sp.csr_array(sp.block_diag([small[0], B @ B.T]))
    return whole, np.append(small[2], np.linalg.eigvalsh((B @ B.T).toarray()))


def test_small_components_are_counted_exactly(small):
    A, rank, values = small
    n = A.shape[0]
    result = symrank.rank(A, rng=1)
    assert (result.method, result.status, result.rank) == ("components", Status.EXACT, rank)
    assert result.inertia == (rank, n - rank, 0)
    assert "400 small components" in result.reason
    np.testing.assert_allclose(result.diagnostics["eigenvalues"], values, atol=1e-12)
    for a, b in ((0.0, np.inf), (0.3, 1.1), (-1.0, 0.3)):
        count = symrank.count(A, a, b, rng=1)
        floor = 1e-12
        low, high = (floor if x == 0.0 else x for x in (a, b))
        assert count.rank == int(((values > low) & (values <= high)).sum())
    assert symrank.rank(A, atol=0.5, rng=1).rank == int((values > 0.5).sum())
    assert symrank.rank(A, rtol=0.1, rng=1).rank == int((values > 0.1 * values[-1]).sum())


def test_more_eigenvalues_than_are_kept(small, monkeypatch):
    monkeypatch.setattr(direct_sum, "KEPT", 100)
    result = symrank.rank(small[0], rng=1)
    assert (result.rank, result.status) == (small[1], Status.EXACT)
    with pytest.raises(OptionError, match="method='components' kept no spectrum"):
        result.cdf(0.5)


def test_the_sum_of_a_sampled_and_an_exact_part(both, monkeypatch):
    monkeypatch.setattr("symrank.operators.components.MOST_ROWS", 100)
    monkeypatch.setattr("symrank.choice.policy.EXACT_SECONDS", 0.0)
    A, values = both
    floor = 1e-10
    truth = int((values > floor).sum())
    for seed in range(4):
        result = symrank.rank(A, precision=0.05, rng=seed)
        low, high = result.interval(1 - 1e-6)
        assert result.method == "components"
        assert result.n == A.shape[0]
        assert low <= truth <= high
        assert result.interval()[0] <= result.rank <= result.interval()[1]
        again = RankResult.from_dict(json.loads(json.dumps(result.to_dict())))
        assert again.interval(0.9) == result.interval(0.9)
    if result.resume is not None:
        fine = result.refine(0.01)
        low, high = fine.interval(1 - 1e-6)
        assert low <= truth <= high
        assert fine.n == A.shape[0]


def test_a_window_of_a_sum(both, monkeypatch):
    monkeypatch.setattr("symrank.operators.components.MOST_ROWS", 100)
    A, values = both
    for a, b in ((0.2, 0.9), (-1.0, 0.5), (0.0, np.inf)):
        result = symrank.count(A, a, b, precision=0.05, rng=2)
        lower = 1e-10 if a == 0.0 else a
        truth = int(((values > lower) & (values <= b)).sum())
        low, high = result.interval(1 - 1e-6)
        assert result.method == "components"
        assert low <= truth <= high


def test_one_cut_for_all(small):
    """A component far below the floor of the whole does not count, a row of another unit asks."""
    A, rank, _ = small
    scaled = sp.csr_array(sp.block_diag([A, 1e-3 * A]))
    assert symrank.rank(scaled, rng=1).rank == 2 * rank
    tiny = sp.csr_array(sp.block_diag([A, 1e-20 * A]))
    result = symrank.rank(tiny, rng=1)  # as it was: nothing is sure until the caller chooses
    low, high = result.interval()
    assert low <= rank < 2 * rank <= high + 1
    assert result.status is Status.NO_GAP_FOUND
    assert "equilibrate" in result.notes[-1]
    assert symrank.rank(tiny, atol=1e-8, rng=1).rank == rank


def test_eigenvalues_at_the_cut_are_open():
    blocks = [np.array([[0.75, 0.25], [0.25, 0.75]])] * 700  # 0.5 and 1
    result = symrank.rank(sp.csr_array(sp.block_diag(blocks)), atol=0.5, rng=1)
    assert result.interval() == (700, 1400)
    assert result.status is Status.NO_GAP_FOUND
    assert result.at_ends[-1].most == 700


def test_what_is_asked_of_the_whole_is_not_taken_apart(small):
    A, rank, _ = small
    n = A.shape[0]
    size = next(k for k in range(2, n) if A[:k, k:].nnz == 0)  # of the first components
    values, vectors = np.linalg.eigh(A[:size, :size].toarray())
    null = np.zeros((n, 1))
    null[:size] = vectors[:, [np.argmin(np.abs(values))]]
    for options in ({"method": "lanczos"}, {"preconditioner": np.ones(n)}, {"deflate": null}):
        result = symrank.rank(A, rng=1, max_matvecs=3000, **options)
        low, high = result.interval(1 - 1e-6)
        assert result.method != "components"
        assert low <= rank <= high
