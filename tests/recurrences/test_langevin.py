"""Chains replay to the bit: from blocks, after a restart; and say where they diverge."""

import numpy as np
import pytest
import scipy.sparse as sp

from symrank import gallery
from symrank.errors import DivergedError
from symrank.operators import Squared, as_operator
from symrank.recurrences import langevin
from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews
from symrank.support import probes

SCHEMES = [EulerMaruyama(0.2), LeimkuhlerMatthews(0.2), Baoab(0.5, 0.3)]
OPERATORS = {
    "sparse": lambda: gallery.grid_laplacian((13, 11)),
    "diagonal": lambda: gallery.diagonal(np.linspace(0.0, 8.0, 143)),
    "dense": lambda: gallery.grid_laplacian((13, 11)).toarray(),
    "squared": lambda: Squared(as_operator(0.2 * gallery.grid_laplacian((13, 11)))),
    "float32": lambda: gallery.grid_laplacian((13, 11)).astype(np.float32),
}


def chains(A, scheme, law, segments, chain=0, k=8):
    noise = probes.noise_of(law, 5)
    state = langevin.start(A.n, k, A.dtype, scheme, noise, chain)
    for num_steps in segments:
        state = langevin.extend(state, A, scheme, noise, num_steps, lambda _: None)
    return state


@pytest.mark.parametrize("law", ["rademacher", "gaussian"])
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("name", OPERATORS)
def test_a_restart_changes_no_bit(name, scheme, law):
    A = as_operator(OPERATORS[name]())
    whole = chains(A, scheme, law, [12])
    parts = chains(A, scheme, law, [5, 1, 6])
    np.testing.assert_array_equal(parts.theta, whole.theta)
    np.testing.assert_array_equal(parts.energies, whole.energies)


@pytest.mark.parametrize("law", ["rademacher", "gaussian"])
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("name", ["sparse", "diagonal", "float32"])
def test_four_blocks_are_one(name, scheme, law):
    """A BLAS product may round by the width of its block; symrank's own kernels do not."""
    A = as_operator(OPERATORS[name]())
    whole = chains(A, scheme, law, [12], k=8)
    for first in (0, 2, 4, 6):
        part = chains(A, scheme, law, [12], chain=first, k=2)
        np.testing.assert_array_equal(part.theta, whole.theta[:, first : first + 2])
        np.testing.assert_array_equal(part.energies, whole.energies[:, first : first + 2])


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: type(s).__name__)
def test_ways_of_multiplying_agree(scheme):
    """The fused sparse step, the update of a dense product and that of a square of a root."""
    L = gallery.grid_laplacian((13, 11))
    lam, Q = np.linalg.eigh(L.toarray())
    root = (Q * np.sqrt(np.maximum(lam, 0.0))) @ Q.T
    results = [
        chains(as_operator(A), scheme, "rademacher", [30]).energies
        for A in (
            L,
            L.toarray(),
            Squared(as_operator(root)),
            Squared(as_operator(sp.csr_array(root))),
        )
    ]
    for energies in results[1:]:
        # roundings of the null component grow like the steps; 30 steps of 143 entries
        np.testing.assert_allclose(energies, results[0], rtol=1e-10, atol=1e-10)


def test_complex_chains_have_the_same_filter():
    rng = np.random.default_rng(3)
    lam = np.array([1.0, 0.5, 0.2, 0.0, 0.0])
    A = as_operator(gallery.dense(lam, rng, np.complex128))
    scheme = Baoab(1.2, 0.4)
    energies = chains(A, scheme, "gaussian", [11], k=4000).energies[10]
    expected = scheme.phi(lam, 10).sum()
    stderr = energies.std(ddof=1) / np.sqrt(4000)
    assert abs(energies.mean() - expected) < 4.5 * stderr  # one in 150 000
    # a complex mode is the mean of two real ones: half the variance, here of 2 phi^2 each;
    # the sample variance of 4000 nearly Gaussian sums scatters by 2.2 %, with heavier tails by 5 %
    assert energies.var() == pytest.approx((scheme.phi(lam, 10) ** 2).sum(), rel=0.25)


def test_divergence_names_the_step():
    scheme, noise = EulerMaruyama(1e200), probes.noise_of("rademacher", 1)
    A = as_operator(gallery.diagonal(np.ones(3)))
    state = langevin.start(3, 2, A.dtype, scheme, noise)
    with pytest.raises(DivergedError, match=r"left the finite numbers at step [12]") as info:
        langevin.extend(state, A, scheme, noise, 50, lambda _: None)
    assert info.value.step in (1, 2)
    assert info.value.result is None
