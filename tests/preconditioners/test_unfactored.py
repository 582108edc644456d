"""Preconditioners that are known by their products alone, multigrid cycles among them."""

import sys

import numpy as np
import pytest
import scipy.sparse.linalg as spla

import symrank
from symrank import Preconditioner, gallery
from symrank.errors import MissingBackendError, OptionError
from symrank.operators import as_operator
from symrank.preconditioners import apply, as_preconditioner

N = 24
SIGNED = gallery.SPECTRA["indefinite"](N)


def test_a_g_known_by_its_products_leaves_the_operator_as_it_is():
    A = as_operator(gallery.dense(SIGNED, 5))
    G = Preconditioner.from_products(lambda R: 2.0 * R, N, name="twice", work=0.5)
    assert repr(G) == "<Preconditioner 24x24: twice>"
    assert (G.n, G.work, G.factor, G.root) == (N, 0.5, None, None)
    assert apply(A, G) is A
    assert as_preconditioner(G, A) is G
    result = symrank.rank(A, "sketch", preconditioner=G, rng=1)
    assert (result.rank, result.preconditioner) == (np.count_nonzero(SIGNED), "twice")


def test_a_g_known_by_its_products_must_have_the_order_of_the_operator():
    G = Preconditioner.from_products(np.copy, 4)
    with pytest.raises(OptionError, match=r"4x4 and the operator 3x3.*Pass a G of order 3"):
        symrank.rank(np.eye(3), preconditioner=G)


def test_a_g_that_is_not_positive_definite_is_found_out_by_the_solve():
    G = Preconditioner.from_products(lambda R: -R, N)
    with pytest.raises(OptionError, match="the preconditioner G is not positive definite"):
        symrank.rank(gallery.dense(SIGNED, 5), preconditioner=G, rng=1)


@pytest.mark.parametrize("method", ["projection", "sketch"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_amg_by_name_gives_the_rank_of_any_dtype(method, dtype):
    pytest.importorskip("pyamg", reason='preconditioner="amg" is built on it')
    L = gallery.grid_laplacian((18, 18), remove=0.02, rng=3)
    G = as_preconditioner("amg", as_operator(L).facts)
    assert (G.name, G.n, G.factor) == ("amg", 324, None)
    assert G.work > 1.0  # a cycle multiplies A at least twice
    A = L.astype(dtype)
    G = Preconditioner.from_products(G.product, 324) if A.dtype.kind == "c" else "amg"
    result = symrank.rank(A, method, preconditioner=G, rng=1)
    low, high = result.interval()
    assert low <= gallery.laplacian_rank(L) <= high
    assert high - low <= 2
    assert result.diagnostics["num_cycles"] > 0


def test_amg_needs_real_entries_and_says_what_else_there_is():
    pytest.importorskip("pyamg", reason='preconditioner="amg" is built on it')
    for A in (spla.aslinearoperator(np.eye(3)), np.eye(3, dtype=complex)):
        with pytest.raises(OptionError, match=r"needs the real entries.*from_products"):
            symrank.rank(A, preconditioner="amg")


def test_amg_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyamg", None)
    with pytest.raises(MissingBackendError, match=r"needs pyamg. Run pip install"):
        Preconditioner.amg(as_operator(gallery.grid_laplacian((5, 5))))
