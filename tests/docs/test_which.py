"""The table *which method when* has a row for every method, and promises no less memory."""

import importlib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

import symrank
from symrank.methods import BY_NAME

DOCS = Path(__file__).parents[2] / "docs"
N = 10_000  # so large that what does not grow with n is little


@pytest.fixture
def which(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("which")


def test_every_method_has_its_row(which):
    assert set(which.CHOICE) == set(BY_NAME)
    assert all(name in "".join(which.which()) for name in BY_NAME)


class Widest:
    """A diagonal operator that remembers the widest block it has multiplied."""

    def __init__(self):
        self.width = 1
        lam = np.concatenate([np.zeros(N // 2), np.linspace(0.5, 1.0, N // 2)])[:, None]

        def product(X):
            X = np.reshape(X, (N, -1))
            self.width = max(self.width, X.shape[1])
            return lam * X

        self.operator = LinearOperator((N, N), matvec=product, matmat=product, dtype=float)


@pytest.mark.parametrize("name", BY_NAME)
def test_memory_is_so_many_blocks(which, name):
    if which.CHOICE[name].blocks is None:
        pytest.skip("its memory is not a matter of blocks")

    def ask():
        widest = Widest()
        tracemalloc.start()
        try:
            found = symrank.rank(widest.operator, name, rng=1, max_matvecs=150, check=False)
            width = max(widest.width, found.diagnostics.get("num_columns", 0))
            return tracemalloc.get_traced_memory()[1] / (8 * N * width)
        finally:
            tracemalloc.stop()

    ask()  # compiles and imports
    assert ask() <= which.CHOICE[name].blocks
