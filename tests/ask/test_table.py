"""`count` with many edges: the rows are those of single counts, from one run."""

import itertools
import json

import numpy as np
import pytest
import scipy.sparse.linalg as spla

import symrank
from symrank import gallery
from symrank.answer.counts import Counts
from symrank.errors import NonFiniteError, OptionError
from symrank.operators import as_operator

INF = float("inf")
LAM = np.concatenate([np.linspace(-1.0, -0.1, 90), np.zeros(40), np.linspace(0.05, 2.0, 170)])
EDGES = [-INF, -0.503, 0.0, 0.51, 1.503, INF]
TRUTH = [((a < LAM) & (b >= LAM)).sum() for a, b in itertools.pairwise(EDGES)]
OPTIONS = {"rng": 771, "max_matvecs": 2000}


@pytest.mark.parametrize("method", [None, "dense", symrank.Dense()])
def test_exact_tables(method):
    table = symrank.count(gallery.dense(LAM, 1), EDGES, method=method, rng=1)
    assert table.counts.tolist() == TRUTH
    assert table.status.name == "EXACT"
    assert [row.between for row in table] == list(itertools.pairwise(EDGES))
    assert table.total.rank == LAM.size


@pytest.mark.parametrize("method", ["lanczos", symrank.Lanczos(num_probes=5)])
def test_sampled_tables_hold_at_once(method):
    table = symrank.count(gallery.diagonal(LAM), EDGES, method=method, **OPTIONS)
    low, high = table.intervals(1.0 - 1e-9, simultaneous=True)
    assert (low <= TRUTH).all()
    assert (high >= TRUTH).all()
    one, all_ = table.intervals(), table.intervals(simultaneous=True)
    assert (all_[0] <= one[0]).all()
    assert (one[1] <= all_[1]).all()
    assert (np.array(table.counts) <= one[1]).all()


@pytest.mark.parametrize("method", ["lanczos", "dense"])
def test_rows_are_the_single_counts(method):
    """Where as many products go into one, it is the same result."""
    A = gallery.diagonal(LAM)
    options = {"rng": 3, "precision": 1e-9, "max_matvecs": 600}  # never met: the same rounds
    table = symrank.count(A, EDGES, method=method, **options)
    for row, (a, b) in zip(table, itertools.pairwise(EDGES), strict=True):
        one = symrank.count(A, a, b, method, **options)
        assert row.interval() == one.interval()
        assert row.rank == one.rank
        assert row.estimate == pytest.approx(one.estimate)
        assert row.bounds == pytest.approx(one.bounds)
        assert row.status == one.status
        assert row.at_ends == one.at_ends


def test_every_interval_meets_the_precision():
    table = symrank.count(gallery.diagonal(LAM), EDGES, method="lanczos", rng=1, precision=0.05)
    assert table.status.name == "CONVERGED"
    low, high = table.intervals()
    assert (high - low <= 2 * 0.05 * LAM.size).all()
    assert table.num_matvecs == table[0].num_matvecs <= 20_000


def test_an_edge_among_equal_eigenvalues_is_open_on_both_sides():
    A = gallery.diagonal(np.repeat([0.25, 0.5, 1.0], [40, 70, 90]))
    table = symrank.count(A, [0.0, 0.5, 2.0], method="lanczos", rng=1)
    (low, high) = table.intervals()
    assert (low <= [40, 90]).all()
    assert (high >= [110, 160]).all()
    assert table[0].at_ends[-1].least <= 70 <= table[0].at_ends[-1].most


def test_a_table_in_other_units_and_types():
    for scale, dtype in ((1e-200, np.float64), (1e200, np.float64), (1.0, np.complex64)):
        A = (gallery.dense(LAM[::3], 1) * scale).astype(dtype)
        edges = [x * scale for x in EDGES]
        truth = [((LAM[::3] > a) & (LAM[::3] <= b)).sum() for a, b in itertools.pairwise(EDGES)]
        for given, method in ((A, "dense"), (as_operator(A).to_scipy(), "lanczos")):
            table = symrank.count(given, edges, method=method, rng=1, max_matvecs=1500)
            low, high = table.intervals(1.0 - 1e-9)
            assert (low <= truth).all()
            assert (truth <= high).all()


def test_a_table_is_saved_and_shown():
    table = symrank.count(gallery.diagonal(LAM), EDGES, method="lanczos", **OPTIONS)
    assert "\n" not in repr(table)
    assert len(str(table).splitlines()) == len(table) == 5
    record = json.loads(json.dumps(table.to_dict(measure=True)))
    again = Counts.from_dict(record)
    assert str(again) == str(table)
    assert (again.estimate == table.estimate).all()
    assert again[2].cdf(0.3).low[0] == table.total.cdf(0.3).low[0]
    assert Counts.from_dict(table.to_dict()).total.measure is None
    assert table[0].resume is None


@pytest.mark.parametrize(
    "edges", [3.0, [1.0], [2, 1], [1, 1], "a", [[1, 2]], [1, np.nan], [[1], [1, 2]], None, [1j, 2]]
)
def test_what_is_no_list_of_edges_is_refused(edges):
    with pytest.raises(OptionError, match="edges of a table"):
        symrank.count(np.eye(3), edges)


def test_options_of_a_table_are_checked():
    with pytest.raises(OptionError, match="'sketch' counts one interval a run"):
        symrank.count(np.eye(3), [0.0, 1.0], method="sketch")
    with pytest.raises(OptionError, match="no b"):
        symrank.count(np.eye(3), [0.0, 1.0], "lanczos")
    with pytest.raises(OptionError, match="narrower"):
        symrank.count(np.diag([1.0, 0.5]), [0.3, 0.3 + 1e-16, 0.6], method="lanczos", rng=1)
    table = symrank.count(np.eye(3), [0.0, 2.0], method="lanczos", rng=1)
    with pytest.raises(OptionError, match="confidence"):
        table.intervals(95)


def test_nothing_has_a_table_of_zeros():
    for method in (None, "lanczos", "dense"):
        table = symrank.count(np.zeros((0, 0)), [0, 1, 2], method=method)
        assert table.counts.tolist() == [0, 0]


def test_a_run_that_is_stopped_says_so():
    calls = []

    def stop(now):
        calls.append(now)
        if now.interval is not None:
            raise KeyboardInterrupt

    table = symrank.count(gallery.diagonal(LAM), EDGES, method="lanczos", progress=stop, **OPTIONS)
    assert {row.status.name for row in table} == {"INTERRUPTED"}
    low, high = table.intervals(1.0 - 1e-9)
    assert (low <= TRUTH).all()
    assert (high >= TRUTH).all()


def test_an_operator_that_breaks_leaves_the_count_of_the_whole():
    products = []

    def matmat(X):
        products.append(X.shape[1])
        return LAM[:, None] * X * (np.nan if sum(products) > 700 else 1.0)

    A = spla.LinearOperator(
        (LAM.size, LAM.size), matvec=lambda x: matmat(x[:, None])[:, 0], matmat=matmat, dtype=float
    )
    with pytest.raises(NonFiniteError) as caught:
        symrank.count(A, EDGES, method="lanczos", **OPTIONS)
    known = caught.value.result
    assert known.between == (-INF, INF)
    assert known.interval() == (LAM.size, LAM.size)
