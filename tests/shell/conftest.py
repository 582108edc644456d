"""Fixtures only: matrices in files."""

import numpy as np
import pytest
import scipy.io

from symrank import gallery

SEED = 20240131


@pytest.fixture
def indefinite(tmp_path):
    """A matrix of order 40 with 10 zero eigenvalues, in a file."""
    path = tmp_path / "indefinite.npy"
    np.save(path, gallery.dense(gallery.SPECTRA["indefinite"](40), SEED))
    return str(path)


@pytest.fixture
def grid(tmp_path):
    path = tmp_path / "grid.mtx"
    scipy.io.mmwrite(path, gallery.grid_laplacian((15, 20), remove=0.6, rng=SEED))
    return str(path)
