"""Sums over rows have one order, whatever the columns beside them: see `compiled.sums`."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrank import kernels
from symrank.kernels.compiled.sums import CHUNK, FAN, add_chunks, num_chunks
from symrank.kernels.multiplicands import Csr, Given
from symrank.spectrum.filters import EulerMaruyama
from symrank.support.probes import noise_of
from tests.device import need_fma
from tests.kernels.test_langevin_kernels import block, sparse

COMPILED = kernels.load("cpu_numba")


def fused(a, b, c):
    """a b + c, rounded once."""
    return float(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)))


def in_order(a, b):
    """The sum of a b as it is promised, in Python."""
    sums = []
    for first in range(0, len(a), CHUNK):
        total = 0.0
        for x, y in zip(a[first : first + CHUNK], b[first : first + CHUNK], strict=True):
            total = fused(x, y, total)
        sums.append(total)
    return added(sums)


def added(sums):
    while len(sums) > 1:
        groups = [sums[first : first + FAN] for first in range(0, len(sums), FAN)]
        sums = []
        for group in groups:
            total = group[0]
            for x in group[1:]:
                total += x
            sums.append(total)
    return sums[0]


@pytest.mark.parametrize("n", [1, CHUNK, CHUNK + 1, 5 * CHUNK - 3])
def test_sums_of_rows_have_the_order_that_is_promised(n, rng):
    need_fma()
    Y, U, before = (block(rng, n, 1, np.float64) for _ in range(3))
    mixed, square = COMPILED.chebyshev_step(Given(Y), U, before, 0.7, -0.3)
    assert mixed[0] == in_order(U[:, 0], before[:, 0])
    assert square[0] == in_order(before[:, 0], before[:, 0])


@pytest.mark.parametrize("chunks", [1, 2, FAN, FAN + 1, 2 * FAN, FAN**2 + 1])
@pytest.mark.parametrize("k", [1, 3])
def test_chunks_are_added_in_the_order_that_is_promised(chunks, k, rng):
    partial = rng.standard_normal((chunks, k))
    expected = [added(list(column)) for column in partial.T]
    np.testing.assert_array_equal(add_chunks(partial), expected)


def test_a_part_of_a_chunk_is_a_chunk():
    assert [num_chunks(n) for n in (1, CHUNK, CHUNK + 1)] == [1, 1, 2]


@given(data=st.data(), k=st.integers(1, 40), n=st.integers(1, 1500), seed=st.integers(0, 2**64))
def test_a_column_does_not_know_its_neighbours(data, k, n, seed):
    """Sums and states of a part of a block, to the last bit; k decides how columns are grouped."""
    first = data.draw(st.integers(0, k - 1))
    last = data.draw(st.integers(first + 1, k))
    rng = np.random.default_rng(seed)
    matrix = sparse(rng, n, np.float64)
    U, before = block(rng, n, k, np.float64), block(rng, n, k, np.float64)
    scale, coupling = rng.uniform(0.1, 1.0, k), rng.uniform(0.0, 2.0, k)
    noise, scheme = noise_of("rademacher", seed), EulerMaruyama(0.7)

    def results(columns):
        u, w, t, out = (X[:, columns].copy() for X in (U, before, before, before))
        product = Csr(*matrix, u)
        sums = COMPILED.lanczos_step(product, u, w, scale[columns], coupling[columns])
        moments = COMPILED.chebyshev_step(product, u, t, 0.5, -2.0)
        energy = COMPILED.langevin_step(
            product, u, out, None, scheme.coefficients, noise, 3, 5 + columns.start
        )
        return [*sums, w, *moments, t, energy, out]

    columns = slice(first, last)
    for part, whole in zip(results(columns), results(slice(0, k)), strict=True):
        np.testing.assert_array_equal(part, whole[..., columns])
