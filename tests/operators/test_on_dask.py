"""Matrices whose blocks Dask holds: their products, their bits, and what they refuse."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
import symrank.errors
from bench.scaling import circulants
from symrank import gallery
from symrank.errors import NonFiniteError, NotSymmetricError, OperatorError
from symrank.operators import as_operator, check_operator
from symrank.operators.on_dask import DaskOperator
from symrank.operators.row_blocks import added

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
pytest.importorskip("distributed")
pytestmark = pytest.mark.dask

from tests.cases.clusters import cluster_of  # noqa: E402

ROUNDING = 20  # eps |A||x|: sums of some dozen terms
KINDS = {
    "sparse": (sp.csr_array, np.float64),
    "sparse float32": (sp.csr_array, np.float32),
    "sparse complex": (sp.csr_array, np.complex128),
    "sparse complex64": (sp.coo_array, np.complex64),
    "integers": (sp.csr_array, np.int32),
    "dense": (np.asarray, np.float64),
    "dense float32": (np.asarray, np.float32),
}


def matrix(dtype, n=90):
    A = gallery.grid_laplacian((9, n // 9), 0.3, np.random.default_rng(2)).toarray()
    if np.dtype(dtype).kind == "c":
        skew = np.triu(np.random.default_rng(3).standard_normal((n, n)), 1) * (A != 0)
        A = A + 1j * (skew - skew.T)
    return A.astype(dtype)


def piece(A, rows, columns, wrap):
    return wrap(A[rows[0] : rows[1], columns[0] : columns[1]])


def cut(A, rows, columns, wrap):
    """Delayed blocks between the edges."""
    make = dask.delayed(piece, pure=False)
    return [[make(A, at, across, wrap) for across in pairwise(columns)] for at in pairwise(rows)]


def vectors(A, k=3):
    rng = np.random.default_rng(k)
    X = rng.standard_normal((A.n, k))
    return (X + 1j * rng.standard_normal(X.shape) if A.dtype.kind == "c" else X).astype(A.dtype)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", [(0, 90), (0, 17, 60, 60, 90)])
def test_a_product_is_that_of_the_matrix(kind, columns):
    wrap, dtype = KINDS[kind]
    A = matrix(dtype)
    H = symrank.on_dask(cut(A, (0, 40, 40, 41, 90), columns, wrap))
    assert H.dtype == as_operator(A).dtype
    size = np.abs(np.linalg.eigvalsh(A)).max()
    for k in (0, 1, 5):
        X = vectors(H, k)
        error = np.linalg.norm(H @ X - A.astype(H.dtype) @ X, axis=0)
        allowed = ROUNDING * np.finfo(H.dtype).eps * size * np.linalg.norm(X, axis=0)
        assert (error <= allowed).all()
    assert check_operator(H, 0) == 8
    np.testing.assert_array_equal(H.facts.diagonal(), A.diagonal())
    assert H.scale_hint() == as_operator(A).scale_hint()
    assert H.facts.work.by_index + H.facts.work.in_order == as_operator(A).facts.num_entries or (
        wrap is not np.asarray
    )
    assert not H.is_explicit


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_are_added_in_their_order_and_single_ones_in_double(dtype):
    big = dtype(1.0 / np.finfo(dtype).eps) * 4  # one more is lost beside it
    parts = [np.array([[x]], dtype) for x in (big, 1.0, -big)]
    assert added(parts)[0, 0] == (1.0 if dtype is np.float32 else 0.0)
    assert added([parts[0], parts[2], parts[1]])[0, 0] == 1.0
    assert added(parts).dtype == dtype


def test_a_dask_array_is_an_operator_of_its_chunks():
    A = matrix(np.float64)
    H = as_operator(da.from_array(A, chunks=(50, 30)))
    assert [[one.shape for one in row] for row in H.blocks] == [[(50, 30)] * 3, [(40, 30)] * 3]
    np.testing.assert_allclose(H @ vectors(H), A @ vectors(H), rtol=0, atol=1e-13)
    assert symrank.rank(da.from_array(A, chunks=45), rng=1).rank == np.linalg.matrix_rank(A)
    assert symrank.count(da.from_array(A, chunks=45), 0.5, 100.0, rng=1).rank == sum(
        np.linalg.eigvalsh(A) > 0.5
    )


def test_rows_may_be_cut_anywhere_without_a_change_of_bits():
    A = circulants.rows(0, 600, 600, size=60, degree=5)
    X = np.random.default_rng(1).standard_normal((600, 7))
    products = [
        symrank.on_dask(cut(A, rows, (0, 600), sp.csr_array)) @ X
        for rows in ((0, 600), (0, 1, 64, 599, 600), tuple(range(0, 601, 25)))
    ]
    np.testing.assert_array_equal(products[0], products[1])
    np.testing.assert_array_equal(products[0], products[2])


@pytest.fixture(scope="module", params=[pytest.param(1, marks=pytest.mark.slow), 2])
def client(request):
    with cluster_of(request.param) as client:
        yield client


def in_this_process(blocks):
    """The same operator without a client, though there is a current one."""
    from symrank.operators.dask_workers import Here

    return DaskOperator([row if isinstance(row, list) else [row] for row in blocks], Here())


def test_a_run_has_the_same_bits_on_any_number_of_workers(client):
    n, edges = 600, [0, 100, 300, 450, 600]
    options = {"n": n, "size": 60, "degree": 5}
    made = client.map(circulants.rows, edges[:-1], edges[1:], **options, pure=False)
    there = symrank.on_dask(made)
    make = dask.delayed(circulants.rows)
    with dask.config.set(scheduler="sync"):
        here = in_this_process([make(*e, **options) for e in pairwise(edges)])
        X = vectors(there, 5)
        np.testing.assert_array_equal(there @ X, here @ X)
        whole = circulants.rows(0, n, **options)
        np.testing.assert_allclose(there @ X, whole @ X, rtol=0, atol=1e-12)
        ask = {"method": symrank.Lanczos(num_probes=4), "rng": 3, "max_matvecs": 40}
        one, other = symrank.rank(there, **ask), symrank.rank(here, **ask)
    assert one.estimate == other.estimate
    assert one.history == other.history
    low, high = one.interval()
    assert low <= (circulants.spectrum(n, 60, 5) > 1e-9).sum() <= high


@pytest.mark.parametrize("tree", [0, 100])
def test_columns_that_are_cut_are_added_by_the_workers(client, tree, monkeypatch):
    monkeypatch.setattr("symrank.operators.dask_workers.TREE", tree)
    blocks = cut(matrix(np.float32), (0, 30, 90), (0, 10, 90), sp.csr_array)
    there = symrank.on_dask(blocks, client=client)
    X = vectors(there, 2)
    with dask.config.set(scheduler="sync"):
        np.testing.assert_array_equal(there @ X, in_this_process(blocks) @ X)


def test_a_worker_gets_the_rows_that_its_blocks_need(client, monkeypatch):
    """Of a banded matrix in r blocks, w workers: n k numbers, and the bands beside the blocks."""
    n, k, blocks, sent = 4000, 3, 8, []
    A = sp.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)).tocsr()
    edges = np.linspace(0, n, blocks + 1).astype(int)
    H = symrank.on_dask(cut(A, edges, (0, n), sp.csr_array), client=client)
    own = client.scatter

    def scatter(data, **options):
        sent.append(data.nbytes)
        return own(data, **options)

    monkeypatch.setattr(client, "scatter", scatter)
    np.testing.assert_allclose(H @ vectors(H, k), A @ vectors(H, k), atol=1e-12)
    workers = len(client.nthreads())
    assert len(sent) <= workers
    assert sum(sent) <= n * k * 8 * workers  # blocks that a worker has lie anywhere
    assert H.num_bytes < 1.1 * (12 * A.nnz + 4 * n)


def killed(client, block):
    """Kill the worker that has a block; return its address."""
    address = client.who_has([block])[block.key][0]
    os.kill(client.run(os.getpid)[address], signal.SIGKILL)
    return address


def slow_rows(first, last, seconds, **options):
    time.sleep(seconds)
    return circulants.rows(first, last, **options)


@pytest.mark.slow
def test_a_worker_that_is_killed_changes_no_bit():
    options = {"n": 600, "size": 60, "degree": 5}
    edges = range(0, 601, 100)
    with cluster_of(2) as client:
        H = symrank.on_dask(
            client.map(slow_rows, edges[:-1], edges[1:], seconds=0.05, **options, pure=False)
        )
        X = vectors(H, 3)
        before = H @ X
        killed(client, H._tiles[0][0])
        np.testing.assert_array_equal(H @ X, before)
        timer = threading.Timer(0.3, killed, (client, H._tiles[-1][0]))
        ask = {"method": symrank.Lanczos(num_probes=4), "rng": 3, "max_matvecs": 300}
        undisturbed = symrank.rank(H, **ask)
        timer.start()
        disturbed = symrank.rank(H, **ask)
        timer.join()
        assert disturbed.estimate == undisturbed.estimate
        assert disturbed.history == undisturbed.history


@pytest.mark.slow
def test_the_driver_takes_less_memory_than_the_matrix():
    """In a process of its own, as the highest memory of this one is that of other tests."""
    code = (
        "import symrank\n"
        "from bench.scaling import circulants\n"
        "from bench.scaling.larger import one\n"
        "if __name__ == '__main__':\n"
        "    small = circulants.rows(0, 2000, 2000)\n"  # compiled code is no part of a matrix
        "    symrank.rank(small, symrank.Lanczos(num_probes=1), rng=1)\n"
        "    row = one(300_000, probes=1, blocks=6)\n"
        "    assert row['contains'] and row['share'] < 1.0, row\n"
    )
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "ask.py"  # workers import the main module anew: it is a file
        script.write_text(code)
        env = {**os.environ, "PYTHONPATH": str(root)}
        done = subprocess.run(
            [sys.executable, str(script)], env=env, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr


def test_what_is_not_a_matrix_of_blocks_is_refused():
    A = matrix(np.float64)
    whole = (0, 90)
    for blocks, words in (
        ([A[:40], A[40:]], "a ndarray in this process"),
        ([], "an empty list"),
        (7, "a int, and a Dask array"),
        ([[], []], "rows of blocks have"),
        (cut(A, (0, 40), whole, np.asarray), r"a matrix of shape \(40, 90\)"),
        (cut(A, (0, 40, 90), whole, np.sum), "block [01] is a numpy.float64"),
        (cut(A[:, 0:], (0, 40, 90), whole, np.ravel), "has shape .[0-9]+,., and a block has rows"),
        ([*cut(A, (0, 40), whole, np.asarray), *cut(A, (40, 90), (0, 89), np.asarray)],
         r"block \(1, 0\) has shape \(50, 89\)"),
        (cut(A.astype(str), (0, 90), whole, np.asarray), "str|<U"),
        (da.ones(10), r"shape \(10,\)"),
    ):  # fmt: skip
        with pytest.raises(OperatorError, match=words):
            symrank.on_dask(blocks)
    with pytest.raises(OperatorError, match=r"matrix of shape \(4, 6\)"):
        symrank.rank(da.ones((4, 6)))
    with pytest.raises(OperatorError, match="needs its adjoint"):
        symrank.gram(da.ones((6, 4)))
    with pytest.raises(symrank.errors.OptionError, match="patience"):
        symrank.on_dask(da.eye(4), patience=-1.0)


def test_what_is_wrong_with_the_entries_is_seen():
    with pytest.raises(NotSymmetricError, match="not symmetric"):
        symrank.rank(da.from_array(np.triu(np.ones((50, 50))), chunks=20), rng=1)
    with pytest.raises(NotSymmetricError, match="not symmetric"):
        symrank.rank(da.from_array(np.triu(np.ones((50, 50))), chunks=20), rng=1, hermitian=False)
    A = np.eye(50)
    A[3, 3] = np.nan
    with pytest.raises(NonFiniteError):
        symrank.rank(da.from_array(A, chunks=20), rng=1)


def test_an_operator_without_a_client_is_pickled_and_one_with_a_client_says_why_not(client):
    blocks = cut(matrix(np.float64), (0, 40, 90), (0, 90), np.asarray)
    with dask.config.set(scheduler="sync"):
        here = in_this_process(blocks)
        copy = pickle.loads(pickle.dumps(here))
        np.testing.assert_array_equal(copy @ vectors(here), here @ vectors(here))
    with pytest.raises(OperatorError, match=r"its client is of this one.*threads"):
        pickle.dumps(symrank.on_dask(blocks, client=client))
