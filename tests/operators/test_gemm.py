"""Tiled products are the product, whatever the shapes, the memory order and the threads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrank.kernels.compiled import threads
from symrank.operators.gemm import MOST, _chunks, _tile, gemm, gemm_each

DTYPES = [np.float32, np.float64, np.complex64, np.complex128]
SIZES = st.sampled_from([0, 1, 2, 3, 31, 32, 33, 64, 100, 257, 600])


def random(rng, shape, dtype):
    values = rng.standard_normal(shape)
    if np.issubdtype(dtype, np.complexfloating):
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["C", "F"])
@given(m=SIZES, depth=SIZES, k=SIZES)
def test_it_is_the_product_to_rounding(dtype, order, m, depth, k):
    rng = np.random.default_rng(m + 1000 * depth + k)
    A, X = np.asarray(random(rng, (m, depth), dtype), order=order), random(rng, (depth, k), dtype)
    found = []
    for count in (1, 3):
        with threads.using(count):
            found.append(gemm(A, X))
    assert found[0].tobytes() == found[1].tobytes()
    assert found[0].dtype == dtype
    assert found[0].flags.c_contiguous
    wide = np.complex128 if np.dtype(dtype).kind == "c" else np.float64
    bound = 8 * np.sqrt(depth + 1) * np.finfo(dtype).eps * (np.abs(A) @ np.abs(X))
    assert (np.abs(found[0] - A.astype(wide) @ X.astype(wide)) <= bound).all()


@given(
    m=st.integers(2, 5000), depth=st.integers(1, 10**6), k=st.integers(2, 5000),
    most=st.sampled_from(sorted(set(MOST.values()))), by_columns=st.booleans(),
)  # fmt: skip
def test_no_tile_is_shared_by_blas_and_chunks_are_the_whole(m, depth, k, most, by_columns):
    tile = _tile(m, depth, k, most, by_columns=by_columns)
    assert np.prod(tile, dtype=float) <= most
    assert min(tile) >= 1
    if m * k <= 10**6:
        chunks = _chunks(m, depth, k, tile)
        assert sum((r.stop - r.start) * (c.stop - c.start) for r, c in chunks) == m * k


def test_strided_views_are_multiplied_as_they_are(rng):
    whole = rng.standard_normal((700, 900))
    for A in (whole[::2], whole[:, ::3], whole[::-1], whole[:, ::-1]):
        X = rng.standard_normal((2 * A.shape[1], 20))[::2]
        np.testing.assert_allclose(gemm(A, X), A @ X, atol=1e-11)


def test_each_is_the_product_of_every_layer(rng):
    M = rng.standard_normal((120, 90))
    for right in (1, 2, 40):
        T = rng.standard_normal((5, 90, right))
        np.testing.assert_allclose(gemm_each(M, T), M @ T, atol=1e-12)
