"""A kernel of a GPU says what is missing, and refuses what it would misread."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from symrank import kernels
from symrank.errors import MissingBackendError, OperatorError
from symrank.kernels.multiplicands import Csr, Given
from tests.device import plain_cupy


@pytest.fixture
def load(monkeypatch):
    """Load the kernel file with something in the place of CuPy, and leave no trace."""

    def loaded(cupy):
        monkeypatch.delitem(sys.modules, "symrank.kernels.gpu_cupy", raising=False)
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        return kernels.load("gpu_cupy")

    yield loaded
    sys.modules.pop("symrank.kernels.gpu_cupy", None)


def test_no_cupy(load):
    with pytest.raises(MissingBackendError, match=r"not installed: pip install cupy-cuda12x"):
        load(None)
    with pytest.raises(MissingBackendError, match=r"kernel=\"cpu_numba\" runs everywhere"):
        load(None)


def test_cupy_that_cannot_be_imported(monkeypatch, load, tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError('libcuda.so.1: cannot open')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.delitem(sys.modules, "symrank.kernels.gpu_cupy", raising=False)
    with pytest.raises(MissingBackendError, match=r"cannot be imported \(libcuda.*the driver"):
        kernels.load("gpu_cupy")


def raising():
    raise RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")


@pytest.mark.parametrize(
    ("count", "said"),
    [(lambda: 0, "counts 0 devices"), (raising, "cudaErrorInsufficientDriver")],
    ids=["no device", "no driver"],
)
def test_cupy_without_a_device(load, count, said):
    cupy = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=count))
    with pytest.raises(MissingBackendError, match=rf"finds none \(.*{said}.*install the driver"):
        load(cupy)


@pytest.mark.parametrize(
    "spoil",
    [
        np.asfortranarray, lambda X: X[:-1], lambda X: X.astype(np.float32),
        lambda X: np.repeat(X, 2, axis=1)[:, ::2], list,
    ],
    ids=["order", "rows", "dtype", "stride", "list"],
)  # fmt: skip
def test_a_launch_refuses_what_it_would_misread(spoil):
    gpu = plain_cupy.load("gpu_cupy")
    U, W, ones = (np.ones((5, 3)) for _ in range(3))
    with pytest.raises(OperatorError, match=r"a kernel on the device takes"):
        gpu.lanczos_step(Given(spoil(ones)), U, W, np.ones(3), np.zeros(3))
    with pytest.raises(OperatorError, match=r"a kernel on the device takes"):
        gpu.chebyshev_step(Given(ones), U, spoil(W), 1.0, 0.0)
    np.testing.assert_array_equal(W, 1.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"indptr": np.array([0, 1, 2], np.int64)}, r"int32 in C order, and got \(3,\) of int64"),
        ({"indptr": np.array([0, 1], np.int32)}, r"array \(3,\) of int32 .* and got \(2,\)"),
        ({"data": np.ones(3)}, r"array \(2,\) of float64 .* and got \(3,\)"),
        ({"data": np.ones(2, np.float32)}, r"of float64 .* and got \(2,\) of float32"),
    ],
)
def test_a_sparse_matrix_that_does_not_fit_is_refused(change, said):
    gpu = plain_cupy.load("gpu_cupy")
    U, W = np.ones((2, 1)), np.ones((2, 1))
    product = Csr(np.array([0, 1, 2], np.int32), np.array([0, 1], np.int32), np.ones(2), U)
    with pytest.raises(OperatorError, match=said):
        gpu.chebyshev_step(product._replace(**change), U, W, 1.0, 0.0)
