"""Rounds of `Lanczos`: more work never gives a worse answer, and contradictions end a run."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import gallery
from symrank.methods import Goal, Lanczos
from symrank.methods.costs import product_seconds
from symrank.methods.quadrature.probe_bounds import ProbeBounds
from symrank.operators import as_operator
from symrank.spectrum.lanczos_run import LanczosRun
from symrank.spectrum.outcome import Status
from symrank.spectrum.region import Edge, Region

BUDGETS = [512 * 2**j for j in range(6)]


def spectrum(number):
    """30 problems: gaps, no gap, both signs, power laws, a crowd at the floor, like a Laplacian."""
    rng = np.random.default_rng([number, 77])
    n = int(rng.integers(60, 500))
    r = int(rng.integers(1, n))
    kinds = (
        np.linspace(0.2, 1.0, r),
        10.0 ** -rng.uniform(0.0, 14.0, r),
        np.linspace(1e-2, 1.0, r) * rng.choice([-1.0, 1.0], r),
        np.arange(1, r + 1.0) ** -3.0,
        np.where(rng.random(r) < 0.2, 3e-12, np.linspace(0.5, 1.0, r)),
        np.linspace(0.0, 1.0, r + 1)[1:] ** 4,
    )
    return np.concatenate([kinds[number % 6], np.zeros(n - r)])


@pytest.mark.parametrize(
    "number", [pytest.param(j, marks=[] if j < 6 else pytest.mark.slow) for j in range(30)]
)
def test_a_larger_budget_goes_on_with_the_same_rounds_and_keeps_what_was_known(number):
    A = gallery.diagonal(spectrum(number))
    before = None
    for budget in BUDGETS if number >= 6 else BUDGETS[:4]:
        result = symrank.rank(A, "lanczos", rng=number, max_matvecs=budget)
        widths = [high - low for _, low, high in result.history]
        assert widths == sorted(widths, reverse=True)  # within a run it never widens
        if before is not None:
            whole = before.history[:-2]  # what is left of a budget cuts the last two short
            assert result.history[: len(whole)] == whole
            if before.status is Status.CONVERGED:
                is_crowded = result.diagnostics["crowding"] > 0
                assert result.status is Status.CONVERGED or is_crowded
        before = result


def test_zeros_on_their_way_down_to_the_floor_are_no_crowd():
    # a Laplacian of many components, whose zero Ritz values pass through (floor, 100 floor)
    L = gallery.grid_laplacian((120, 120), remove=0.2, rng=1)
    truth = gallery.laplacian_rank(L)
    few = symrank.rank(L, "lanczos", rng=1, precision=0.002)
    more = symrank.rank(L, "lanczos", rng=1)
    for result in (few, more):
        assert result.status is Status.CONVERGED
        assert result.notes == ()
        low, high = result.interval(1 - 1e-6)
        assert low <= truth <= high
    assert more.interval()[1] - more.interval()[0] <= few.interval()[1] - few.interval()[0]


def test_what_comes_after_the_default_precision_is_limited():
    lam = np.linspace(0.0, 1.0, 20_000) ** 2  # one zero, and no end of small eigenvalues
    A = as_operator(gallery.diagonal(lam)).to_scipy()
    result = symrank.rank(A, "lanczos", rng=3, max_matvecs=10**6)
    met_at = next(used for used, low, high in result.history if high - low <= 0.01 * lam.size)
    ten_seconds = 10.0 / product_seconds(as_operator(A).facts.work)
    assert result.num_matvecs > met_at
    assert result.num_matvecs <= met_at + max(4 * met_at, ten_seconds)


def test_the_stages_do_not_depend_on_the_budget():
    goal = Goal(
        n=1000, dtype=np.dtype(float), atol=None, rtol=None, half_width=2.0, open_ended=False,
        confidence=0.95, max_matvecs=100, seed=1,
    )  # fmt: skip
    stages = Lanczos().stages(goal)
    assert stages == Lanczos().stages(dataclasses.replace(goal, max_matvecs=10**6))
    assert stages == sorted(stages)
    assert len(stages) <= 3  # each takes its part of alpha


def known(low, high):
    """A run whose bounds are what they are said to be."""

    class Said(LanczosRun):
        def uncounted_mass(self, region):
            return (low, high) if region.bands == () else self.in_the_band

    run = Said(np.array([0.5]), np.array([0.2]), 1.0, 2e-16)
    object.__setattr__(run, "in_the_band", (low, high))
    return run


FLOOR = Region.null_space(1e-3)


def test_the_best_bounds_of_all_rounds_are_kept():
    first = ProbeBounds().update([known(0.2, 0.9)], FLOOR)
    second = first.update([known(0.1, 0.6), known(0.3, 0.4)], FLOOR)
    np.testing.assert_array_equal(second.bounds, [[0.2, 0.6], [0.3, 0.4]])
    assert second.num_void == 0


def test_a_contradiction_is_looked_at_again_on_both_edges_of_a_band():
    first = ProbeBounds().update([known(0.6, 0.9)], FLOOR)
    crossing = known(0.1, 0.2)
    object.__setattr__(crossing, "in_the_band", (0.1, 0.7))
    second = first.update([crossing], FLOOR)
    np.testing.assert_array_equal(second.bounds, [[0.1, 0.7]])
    assert second.num_void == 0
    narrow = known(0.65, 0.66)  # the band stays what is known of this probe
    object.__setattr__(narrow, "in_the_band", (0.6, 0.9))
    np.testing.assert_array_equal(second.update([narrow], FLOOR).bounds, [[0.6, 0.7]])


def test_a_contradiction_there_too_is_void_for_good():
    crossing = known(0.7, 0.2)
    probes = ProbeBounds().update([crossing, known(0.3, 0.4)], FLOOR)
    np.testing.assert_array_equal(probes.bounds, [[0.0, 1.0], [0.3, 0.4]])
    assert probes.num_void == 1
    later = probes.update([known(0.4, 0.5), known(0.3, 0.4)], FLOOR)
    np.testing.assert_array_equal(later.bounds[0], [0.0, 1.0])


def test_a_band_of_the_caller_is_not_widened_further():
    level = Region(
        low=Edge(-2.0, -1.9, -1.8), high=Edge(1.8, 1.9, 2.0), counts_inside=False, cut=1.9,
        floor=1e-3, is_signed=False,
    )  # fmt: skip
    first = known(0.6, 0.9)
    second = known(0.1, 0.2)
    probes = ProbeBounds().update([first], level).update([second], level)
    assert probes.num_void == 1


class Drifting(symrank.operators.Operator):
    """An operator that turns into another one after some products."""

    def __init__(self, before, after, products):
        super().__init__((before.size, before.size), float)
        self.before, self.after, self.left = before, after, products

    def _matmat(self, X):
        self.left -= X.shape[1]
        return (self.before if self.left > 0 else self.after)[:, None] * X


def test_an_operator_that_contradicts_itself_is_never_called_converged():
    n = 600
    half, full = np.repeat([0.0, 1.0], n // 2), np.ones(n)
    rng = np.random.default_rng(2)
    half = rng.permutation(half + (half > 0) * np.linspace(-0.5, 0.0, n))
    result = symrank.rank(Drifting(half, full, 2000), "lanczos", rng=1, check=False, precision=1e-3)
    low, high = result.interval(1 - 1e-9)
    assert result.status is not Status.CONVERGED or low <= n // 2 <= high


def test_a_void_bracket_ends_the_run_and_is_told(monkeypatch):
    def contradict(self, region):
        return 0.9, 0.1

    monkeypatch.setattr(LanczosRun, "uncounted_mass", contradict)
    result = symrank.rank(gallery.diagonal(np.linspace(0.1, 1.0, 100)), "lanczos", rng=1)
    assert result.status is Status.NO_GAP_FOUND
    assert result.interval() == (0, 100)
    assert result.diagnostics["num_void"] == 8
    assert result.diagnostics["contradictions"] == [[0.9, 0.1]] * 8
    assert "contradict each other for 8 probes" in result.notes[0]
    assert len(result.history) == 1


def test_eigenvalues_on_the_cut_are_named_and_end_the_run_early():
    lam = np.concatenate(
        [np.ones(200), np.full(200, 0.5), np.linspace(0.6, 0.9, 100), np.zeros(100)]
    )
    result = symrank.rank(gallery.diagonal(lam), "lanczos", atol=0.5, rng=1)
    low, high = result.interval(1 - 1e-9)
    assert low <= 300
    assert high >= 500  # the 200 on the cut may fall on either side
    below, above = result.at_ends
    assert below.most == 0
    assert 150 < above.least <= 200 <= above.most
    assert above.low < 0.5 < above.high
    assert "closer than products can tell" in result.notes[0]
    assert result.num_matvecs < 2000  # no budget moves them apart


def test_bands_and_notes_survive_json():
    lam = np.concatenate([np.full(50, 0.5), np.linspace(0.6, 0.9, 50)])
    result = symrank.rank(sp.diags_array(lam).tocsr(), "lanczos", atol=0.5, rng=1)
    again = type(result).from_dict(result.to_dict())
    assert again.at_ends == tuple(result.at_ends)
    assert again.notes == tuple(result.notes)
