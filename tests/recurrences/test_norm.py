"""|A| from a few steps: between its bounds, and known where the Krylov space closed."""

import numpy as np
import pytest

from symrank import gallery
from symrank.operators import as_operator
from symrank.recurrences import lanczos
from symrank.recurrences.norm import norm, norm_of
from symrank.spectrum.margins import lambda_max_margin, proved_margin
from symrank.support import probes

EPS = float(np.finfo(float).eps)


def norm_after(lam, steps, num_probes=2, seed=5, ticks=None):
    A = as_operator(gallery.diagonal(lam))
    Z = probes.gaussian(seed, 0, num_probes, lam.size, np.dtype(float))
    return norm(A, Z, steps, EPS, (lambda _: None) if ticks is None else ticks.append)


@pytest.mark.parametrize("spectrum", ["gapped", "log-uniform", "indefinite", "low rank"])
@pytest.mark.parametrize("steps", [1, 2, 5, 12, 40])
def test_the_norm_lies_between_its_bounds(spectrum, steps, seed):
    lam = 3.0 * gallery.SPECTRA[spectrum](200)
    found = norm_after(lam, steps, seed=seed)
    truth = np.abs(lam).max()
    assert found.low <= truth * (1.0 + 8 * EPS)
    assert truth <= found.low * (1.0 + found.proved_margin) * (1.0 + 8 * EPS)
    assert found.high == found.low * (1.0 + found.margin)


def test_the_margins_are_those_of_an_indefinite_operator():
    """A looser one would be an error that nobody sees; a start alone has a larger one than two."""
    lam = gallery.SPECTRA["indefinite"](500)
    found = norm_after(lam, 40)
    assert found.proved_margin == proved_margin(500, 40, 2, is_indefinite=True)
    assert found.margin == lambda_max_margin(500, 40, 2, is_indefinite=True)
    assert norm_after(lam, 40, num_probes=1).proved_margin > found.proved_margin
    assert np.isinf(norm_after(lam, 2).proved_margin)
    assert norm_after(lam, 2).margin == 1.0


def test_closed_krylov_spaces_know_the_norm():
    lam = np.repeat([2.0, -3.0, 0.0], 20)
    found = norm_after(lam, 12)
    assert found.is_closed
    assert found.proved_margin == 0.0
    assert found.low == pytest.approx(3.0, rel=1e-12)
    assert not norm_after(np.linspace(1.0, 2.0, 60), 12).is_closed


def test_one_open_krylov_space_leaves_the_norm_open():
    lam = np.linspace(1.0, 2.0, 60)
    A = as_operator(gallery.diagonal(lam))
    Z = probes.gaussian(3, 0, 2, 60, np.dtype(float))
    Z[:, 0] = np.eye(60)[0]
    state = lanczos.extend(lanczos.start(Z), A, 5, lambda _: None)
    runs = lanczos.runs(state, EPS)
    assert [run.is_exact for run in runs] == [True, False]
    assert not norm_of(runs, 60, 5).is_closed


def test_products_are_counted_as_they_are_made():
    ticks = []
    found = norm_after(np.linspace(1.0, 2.0, 60), 7, num_probes=3, ticks=ticks)
    assert ticks == [3] * 7
    assert found.num_products == 21
