"""Langevin kernels: compiled against the reference, and the noise as a function of its address."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from symrank import kernels
from symrank.kernels.compiled import threads
from symrank.kernels.multiplicands import Csr, Diagonal, Given
from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews
from symrank.support.blocks import empty_block
from symrank.support.probes import noise_of

REFERENCE = kernels.load("reference")
COMPILED = kernels.load("cpu_numba")
LAWS = ["rademacher", "gaussian"]
SCHEMES = {
    "corrected": EulerMaruyama(0.7),
    "energy": EulerMaruyama(0.7, "energy"),
    "averaged": LeimkuhlerMatthews(0.4),
    "kinetic": Baoab(0.6, 0.9),
}
SIZES = [1, 63, 64, 65, 255, 256, 257, 2500]  # a block of noise has 64 rows, a chunk 256
STEPS = [0, 3, 2**32 - 1, 2**32 + 3]  # the number of a step fills two words of the counter
Z = 4.5  # a correct generator fails one such check in 150 000
# The compiled radius sqrt(-2 log u) takes u from a single precision number: u near 1 has an error
# of 2^-25, and where the radius should be small that is all of it: sqrt(2 * 2^-25).
SMALL_RADIUS = 2.0**-12
HALVED = 2.0**-22  # two compiled Gaussians, each below 6.7, are averaged in single precision
SINGLE = 4 * 2.0**-24  # elsewhere radius and angle have an error of a few units in the last place
# Kind of product, dtype, scheme, law, columns and first chain: each is compiled once for all tests.
STEP_CASES = [
    ("csr32", np.float64, "corrected", "rademacher", 16, 0),
    ("csr32", np.float64, "energy", "gaussian", 16, 16),
    ("csr32", np.float64, "kinetic", "rademacher", 16, 32),
    ("csr32", np.float64, "averaged", "gaussian", 16, 0),
    ("csr32", np.float32, "corrected", "gaussian", 32, 0),
    ("csr64", np.float64, "kinetic", "gaussian", 16, 0),
    ("csr64", np.float32, "corrected", "rademacher", 16, 0),
    ("diagonal", np.float64, "averaged", "rademacher", 16, 16),
    ("diagonal", np.float32, "kinetic", "gaussian", 16, 0),
    ("given", np.float64, "kinetic", "rademacher", 16, 5),
    ("given", np.float32, "corrected", "gaussian", 16, 4),
    ("given", np.complex64, "corrected", "rademacher", 8, 8),
    ("given", np.complex64, "kinetic", "gaussian", 8, 0),
    ("given", np.complex128, "averaged", "gaussian", 8, 8),
    ("given", np.complex128, "kinetic", "rademacher", 16, 4),
]


def block(rng, n, k, dtype):
    values = rng.standard_normal((n, k))
    if np.issubdtype(dtype, np.complexfloating):
        values = values + 1j * rng.standard_normal((n, k))
    B = empty_block(n, k, dtype)
    B[...] = values
    return B


def sparse(rng, n, dtype, index=np.int32):
    """About five non-zeros a row, some rows empty, columns in no order."""
    lengths = rng.integers(0, 11, n)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(index)
    indices = rng.integers(0, n, indptr[-1]).astype(index)
    return indptr, indices, rng.standard_normal(indptr[-1]).astype(dtype)


def make_product(kind, rng, theta):
    n, k = theta.shape
    if kind == "diagonal":
        return Diagonal(rng.standard_normal(n).astype(theta.dtype), theta)
    if kind == "given":
        return Given(block(rng, n, k, theta.dtype))
    index = {"csr32": np.int32, "csr64": np.int64}[kind]
    return Csr(*sparse(rng, n, theta.dtype, index), theta)


def run(kernel, product, theta, velocity, scheme, noise, step, chain=0):
    """Return new state, new velocity and energies; the arguments stay as they are."""
    velocity = velocity.copy() if scheme.is_kinetic else None
    if isinstance(product, Csr):  # the states are read after others of the same step were written
        before = theta.copy()
        out = empty_block(*theta.shape, theta.dtype)
    else:
        out = theta = empty_block_like(theta)
        product = product._replace(X=theta) if isinstance(product, Diagonal) else product
    energies = kernel.langevin_step(
        product, theta, out, velocity, scheme.coefficients, noise, step, chain
    )
    if isinstance(product, Csr):
        np.testing.assert_array_equal(theta, before)
    return out, velocity, energies


def empty_block_like(theta):
    copy = empty_block(*theta.shape, theta.dtype)
    copy[...] = theta
    return copy


def assert_same_step(product, theta, velocity, scheme, noise, step, chain, monkeypatch):
    """Compare both kernels, with the same noise: how that is drawn has a test of its own."""
    with monkeypatch.context() as patch:
        patch.setattr(REFERENCE, "draw", COMPILED.draw)
        expected = run(REFERENCE, product, theta, velocity, scheme, noise, step, chain)
    actual = run(COMPILED, product, theta, velocity, scheme, noise, step, chain)
    n = theta.shape[0]
    # a row has at most ten products of numbers of order one (|y| < 40), a few roundings each
    tol = 100 * float(np.finfo(theta.dtype).eps)
    if scheme.coefficients.averaged and noise.is_gaussian:
        tol = max(tol, HALVED)
    np.testing.assert_allclose(actual[0], expected[0], atol=tol, rtol=tol)
    if scheme.is_kinetic:
        np.testing.assert_allclose(actual[1], expected[1], atol=tol, rtol=tol)
    assert actual[2].dtype == np.float64
    # an energy is a sum of n such terms y (2 theta - c y) with independent roundings
    np.testing.assert_allclose(actual[2], expected[2], atol=10 * tol * np.sqrt(n), rtol=tol)


@pytest.mark.parametrize(("kind", "dtype", "scheme", "law", "k", "chain"), STEP_CASES)
def test_step_agrees_with_the_reference(kind, dtype, scheme, law, k, chain, seed, monkeypatch):
    rng = np.random.default_rng(seed)
    for n, step in itertools.product(SIZES, STEPS[1::2]):
        theta, velocity = block(rng, n, k, dtype), block(rng, n, k, dtype)
        product = make_product(kind, rng, theta)
        noise = noise_of(law, seed, n)
        assert_same_step(product, theta, velocity, SCHEMES[scheme], noise, step, chain, monkeypatch)


@given(
    n=st.integers(1, 2100),
    k=st.integers(1, 64),
    chain=st.integers(0, 100),
    step=st.sampled_from(STEPS),
    seed=st.integers(0, 2**64),
)
def test_step_agrees_with_the_reference_for_every_split_into_panels(n, k, chain, step, seed):
    rng = np.random.default_rng(seed)
    theta = block(rng, n, k, np.float64)
    product = make_product("csr32", rng, theta)
    noise = noise_of("rademacher", seed)
    scheme = SCHEMES["corrected"]
    with pytest.MonkeyPatch.context() as patch:
        assert_same_step(product, theta, None, scheme, noise, step, chain, patch)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("step", STEPS)
def test_signs_agree_with_the_reference_to_the_last_bit(dtype, step, seed):
    noise = noise_of("rademacher", seed)
    for n, chain in itertools.product([1, 64, 65, 1100], [0, 16, 24]):
        actual = COMPILED.draw((n, 16), dtype, noise, step, chain)
        expected = REFERENCE.draw((n, 16), dtype, noise, step, chain)
        assert actual.dtype == expected.dtype == dtype
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", STEPS)
def test_gaussians_agree_with_the_reference(dtype, step, seed):
    noise = noise_of("gaussian", seed)
    for n, chain in itertools.product([64, 1100 * 64], [0, 7]):
        actual = COMPILED.draw((n, 16), dtype, noise, step, chain)
        expected = REFERENCE.draw((n, 16), dtype, noise, step, chain)
        assert actual.dtype == expected.dtype == dtype
        x, y = expected.reshape(-1, 2, 32, 16).swapaxes(0, 1)  # rows r and r + 32 are a pair
        radius = np.hypot(x, y)[:, None]
        error = np.abs(actual - expected).reshape(-1, 2, 32, 16)
        assert error.max() <= SMALL_RADIUS + SINGLE
        # an error d of u is one of d / radius
        assert (error * radius <= 2.0**-25 + SINGLE * np.maximum(radius**2, radius)).all()


def test_complex_gaussians_are_pairs_of_real_ones(seed):
    noise = noise_of("gaussian", seed)
    for kernel in (REFERENCE, COMPILED):
        z = kernel.draw((100, 8), np.complex64, noise, 3, 8)
        pairs = kernel.draw((100, 16), np.float32, noise, 3, 16)
        np.testing.assert_array_equal(z.view(np.float32), pairs * np.float32(np.sqrt(0.5)))


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0A4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_philox_gives_the_known_answers(counter, key, words):
    """kat_vectors of Random123, philox4x32-10; the compiled one is held by the signs above."""
    actual = REFERENCE.philox(*(np.uint64(c) for c in counter), key)
    assert tuple(int(word) for word in actual) == words


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("k", [16, 40, 64])
def test_noise_of_a_block_is_that_of_its_pieces(kernel, law, k, seed):
    noise = noise_of(law, seed)
    whole = kernel.draw((1100, k), np.float64, noise, 9, 3)
    quarter = k // 4
    for j in range(4):
        piece = kernel.draw((1100, quarter), np.float64, noise, 9, 3 + j * quarter)
        np.testing.assert_array_equal(piece, whole[:, j * quarter : (j + 1) * quarter])
    shorter = kernel.draw((777, k), np.float64, noise, 9, 3)
    np.testing.assert_array_equal(shorter, whole[:777])


@pytest.mark.parametrize(("scheme", "law"), [("corrected", "rademacher"), ("kinetic", "gaussian")])
@pytest.mark.parametrize("k", [16, 40])
def test_steps_of_a_block_are_those_of_its_pieces(scheme, law, k, seed):
    """To the last bit: states, velocities and energies, over a few steps."""
    n, scheme, noise = 2500, SCHEMES[scheme], noise_of(law, seed)
    rng = np.random.default_rng(seed)
    matrix = sparse(rng, n, np.float64)
    theta, velocity = block(rng, n, k, np.float64), block(rng, n, k, np.float64)

    def three_steps(columns, chain):
        x, v = (np.ascontiguousarray(X[:, columns]) for X in (theta, velocity))
        energies = []
        for step in range(1, 4):
            x, v, energy = run(COMPILED, Csr(*matrix, x), x, v, scheme, noise, step, chain)
            energies.append(energy)
        return [x, *([v] if scheme.is_kinetic else []), np.array(energies)]

    whole = three_steps(slice(None), 3)
    quarter = k // 4
    for j in range(4):
        columns = slice(j * quarter, (j + 1) * quarter)
        for piece, full in zip(three_steps(columns, 3 + j * quarter), whole, strict=True):
            np.testing.assert_array_equal(piece, full[:, columns])


@pytest.mark.parametrize(("scheme", "law"), [("corrected", "rademacher"), ("kinetic", "gaussian")])
def test_step_does_not_depend_on_the_number_of_threads(scheme, law):
    n, k = 300_000, 16
    rng = np.random.default_rng(31)
    theta, velocity = block(rng, n, k, np.float64), block(rng, n, k, np.float64)
    product = make_product("csr32", rng, theta)
    results = []
    for count in (1, 2, 5):
        with threads.using(count):
            noise = noise_of(law, 5)
            result = run(COMPILED, product, theta, velocity, SCHEMES[scheme], noise, 2, 0)
            results.append([x for x in result if x is not None])
    for one, *many in zip(*results, strict=True):
        for other in many:
            np.testing.assert_array_equal(one, other)  # to the last bit


def assert_mean(sample, expected, variance):
    """z-test of the mean of independent numbers whose variance is known."""
    z = (sample.mean() - expected) * np.sqrt(sample.size / variance)
    assert abs(z) < Z


def million(kernel, law, seed, step=1):
    return kernel.draw((62_500, 16), np.float64, noise_of(law, seed), step)


@pytest.mark.parametrize("law", LAWS)
def test_noise_has_the_moments_of_its_law(kernel, law, seed):
    x = million(kernel, law, seed)
    assert_mean(x, 0.0, 1.0)
    if law == "rademacher":
        np.testing.assert_array_equal(np.abs(x), 1.0)
        return
    assert_mean(x**2, 1.0, 2.0)
    assert_mean(x**3, 0.0, 15.0)
    assert_mean(x**4, 3.0, 105.0 - 9.0)
    distance = scipy.stats.kstest(x.ravel(), "norm").statistic
    # P(sqrt(N) D > t) -> 2 exp(-2 t^2): as rare as Z
    assert np.sqrt(x.size) * distance < np.sqrt(0.5 * np.log(2 * 150_000))


@pytest.mark.parametrize("law", LAWS)
def test_noise_at_neighbouring_addresses_is_uncorrelated(kernel, law, seed):
    x = million(kernel, law, seed)
    pairs = [(x, million(kernel, law, seed + 1)), (x, million(kernel, law, seed, step=2))]
    pairs += [(x[d:], x[:-d]) for d in (1, 16, 32, 48, 64)]  # one call of Philox gives four rows
    pairs += [(x[:, d:], x[:, :-d]) for d in (1, 2, 8)]
    for a, b in pairs:
        assert_mean(a * b, 0.0, 1.0)
        if law == "gaussian":  # both numbers of a pair share a radius
            assert_mean((a**2 - 1.0) * (b**2 - 1.0), 0.0, 4.0)
            assert_mean(np.abs(a) * b, 0.0, 1.0)


@pytest.mark.parametrize("law", LAWS)
def test_averaged_noise_is_the_mean_of_two_steps(kernel, law):
    """theta = 0 and A = 0: what is left of a step is its noise."""
    n, k = 200, 16
    scheme, noise = SCHEMES["averaged"], noise_of(law, 12)
    zeros = np.zeros((n, k))
    out, _, energies = run(kernel, Given(zeros), zeros, None, scheme, noise, 7)
    first, second = (kernel.draw((n, k), np.float64, noise, step) for step in (7, 8))
    scale = scheme.coefficients.noise
    np.testing.assert_allclose(out, 0.5 * scale * (first + second), rtol=0, atol=HALVED)
    np.testing.assert_array_equal(energies, 0.0)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 5), (1023, 7), (100_001, 16)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_blocks_start_on_a_cache_line(n, k, dtype):
    B = empty_block(n, k, dtype)
    assert B.shape == (n, k)
    assert B.dtype == dtype
    assert B.flags.c_contiguous
    assert B.flags.writeable
    assert B.ctypes.data % 64 == 0
