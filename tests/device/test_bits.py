"""The text of the GPU kernels gives the bits of the compiled CPU kernels, launched as on a GPU."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symrank import kernels
from symrank.kernels.compiled.sums import CHUNK, FAN, add_chunks
from symrank.kernels.multiplicands import Csr, Diagonal, Given
from symrank.support.probes import noise_of
from tests.device import need_fma, plain_cupy
from tests.kernels.test_langevin_kernels import (
    LAWS,
    SCHEMES,
    STEP_CASES,
    STEPS,
    block,
    make_product,
    sparse,
)

COMPILED = kernels.load("cpu_numba")
FEW = settings(max_examples=5)  # of shapes, for each of many kernels
KINDS = ["given", "diagonal", "csr32", "csr64"]
ROWS = st.one_of(st.sampled_from([1, 64, 65, CHUNK, CHUNK + 1]), st.integers(1, 3 * CHUNK))


@pytest.fixture(scope="module")
def gpu():
    need_fma()
    return plain_cupy.load("gpu_cupy")


def assert_same_bits(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        np.testing.assert_array_equal(bits(one), bits(other))


def bits(array):
    return np.ascontiguousarray(array).view(np.uint8)


def moved(product, theta):
    """The same product of another array, one that lies between margins."""
    fields = {name: plain_cupy.asarray(value) for name, value in product._asdict().items()}
    return product._replace(**{**fields, **({"X": theta} if "X" in fields else {})})


def assert_same_step(gpu, product, theta, velocity, scheme, noise, step, chain):
    results = []
    for kernel in (COMPILED, gpu):
        x = plain_cupy.asarray(theta)
        out = plain_cupy.asarray(theta) if isinstance(product, Csr) else x
        v = plain_cupy.asarray(velocity) if scheme.is_kinetic else None
        energies = kernel.langevin_step(
            moved(product, x), x, out, v, scheme.coefficients, noise, step, chain
        )
        results.append([energies, out, *([v] if scheme.is_kinetic else [])])
    assert_same_bits(results[1], results[0])


@pytest.mark.parametrize(("kind", "dtype", "scheme", "law", "k", "chain"), STEP_CASES)
@FEW
@given(n=ROWS, step=st.sampled_from(STEPS), seed=st.integers(0, 2**64))
def test_a_langevin_step(gpu, kind, dtype, scheme, law, k, chain, n, step, seed):
    rng = np.random.default_rng(seed)
    theta, velocity = block(rng, n, k, dtype), block(rng, n, k, dtype)
    product = make_product(kind, rng, theta)
    noise = noise_of(law, seed)
    assert_same_step(gpu, product, theta, velocity, SCHEMES[scheme], noise, step, chain)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("law", LAWS)
@FEW
@given(
    n=ROWS,
    k=st.just(16),  # each width of a panel is compiled by itself
    chain=st.sampled_from([0, 48]),
    step=st.sampled_from(STEPS),
    seed=st.integers(0, 2**64),
)
def test_every_langevin_step(gpu, kind, dtype, scheme, law, n, k, chain, step, seed):
    rng = np.random.default_rng(seed)
    theta, velocity = block(rng, n, k, dtype), block(rng, n, k, dtype)
    product = make_product(kind, rng, theta)
    noise = noise_of(law, seed)
    assert_same_step(gpu, product, theta, velocity, SCHEMES[scheme], noise, step, chain)


@settings(max_examples=15)
@given(n=ROWS, k=st.integers(1, 300), chain=st.integers(0, 100), seed=st.integers(0, 2**64))
def test_a_step_of_any_number_of_chains(gpu, n, k, chain, seed):
    """Some blocks of threads have columns of two words of signs, some are cut into slices."""
    rng = np.random.default_rng(seed)
    n = 1 + n % 400  # each column is a thread of the stand-in
    theta = block(rng, n, k, np.float64)
    product = make_product("csr32", rng, theta)
    noise = noise_of("rademacher", seed)
    assert_same_step(gpu, product, theta, None, SCHEMES["corrected"], noise, 3, chain)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(
    ("dtype", "k"), [(np.float32, 16), (np.float64, 16), (np.complex64, 8), (np.complex128, 8)]
)
@FEW
@given(n=ROWS, chain=st.sampled_from([0, 7]), step=st.sampled_from(STEPS), seed=st.integers(0, 99))
def test_noise_by_itself(gpu, law, dtype, k, n, chain, step, seed):
    noise = noise_of(law, seed)
    drawn = [kernel.draw((n, k), dtype, noise, step, chain) for kernel in (gpu, COMPILED)]
    assert_same_bits(drawn[:1], drawn[1:])


CASES = [
    ("given", np.float32, 16), ("given", np.float64, 3), ("given", np.complex64, 1),
    ("given", np.complex128, 16), ("csr32", np.float32, 16), ("csr32", np.float64, 5),
    ("diagonal", np.float64, 16), ("diagonal", np.float32, 16),
]  # fmt: skip
MORE = [
    pytest.param(kind, dtype, k, marks=pytest.mark.slow)
    for kind in KINDS
    for dtype in (np.float32, np.float64)
    for k in (1, 7, 150)
]


@pytest.mark.parametrize(("kind", "dtype", "k"), [*CASES, *MORE])
@FEW
@given(n=ROWS, seed=st.integers(0, 2**64))
def test_lanczos_and_chebyshev_steps(gpu, kind, dtype, k, n, seed):
    rng = np.random.default_rng(seed)
    U, before = block(rng, n, k, dtype), block(rng, n, k, dtype)
    product = make_product(kind, rng, U)
    scale, coupling = rng.uniform(0.1, 1.0, k), rng.uniform(0.0, 2.0, k)
    results = []
    for kernel in (COMPILED, gpu):
        u, w, t = (plain_cupy.asarray(X) for X in (U, before, before))
        sums = kernel.lanczos_step(
            moved(product, u), u, w, plain_cupy.asarray(scale), plain_cupy.asarray(coupling)
        )
        h = plain_cupy.asarray(before)
        half = kernel.golub_kahan_step(
            moved(product, u), h, plain_cupy.asarray(scale), plain_cupy.asarray(coupling)
        )
        mixed = kernel.chebyshev_step(moved(product, u), u, t, 0.7, -0.3)
        results.append([*sums, w, half, h, *mixed, t])
    assert_same_bits(results[1], results[0])


@pytest.mark.parametrize(("dtype", "k"), [(np.float32, 16), (np.float64, 5)])
@pytest.mark.parametrize("kind", ["csr32", "diagonal"])
def test_a_product_by_itself(gpu, dtype, k, kind, rng):
    n, columns = 150, 90
    X = block(rng, columns, k, dtype)
    indptr, indices, data = sparse(rng, n, dtype)
    product = Csr(indptr, indices % columns, data, X)
    if kind == "diagonal":
        product = Diagonal(rng.standard_normal(columns).astype(dtype), X)
    expected = COMPILED.multiply(product)
    assert_same_bits([gpu.multiply(moved(product, plain_cupy.asarray(X)))], [expected])
    assert gpu.multiply(Given(X)) is X


@pytest.mark.parametrize("chunks", [1, 2, FAN, FAN + 1, FAN + 7, 3 * FAN])
def test_sums_of_many_chunks(gpu, chunks, rng):
    partial = plain_cupy.asarray(rng.standard_normal((2, chunks, 6)))
    expected = [add_chunks(part.copy()) for part in partial]
    assert_same_bits(gpu._add_chunks(partial, 1), expected)
    pairs = [sums[0::2] + sums[1::2] for sums in expected]
    assert_same_bits(gpu._add_chunks(partial, 2), pairs)
    squares = plain_cupy.asarray(partial**2)
    roots = [np.sqrt(add_chunks(part.copy())) for part in squares]
    assert_same_bits(gpu._add_chunks(squares, 1, root=True), roots)
