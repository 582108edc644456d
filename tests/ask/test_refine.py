"""`result.refine`: the same run, gone on with."""

import dataclasses
import pickle

import numpy as np
import pytest
import scipy.stats

import symrank
from symrank import Status, gallery
from symrank.errors import OptionError

LAM = np.concatenate([np.linspace(0.3, 1.0, 5000), np.zeros(3000)])
A = gallery.diagonal(LAM)
TRUTH = 5000


def rough(**options):
    return symrank.rank(A, "lanczos", **{"precision": 0.02, "rng": 1, "check": False} | options)


def test_the_products_done_are_not_repeated():
    first = rough()
    fine = first.refine(0.004)
    assert fine.status is Status.CONVERGED
    low, high = fine.interval()
    assert high - low <= 2 * 0.004 * fine.n
    assert low <= TRUTH <= high
    assert fine.history[: len(first.history)] == first.history
    assert fine.diagnostics["num_probes"] > first.diagnostics["num_probes"]
    k = first.diagnostics["num_probes"]
    assert np.array_equal(fine.samples[:k], first.samples)  # the same probes, no step more
    assert fine.seconds > first.seconds


def test_more_steps_are_those_of_one_run():
    """Gapless: only steps help, and they are bit for bit those of a run that took them at once."""
    lam = np.concatenate([np.zeros(50), np.logspace(-4, 0, 950)])
    A = gallery.diagonal(lam)
    options = {"method": "lanczos", "rng": 3, "check": False, "precision": 1}
    half = symrank.rank(A, max_matvecs=8 * 128, **options)
    assert half.diagnostics["num_steps"] == 128
    whole = symrank.rank(A, max_matvecs=8 * 256, **options)
    gone_on = half.refine(1, max_matvecs=8 * 128)
    assert gone_on.num_matvecs == whole.num_matvecs
    assert gone_on.bounds == whole.bounds
    assert np.array_equal(gone_on.samples, whole.samples)


def test_looks_before_share_alpha_with_those_to_come():
    first = rough()
    fine = first.refine(0.004)
    assert fine.evidence.num_looks > first.evidence.num_looks
    again = fine.refine(0.003)
    assert again.evidence.num_looks > fine.evidence.num_looks


def test_a_precision_that_is_met_already_costs_nothing():
    first = rough()
    same = first.refine(0.1)
    assert same.num_matvecs == first.num_matvecs
    assert same.status is Status.CONVERGED


def test_vectors_serve_once():
    first = rough()
    first.refine(0.004)
    with pytest.raises(OptionError, match="refined already"):
        first.refine(0.004)


def test_an_exact_count_needs_no_refinement():
    result = symrank.rank(np.diag([1.0, 0.0]))
    assert result.refine(1) is result


def test_what_was_stopped_or_restored_has_nothing_to_go_on_from():
    def interrupt(progress):
        if progress.interval is not None:
            raise KeyboardInterrupt

    stopped = rough(precision=1e-3, progress=interrupt)
    assert stopped.status is Status.INTERRUPTED
    first = rough()
    for result in (
        stopped,
        symrank.RankResult.from_dict(first.to_dict()),
        pickle.loads(pickle.dumps(first)),
        dataclasses.replace(first, resume=None),
    ):
        with pytest.raises(OptionError, match="no run to go on from"):
            result.refine(0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": 0.0}, "precision=0.0"),
        ({"precision": 1, "max_matvecs": 0}, "max_matvecs=0"),
        ({"precision": 1, "max_seconds": -1.0}, "max_seconds=-1.0"),
    ],
)
def test_options_are_checked_and_the_vectors_stay(options, message):
    first = rough()
    with pytest.raises(OptionError, match=message):
        first.refine(**options)
    assert first.refine(0.1).status is Status.CONVERGED


def test_the_budget_is_on_top_and_progress_is_told():
    seen = []
    first = rough()
    fine = first.refine(0.0001, max_matvecs=3000, progress=seen.append)
    assert first.num_matvecs <= fine.num_matvecs <= first.num_matvecs + 3000
    assert all(p.max_matvecs == first.num_matvecs + 3000 for p in seen)


def test_a_count_is_refined_too():
    lam = np.linspace(-1.0, 1.0, 5000)
    A = gallery.diagonal(lam)
    truth = int(((lam > 0.2) & (lam <= 0.6)).sum())
    first = symrank.count(A, 0.2, 0.6, "lanczos", precision=0.05, rng=1)
    fine = first.refine(0.02)
    low, high = fine.interval()
    assert (fine.between, fine.status) == ((0.2, 0.6), Status.CONVERGED)
    assert low <= truth <= high
    assert fine.num_matvecs > first.num_matvecs


def test_projection_goes_on_too():
    G = symrank.Preconditioner.from_products(lambda R: R / 2, n=8000)
    first = symrank.rank(A, "projection", preconditioner=G, precision=0.05, rng=1)
    fine = first.refine(0.005)
    low, high = fine.interval()
    assert low <= TRUTH <= high
    assert high - low < np.subtract(*first.interval()[::-1])
    assert len(fine.samples) > len(first.samples)


def test_intervals_after_a_refinement_cover():
    """300 runs refined twice: misses are binomial with at most alpha."""
    lam = np.concatenate([np.zeros(120), np.ones(180)])
    A = gallery.diagonal(lam)
    misses = 0
    for seed in range(300):
        result = symrank.rank(A, "lanczos", precision=0.1, rng=seed, check=False)
        for precision in (0.05, 0.02):
            result = result.refine(precision)
        low, high = result.interval()
        misses += not low <= 180 <= high
    assert misses <= scipy.stats.binom(300, 0.05).ppf(0.999)
