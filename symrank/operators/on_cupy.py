r"""Arrays, sparse matrices and operators of CuPy, and tensors of PyTorch on a GPU, where they are.

Nothing here is imported before such an object is met. Products stay on the device, and so do the
blocks that a kernel works on (`symrank.operators.on_device` says what happens to a block of the
host). A sparse or diagonal real matrix is handed to the kernel, which multiplies in its own pass;
a complex one, B + i C, as two real ones with pairs of columns. A dense matrix is multiplied by the
library; one of single precision in tiles of double, as `symrank.operators.sums` says why.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from symrank import kernels
from symrank.errors import OperatorError
from symrank.kernels.multiplicands import Csr, Diagonal, Multiplicand
from symrank.operators.base import Operator
from symrank.operators.facts import DenseForm, Facts, Work
from symrank.operators.scipy_adapter import multiplies_blocks
from symrank.operators.shapes import square_size, working_dtype
from symrank.operators.sums import is_single, widened
from symrank.operators.tensors import SHORT, is_tensor
from symrank.support import foreign
from symrank.support.typing import Array, FloatArray

__all__ = ["KERNEL", "CupyDense", "CupyOperator", "CupySparse", "operator_of"]

KERNEL = "gpu_cupy"
TILE = 1 << 24  # entries of single precision that are converted at a time: 128 MB of doubles


def operator_of(A: Any) -> Operator:
    """Return what CuPy or PyTorch has on a device as an operator whose blocks stay there.

    Raises
    ------
    MissingBackendError
        Where CuPy, or a driver, is missing.
    OperatorError
        Where `A` is not square, holds no numbers, or lives on a device that is not the current one.
    """
    kernels.load(KERNEL)
    import cupy
    import cupyx.scipy.sparse
    import cupyx.scipy.sparse.linalg

    if is_tensor(A):
        return _of_tensor(A)
    if isinstance(A, cupyx.scipy.sparse.linalg.LinearOperator):
        return CupyOperator(A)
    if cupyx.scipy.sparse.issparse(A):
        square_size(A.shape)
        csr = A.tocsr()
        if not csr.has_canonical_format:
            csr = csr.copy() if csr is A else csr  # the next line works in place
            csr.sum_duplicates()
        return CupySparse(csr.indptr, csr.indices, csr.data)
    if isinstance(A, cupy.ndarray):
        return CupyDense(A)
    raise OperatorError(
        f"got {type(A).__module__}.{type(A).__name__}, which is not an operator. Pass a "
        "cupy.ndarray, a matrix of cupyx.scipy.sparse or a cupyx.scipy.sparse.linalg."
        "LinearOperator."
    )


def _of_tensor(A: Any) -> Operator:
    """Return a tensor of PyTorch by its memory, which is shared."""
    from cupy import from_dlpack

    A = A.detach()
    if str(A.dtype) in SHORT:
        A = A.float()
    if not str(A.layout).startswith("torch.sparse"):
        return CupyDense(from_dlpack(A.resolve_conj().resolve_neg()))
    if len(A.shape) != 2 or A.values().ndim != 1:
        raise OperatorError(
            f"this sparse tensor of shape {tuple(A.shape)} is no matrix of numbers. Pass a "
            "two-dimensional one without blocks, or tensor.to_dense()."
        )
    square_size(tuple(A.shape))
    A = A.to_sparse_coo().coalesce().to_sparse_csr()
    parts = (A.crow_indices(), A.col_indices(), A.values().resolve_conj().resolve_neg())
    return CupySparse(*map(from_dlpack, parts))


def _refuse_other_device(array: Any) -> None:
    """Raise where an array lives on a device that is not the current one."""
    import cupy

    own, current = array.device.id, cupy.cuda.Device().id
    if own != current:
        raise OperatorError(
            f"A lives on device {own}, and the current device is {current}: run inside of "
            f"`with cupy.cuda.Device({own}):`, or move A."
        )


class _CupyMatrix(Operator):
    """A matrix whose entries lie on a device."""

    _follows_parts = True

    def __init__(self, shape: tuple[int, ...], dtype: Any, values: Any, name: str) -> None:
        super().__init__(shape, dtype, name=name, is_explicit=True)
        self.kernel = KERNEL
        self._values = values
        self._largest = _largest(self._kernels, values)

    @property
    def _kernels(self) -> Any:
        return kernels.load(KERNEL)

    def scale_hint(self) -> float:
        """Return the largest absolute entry (of real and imaginary parts); NaN where one is NaN."""
        return self._largest

    def _with_work(self, work: Work) -> Facts:
        dense = DenseForm(shape=self.shape)
        return replace(Operator._facts(self), work=work, dense=dense, largest_stored=self._largest)


class CupyDense(_CupyMatrix):
    """A dense matrix on a device.

    Parameters
    ----------
    A
        (n, n) ``cupy.ndarray``; shared where it has a working dtype.

    Raises
    ------
    OperatorError
        Where `A` is not square or holds no numbers, or lives on another device than the current.
    """

    def __init__(self, A: Any) -> None:
        square_size(A.shape)
        _refuse_other_device(A)
        self.entries = A.astype(working_dtype(A.dtype), copy=False)
        super().__init__(A.shape, self.entries.dtype, self.entries, "dense CuPy matrix")

    def _facts(self) -> Facts:
        return self._with_work(Work(in_order=float(self.n) ** 2, rows=self.n))

    def _matmat(self, X: Any) -> Any:
        if not is_single(self.dtype):
            return self._kernels.fitted(self.entries @ X, self.dtype)
        wide = widened(self.dtype)
        product, X = self._kernels.empty(*X.shape, self.dtype), X.astype(wide)
        step = max(1, TILE // max(self.n, 1))
        for first in range(0, self.n, step):
            rows = slice(first, first + step)
            product[rows] = (self.entries[rows].astype(wide) @ X).astype(self.dtype)
        return product

    def to_dense(self) -> Array:
        """Return a copy of the entries on the host."""
        return np.array(self._kernels.host(self.entries))

    def _diagonal(self) -> Array:
        return np.asarray(self._kernels.host(self.entries.diagonal()))


class CupySparse(_CupyMatrix):
    """A sparse matrix on a device: CSR with sorted and unique indices.

    Parameters
    ----------
    indptr, indices, data
        Its arrays, shared where `data` has a working dtype.

    Raises
    ------
    OperatorError
        Where `data` holds no numbers, or lives on another device than the current one.
    """

    def __init__(self, indptr: Any, indices: Any, data: Any) -> None:
        _refuse_other_device(data)
        n = int(indptr.shape[0]) - 1
        self.indptr, self.indices = indptr, indices
        self.data = data.astype(working_dtype(data.dtype), copy=False)
        super().__init__((n, n), self.data.dtype, self.data, "sparse CuPy matrix")
        parts = [self.data] if self.dtype.kind == "f" else [self.data.real, self.data.imag]
        real = self.data.real.dtype
        self._parts = [self._kernels.fitted(part, real) for part in parts]

    def _facts(self) -> Facts:
        return self._with_work(Work(by_index=float(self.data.shape[0]), rows=self.n))

    def multiplicand(
        self, *, is_summed: bool = False
    ) -> tuple[Callable[[Array], Multiplicand], bool]:
        """Let the kernel multiply by a real matrix; see `Operator.multiplicand`."""
        if self.dtype.kind != "f":
            return super().multiplicand(is_summed=is_summed)
        d = self._as_diagonal()
        if d is not None:
            return lambda X: Diagonal(d, X), True
        return lambda X: Csr(self.indptr, self.indices, self.data, X), False

    def _as_diagonal(self) -> Any:
        """Return the diagonal of a matrix that has no other entries, (n,); None for any other."""
        if not 0 < self.data.shape[0] <= self.n:
            return None
        xp, lengths = self._kernels.xp, self.indptr[1:] - self.indptr[:-1]
        if int(xp.max(lengths)) > 1 or bool(xp.any(xp.nonzero(lengths)[0] != self.indices)):
            return None
        d = xp.zeros(self.n, dtype=self.dtype)
        d[self.indices] = self.data
        return d

    def _matmat(self, X: Any) -> Any:
        K = self._kernels
        pairs = X.view(self.dtype.type(0).real.dtype) if self.dtype.kind == "c" else X
        products = [
            K.multiply(Csr(self.indptr, self.indices, part, pairs)).view(self.dtype)
            for part in self._parts
        ]
        return products[0] + 1j * products[1] if len(products) == 2 else products[0]

    def _on_host(self) -> Any:
        parts = map(self._kernels.host, (self.data, self.indices, self.indptr))
        return sp.csr_array(tuple(parts), shape=self.shape)

    def to_dense(self) -> Array:
        """Return the entries as a fresh array on the host."""
        dense: Array = self._on_host().toarray()
        return dense

    def _diagonal(self) -> FloatArray:
        return np.asarray(self._on_host().diagonal())


class CupyOperator(Operator):
    """A ``LinearOperator`` of CuPy, with or without ``matmat``.

    The caller's code is given a copy of the block on the device, and what it returns must be a
    CuPy array of the right shape. Whether it is finite is seen from the sums of a step, at the end
    of a segment: to look at every product would make the device wait.

    Parameters
    ----------
    A
        (n, n) ``cupyx.scipy.sparse.linalg.LinearOperator``, taken to be its own adjoint.

    Raises
    ------
    OperatorError
        Where `A` is not square, or its products are none of its dtype.
    """

    _follows_parts = True

    def __init__(self, A: Any) -> None:
        import cupyx.scipy.sparse.linalg

        super().__init__(A.shape, working_dtype(A.dtype), name="CuPy LinearOperator")
        self.kernel, self.is_foreign = KERNEL, True
        self.linear_operator = A
        base = cupyx.scipy.sparse.linalg.LinearOperator
        self._takes_blocks = multiplies_blocks(A, base=base)

    def _matmat(self, X: Any) -> Any:
        return self._summed(X).copy()  # the caller's code may return one buffer again and again

    def _summed(self, X: Any) -> Any:
        K, A = kernels.load(KERNEL), self.linear_operator
        if self._takes_blocks:
            return K.fitted(self._called(A.matmat, X.copy(), X.shape), self.dtype)
        product = K.empty(*X.shape, self.dtype)
        for j in range(X.shape[1]):
            product[:, j] = self._called(A.matvec, X[:, j].copy(), X.shape[:1])
        return product

    def _called(self, call: Callable[[Any], Any], X: Any, shape: tuple[int, ...]) -> Any:
        """Return what the caller's code makes of X, looked at but for its numbers."""
        import cupy

        with foreign.callers_code():
            Y = call(X)
        remedy = f"Return a fresh CuPy array of shape {shape} and dtype {self.dtype}."
        if not isinstance(Y, cupy.ndarray):
            raise OperatorError(
                f"a product with the LinearOperator is a {type(Y).__module__}.{type(Y).__name__}, "
                f"and A is multiplied on the device. {remedy}"
            )
        if Y.shape != shape or Y.dtype.kind not in "biufc":
            raise OperatorError(
                f"the LinearOperator turned columns of shape {shape} into {Y.dtype} of shape "
                f"{Y.shape}. {remedy}"
            )
        if Y.dtype.kind == "c" and self.dtype.kind != "c":
            raise OperatorError(
                f"the LinearOperator states dtype {self.dtype}, but its product is {Y.dtype}. "
                "Construct it with dtype=complex, or return the real part where the other is "
                "rounding."
            )
        return Y


def _largest(K: Any, values: Any) -> float:
    """Return max |a_ij| by one number that is read back; see `operators.matrix.largest_entry`."""
    if not values.size:
        return 0.0
    parts = (values.real, values.imag) if values.dtype.kind == "c" else (values,)
    return float(max((float(K.xp.max(K.xp.abs(part))) for part in parts), key=_nan_first))


def _nan_first(x: float) -> tuple[bool, float]:
    return x != x, x
