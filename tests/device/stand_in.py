"""A stand-in for CuPy: memory of the host behind arrays that refuse to be mixed with NumPy's.

It does what CuPy does where the two are asked to meet: no implicit conversion, no arithmetic with
an array of the host. Kernels are the GPU's own text, built by g++ (`tests.device.host`).
"""

import contextlib
import operator
import sys
from contextlib import contextmanager
from functools import partial
from types import ModuleType, SimpleNamespace

import numpy as np
import scipy.sparse as sp

from symrank import kernels
from symrank.kernels.coefficients import Coefficients
from symrank.kernels.multiplicands import Csr, Diagonal, Given
from symrank.operators.gemm import gemm
from symrank.support.probes import Noise
from tests.device import host

NAME = "symrank.kernels.gpu_cupy"


def _plain(x):
    """The memory of an operand; an array of the host is refused as CuPy refuses it."""
    if isinstance(x, ndarray):
        return x.memory
    if isinstance(x, np.ndarray) and x.ndim:
        raise TypeError(f"Unsupported type {type(x)}")
    return tuple(_plain(one) for one in x) if isinstance(x, tuple) else x


def _binary(name):
    call = getattr(operator, name)
    return (
        lambda self, other: ndarray(call(self.memory, _plain(other))),
        lambda self, other: ndarray(call(_plain(other), self.memory)),
    )


class ndarray:  # noqa: N801 - CuPy's name
    """Of a device."""

    __array_ufunc__ = None  # so that NumPy's scalars leave the arithmetic to it
    __module__ = "cupy"

    def __init__(self, memory, number=0):
        self.memory = np.asarray(memory)
        self.device = SimpleNamespace(id=number)

    def __array__(self, *_, **__):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct "
            "a NumPy array explicitly."
        )

    def __dlpack_device__(self):
        return 2, self.device.id

    def __getattr__(self, name):
        if name in {"shape", "dtype", "ndim", "size", "nbytes", "flags", "itemsize"}:
            return getattr(self.memory, name)
        if name in {"T", "real", "imag"}:
            return ndarray(getattr(self.memory, name))
        if name in {
            "astype",
            "copy",
            "view",
            "diagonal",
            "conj",
            "reshape",
            "max",
            "sum",
            "swapaxes",
        }:
            return lambda *a, **k: ndarray(getattr(self.memory, name)(*a, **k))
        raise AttributeError(name)

    @property
    def data(self):
        return SimpleNamespace(ptr=self.memory.ctypes.data)

    def get(self):
        return self.memory.copy()

    def __matmul__(self, other):
        A, X = self.memory, _plain(other)
        return ndarray(gemm(A, X) if A.dtype == X.dtype and X.ndim == 2 else A @ X)

    def __getitem__(self, index):
        return ndarray(self.memory[_plain(index)])

    def __setitem__(self, index, value):
        self.memory[_plain(index)] = _plain(value)

    def __float__(self):
        return float(self.memory)

    def __int__(self):
        return int(self.memory)

    def __bool__(self):
        return bool(self.memory)

    def __neg__(self):
        return ndarray(-self.memory)

    def __len__(self):
        return len(self.memory)

    def _in_place(self, call, other):
        self.memory[...] = call(self.memory, _plain(other))
        return self

    def __isub__(self, other):
        return self._in_place(operator.sub, other)

    def __iadd__(self, other):
        return self._in_place(operator.add, other)

    def __imul__(self, other):
        return self._in_place(operator.mul, other)


for _name in ("add", "sub", "mul", "truediv", "mod", "gt", "ne", "eq", "lt", "ge", "le"):
    _left, _right = _binary(_name)
    setattr(ndarray, f"__{_name}__", _left)
    setattr(ndarray, f"__r{_name}__", _right)


class csr_matrix:  # noqa: N801
    """Of `cupyx.scipy.sparse`: three arrays of the device; other formats become one of these."""

    __module__ = "cupyx.scipy.sparse"

    def __init__(self, matrix, kept="csr", shape=None):
        if isinstance(matrix, tuple):
            matrix = sp.csr_matrix(tuple(map(_plain, matrix)), shape=shape)
        matrix = matrix.get() if isinstance(matrix, csr_matrix) else matrix
        self._matrix, self.format = matrix, kept
        self.shape, self.dtype = matrix.shape, matrix.dtype

    @property
    def has_canonical_format(self):
        return self._matrix.has_canonical_format

    def __getattr__(self, name):
        if name in {"indptr", "indices", "data"}:
            return ndarray(getattr(self._matrix, name))
        raise AttributeError(name)

    @property
    def nnz(self):
        return self._matrix.nnz

    def __matmul__(self, X):
        return ndarray(self._matrix @ _plain(X))

    def tocsr(self):
        return self if self.format == "csr" else csr_matrix(sp.csr_matrix(self._matrix))

    def copy(self):
        return csr_matrix(self._matrix.copy(), self.format)

    def sum_duplicates(self):
        self._matrix.sum_duplicates()

    def get(self):
        return self._matrix.copy()


class LinearOperator:
    """Of `cupyx.scipy.sparse.linalg`: SciPy's class, with arrays of the device."""

    __module__ = "cupyx.scipy.sparse.linalg"

    def __new__(cls, *args, **_):
        kind = _CustomLinearOperator if cls is LinearOperator and args else cls
        return super().__new__(kind)

    def __init__(self, dtype, shape):
        self.dtype, self.shape = None if dtype is None else np.dtype(dtype), shape

    def _matmat(self, X):
        columns = [self.matvec(X[:, j : j + 1]).reshape(-1, 1) for j in range(X.shape[1])]
        return ndarray(np.hstack([column.memory for column in columns]))

    def _matvec(self, x):
        return self.matmat(x.reshape(-1, 1))

    def matvec(self, x):
        assert x.shape in {(self.shape[1],), (self.shape[1], 1)}
        return self._matvec(x)

    def matmat(self, X):
        if X.ndim != 2 or X.shape[0] != self.shape[1]:
            raise ValueError("dimension mismatch")
        return self._matmat(X)


class _CustomLinearOperator(LinearOperator):
    __module__ = "cupyx.scipy.sparse.linalg"

    def __init__(self, shape, matvec, rmatvec=None, matmat=None, dtype=None):
        super().__init__(dtype, shape)
        self.__matvec_impl, self.__matmat_impl = matvec, matmat

    def _matvec(self, x):
        return self.__matvec_impl(x)

    def _matmat(self, X):
        return super()._matmat(X) if self.__matmat_impl is None else self.__matmat_impl(X)


class RawModule(host.RawModule):
    """Takes arrays of the device alone, as CuPy does."""

    def get_function(self, name):
        run = super().get_function(name)

        def launch(grid, block, args, **options):
            assert not any(isinstance(one, np.ndarray) for one in args), f"{name} got host memory"
            run(grid, block, args, **options)

        return launch


class Pool:
    """What is free on the device, in bytes, and events in the order of what was done."""

    def __init__(self, free=2**34):
        self.free = free
        self.log = []

    def event(self, **_):
        log, number = self.log, sum(kind == "record" for kind, _ in self.log)
        return SimpleNamespace(
            record=lambda: log.append(("record", number)),
            synchronize=lambda: log.append(("wait", number)),
        )


class OutOfMemoryError(MemoryError):
    """Of `cupy.cuda.memory`."""


def _converted(kind, matrix):
    return csr_matrix(getattr(sp, f"{kind}_matrix")(matrix.get()), kind)


def _empty(shape, dtype=float):
    return ndarray(np.full(shape, 99, dtype))  # what an uninitialised array holds is no zero


def modules(pool, current=0, num_devices=1):
    """The modules that stand in, by name."""
    cupy, root, scipy, sparse, linalg = map(
        ModuleType,
        ("cupy", "cupyx", "cupyx.scipy", "cupyx.scipy.sparse", "cupyx.scipy.sparse.linalg"),
    )
    cuda = SimpleNamespace(
        runtime=SimpleNamespace(getDeviceCount=lambda: num_devices),
        Device=lambda *_: SimpleNamespace(id=current, mem_info=(pool.free, 2**40)),
        memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
        Event=pool.event,
    )
    functions = {
        name: (lambda call: lambda *a, **k: ndarray(call(*map(_plain, a), **k)))(getattr(np, name))
        for name in ("where", "max", "abs", "any", "zeros", "arange", "sort")
    }
    vars(cupy).update(
        ndarray=ndarray, empty=_empty, RawModule=RawModule, cuda=cuda, **functions,
        asarray=lambda x: x if isinstance(x, ndarray) else ndarray(np.array(x)),
        asnumpy=lambda x: x.get() if isinstance(x, ndarray) else np.asarray(x),
        ascontiguousarray=lambda x, dtype=None: ndarray(
            np.ascontiguousarray(_plain(x), dtype=dtype)
        ),
        nonzero=lambda x: tuple(map(ndarray, np.nonzero(_plain(x)))),
        from_dlpack=lambda x: ndarray(np.from_dlpack(x)),
        get_default_memory_pool=lambda: SimpleNamespace(free_bytes=lambda: 0),
    )  # fmt: skip
    sparse.issparse, sparse.csr_matrix = lambda A: isinstance(A, csr_matrix), csr_matrix
    for kind in ("csc", "coo"):
        setattr(sparse, f"{kind}_matrix", partial(_converted, kind))
    linalg.LinearOperator = LinearOperator
    root.scipy, scipy.sparse, sparse.linalg = scipy, sparse, linalg
    return {one.__name__: one for one in (cupy, root, scipy, sparse, linalg)}


@contextmanager
def hidden(*names):
    """Without these modules, and with what was there before put back at the end."""
    kept = {name: sys.modules.pop(name, None) for name in names}
    try:
        yield
    finally:
        for name, module in kept.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
        with contextlib.suppress(AttributeError):
            delattr(kernels, "gpu_cupy")


@contextmanager
def installed(free=2**34, current=0, num_devices=1):
    """CuPy as it is with a device of `free` bytes; yields the pool, whose memory may change."""
    pool = Pool(free)
    found = modules(pool, current, num_devices)
    with hidden(NAME, *found):
        sys.modules.update(found)
        yield pool


@contextmanager
def quick():
    """A device whose kernels are the compiled ones of the host, for what is not about kernels."""
    with installed() as pool:
        there, here = kernels.load("gpu_cupy"), kernels.load("cpu_numba")
        for name in (
            "lanczos_step",
            "golub_kahan_step",
            "chebyshev_step",
            "langevin_step",
            "multiply",
            "draw",
        ):
            setattr(there, name, _over_host(getattr(here, name)))
        yield pool


def _over_host(call):
    def memory(x):
        return type(x)(*map(_plain, x)) if isinstance(x, Csr | Diagonal | Given) else _plain(x)

    def run(*args):
        kept = [x if isinstance(x, Coefficients | Noise) else memory(x) for x in args]
        found = call(*kept)
        return tuple(map(ndarray, found)) if isinstance(found, tuple) else ndarray(found)

    return run
