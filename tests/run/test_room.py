"""Memory is known before it is taken."""

import numpy as np
import pytest

import symrank
from symrank import gallery
from symrank.errors import MemoryShortError
from symrank.run import room
from tests.run.problems import by_products


def test_a_run_that_cannot_fit_says_so_before_its_first_product(monkeypatch):
    monkeypatch.setattr(room, "free_bytes", lambda: 1e6)
    A = gallery.diagonal(np.ones(2000))
    with pytest.raises(MemoryShortError, match=r"n = 2000 takes 0\.0894 GiB .*lanczos"):
        symrank.rank(A, "dense")
    told = []
    with pytest.raises(MemoryError, match="num_probes=1"):
        symrank.rank(by_products(n=20_000), "lanczos", progress=told.append)
    assert told == []
    assert symrank.rank(by_products(n=20_000), symrank.Lanczos(num_probes=1)).n == 20_000


def test_a_later_round_that_cannot_fit_is_left_out_and_said(monkeypatch):
    A, options = by_products(), {"method": "lanczos", "precision": 0.01, "rng": 3}
    first = symrank.rank(A, **options)
    size = 2 * 300 * 8 * 8  # of the first eight probes
    monkeypatch.setattr(room, "free_bytes", lambda: size)
    assert symrank.rank(A, **options).notes == first.notes  # so little is not asked for
    monkeypatch.setattr(room, "SMALL", 0)
    found = symrank.rank(A, **options)
    assert found.diagnostics["num_probes"] == 8 < first.diagnostics["num_probes"]
    assert "a further round was left out" in found.notes[-1]
    assert found.interval()[0] <= 200 <= found.interval()[1]
