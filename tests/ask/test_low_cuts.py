"""A cut below the noise floor of the products: it cannot be made, and the result says so."""

import numpy as np
import pytest

import symrank
from symrank import gallery
from symrank.operators import as_operator
from symrank.spectrum.outcome import Status

LAM = np.concatenate([np.linspace(0.5, 1.0, 60), np.zeros(40)])


@pytest.mark.parametrize("method", [None, "dense", "inertia", "lanczos", "sketch", "chebyshev"])
def test_the_result_names_the_floor_that_was_used(method):
    A = as_operator(gallery.diagonal(LAM))
    if method != "inertia":
        A = A.to_scipy()
    low, usual = (symrank.rank(A, method, atol=atol, rng=1) for atol in (1e-20, None))
    assert low.interval() == usual.interval()
    assert low.threshold == usual.threshold
    (note,) = low.notes
    assert note.startswith("atol=1e-20 lies below the noise floor")
    assert f"{low.threshold:.3g}" in note
    assert usual.notes == ()


@pytest.mark.parametrize("method", [None, "dense", "lanczos"])
def test_a_cut_that_can_be_made_needs_no_sentence(method):
    assert symrank.rank(gallery.diagonal(LAM), method, atol=0.1, rng=1).notes == ()


def test_units_are_asked_for_where_the_floor_decides_in_place_of_the_cut():
    A = np.diag([1e30, 1.0, 0.0])
    below, above = (symrank.rank(A, atol=atol) for atol in (0.5, 1e20))
    assert below.interval() == (1, 2)
    assert below.status is Status.NO_GAP_FOUND
    assert len(below.notes) == 2
    assert above.interval() == (1, 1)
    assert above.status is Status.EXACT
    assert above.notes == ()
