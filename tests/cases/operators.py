"""Operators with a dense twin and an exact rank: the list that tests of every layer share.

The twin is made without the operator under test: by NumPy from the same ingredients.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank import Preconditioner, gallery
from symrank.operators import (
    Congruent,
    LinearNetworkHessian,
    Operator,
    Scaled,
    Squared,
    as_operator,
    augmented,
    gram,
    kron,
)

HALF = np.repeat([0.0, 0.5, 1.0], 4)  # rank 8 of 12
SIGNED = np.repeat([-1.0, 0.0, 0.5], 4)  # rank 8 of 12, indefinite


@dataclass(frozen=True)
class Case:
    operator: Operator
    twin: np.ndarray
    rank: int


def rectangular(dtype=float, m=7, n=5, rank=3):
    rng = np.random.default_rng(11)
    left, right = gallery.haar(m, rng, dtype), gallery.haar(n, rng, dtype)
    return np.ascontiguousarray((left[:, :rank] * [3.0, 2.0, 1.0][:rank]) @ right[:rank])


def hermitian(dtype=float, lam=HALF):
    return gallery.dense(lam, 5, dtype)


def network_hessian_twin(weights, sigma_x=None):
    """2 Phi Phi^T with Phi assembled by np.kron in the row-major convention."""
    d_x, d_y = weights[0].shape[1], weights[-1].shape[0]
    root = np.eye(d_x) if sigma_x is None else scipy.linalg.sqrtm(sigma_x).real
    blocks = []
    for k in range(len(weights)):
        before, after = root, np.eye(d_y)
        for W in weights[:k]:
            before = W @ before
        before = before if k else root
        for W in weights[:k:-1]:
            after = after @ W
        blocks.append(np.kron(after.T, before))
    Phi = np.concatenate(blocks)
    return 2 * Phi @ Phi.T


def _vector_only(A):
    """A LinearOperator whose function knows vectors of shape (n,) and nothing else."""

    def matvec(x):
        assert x.ndim == 1
        return A @ x

    return spla.LinearOperator(A.shape, matvec=matvec, rmatvec=lambda x: A.conj().T @ x)


def _dense(dtype, order="C"):
    A = np.asarray(hermitian(dtype), order=order)
    return Case(as_operator(A), A, 8)


def _sparse(kind, dtype=float):
    A = scipy.linalg.block_diag(hermitian(dtype), hermitian(dtype, SIGNED)).astype(dtype)
    return Case(as_operator(kind(A)), A, 16)


def _scipy(make, dtype=float):
    A = hermitian(dtype)
    return Case(as_operator(make(A)), A, 8)


def _augmented(make, dtype=float):
    A = rectangular(dtype)
    twin = np.block([[np.zeros((7, 7)), A], [A.conj().T, np.zeros((5, 5))]]).astype(dtype)
    return Case(augmented(make(A)), twin, 6)


def _gram(make, side, dtype=float):
    A = rectangular(dtype)
    twin = A.conj().T @ A if side == "columns" else A @ A.conj().T
    return Case(gram(make(A), side=side), twin, 3)


def _kron(*parts):
    twin = np.ones((1, 1), dtype=parts[0].dtype)
    for part in parts:
        twin = np.kron(twin, part.toarray() if sp.issparse(part) else part)
    ranks = [np.linalg.matrix_rank(p.toarray() if sp.issparse(p) else p) for p in parts]
    return Case(kron(*parts), twin, int(np.prod(ranks)))


def _network(widths, sigma_x=None, dtype=float):
    network = gallery.linear_network(0, widths=widths, rng=3)
    weights = [W.astype(dtype) for W in network.weights]
    twin = network_hessian_twin(weights, sigma_x).astype(dtype)
    return Case(LinearNetworkHessian(weights, sigma_x), twin, widths[0] * widths[-1])


def _spiked():
    A = gallery.spiked_covariance(15, 4, 7)
    F = A.factor.forward(np.eye(4))
    return Case(A, F @ F.T, 4)


def _laplacian():
    L = gallery.grid_laplacian((4, 5), 0.4, 8)
    return Case(as_operator(L), L.toarray(), gallery.laplacian_rank(L))


def _congruent(kind, dtype=float, factor_dtype=float, A=None):
    A = hermitian(dtype, SIGNED) if A is None else A
    rng = np.random.default_rng(4)
    S = np.tril(rng.standard_normal(A.shape) / 4, -1) + np.eye(len(A))
    if np.dtype(factor_dtype).kind == "c":
        S = S * 1j ** np.arange(len(A))
    S = S.astype(factor_dtype)
    lower = min(np.dtype(dtype).type(0).real.dtype, S.real.dtype, key=lambda kind: kind.itemsize)
    twin = (S.conj().T @ A @ S).astype(np.result_type(lower, *("F",) * (A.dtype.kind == "c")))
    return Case(Congruent(as_operator(A), Preconditioner.from_factor(kind(S)).factor), twin, 8)


def _congruent_diagonal():
    d = np.linspace(0.5, 2.0, 5)
    factor = Preconditioner.diagonal(d**2).factor
    twin = rectangular().T @ rectangular() * np.outer(d, d)
    return Case(Congruent(gram(rectangular()), factor), twin, 3)


SMALL = gallery.dense([2.0, 1.0, 0.0], 1)
COMPLEX = gallery.dense([2.0, -1.0, 0.0, 0.0], 2, complex)
COVARIANCE = gallery.dense([4.0, 2.0, 1.0], 9)

CASES: dict[str, Callable[[], Case]] = {
    "dense float64": lambda: _dense(np.float64),
    "dense float32": lambda: _dense(np.float32),
    "dense complex64": lambda: _dense(np.complex64),
    "dense complex128": lambda: _dense(np.complex128),
    "dense Fortran": lambda: _dense(np.float64, "F"),
    "csr_array": lambda: _sparse(sp.csr_array),
    "csc_matrix float32": lambda: _sparse(sp.csc_matrix, np.float32),
    "coo_array complex": lambda: _sparse(sp.coo_array, complex),
    "bsr_array": lambda: _sparse(sp.bsr_array),
    "dia_matrix": lambda: _sparse(sp.dia_matrix),
    "lil_matrix": lambda: _sparse(sp.lil_matrix),
    "dok_array": lambda: _sparse(sp.dok_array),
    "LinearOperator": lambda: _scipy(spla.aslinearoperator),
    "LinearOperator complex": lambda: _scipy(spla.aslinearoperator, complex),
    "LinearOperator of vectors": lambda: _scipy(_vector_only),
    "LinearOperator sum": lambda: _scipy(lambda A: 0.5 * _vector_only(A) + _vector_only(A / 2)),
    "augmented": lambda: _augmented(np.asarray),
    "augmented complex": lambda: _augmented(np.asarray, complex),
    "augmented sparse": lambda: _augmented(sp.csc_array, complex),
    "augmented LinearOperator": lambda: _augmented(_vector_only),
    "gram": lambda: _gram(np.asarray, "columns"),
    "gram rows complex": lambda: _gram(np.asarray, "rows", complex),
    "gram sparse float32": lambda: _gram(sp.coo_matrix, "columns", np.float32),
    "gram rows LinearOperator": lambda: _gram(_vector_only, "rows"),
    "gram of an operator": lambda: Case(
        gram(as_operator(hermitian())), hermitian() @ hermitian(), 8
    ),
    "kron dense": lambda: _kron(SMALL, hermitian()),
    "kron three": lambda: _kron(SMALL, hermitian(lam=HALF[::3]), SMALL),
    "kron sparse": lambda: _kron(sp.csr_array(SMALL), SMALL, sp.csr_array(SMALL)),
    "kron complex and real": lambda: _kron(SMALL, COMPLEX, sp.csr_array(SMALL)),
    "kron float32": lambda: _kron(SMALL.astype(np.float32), SMALL.astype(np.float32)),
    "network square": lambda: _network((3, 3, 3, 3)),
    "network float32": lambda: _network((2, 3, 2), dtype=np.float32),
    "network covariance": lambda: _network((3, 4, 2), COVARIANCE),
    "network wide output": lambda: _network((2, 3, 2, 4)),
    "network one layer": lambda: _network((3, 2), COVARIANCE),
    "scaled dense": lambda: Case(Scaled(as_operator(hermitian()), 0.25), hermitian() / 4, 8),
    "scaled gram": lambda: Case(
        Scaled(gram(rectangular()), 8.0), 8 * rectangular().T @ rectangular(), 3
    ),
    "squared": lambda: Case(
        Squared(as_operator(hermitian(complex, SIGNED))),
        np.linalg.matrix_power(hermitian(complex, SIGNED), 2),
        8,
    ),
    "congruent": lambda: _congruent(np.asarray),
    "congruent float32": lambda: _congruent(np.asarray, np.float32),
    "congruent by float32": lambda: _congruent(sp.csr_array, float, np.float32),
    "congruent complex": lambda: _congruent(sp.csr_array, complex, complex),
    "congruent complex by real": lambda: _congruent(np.asfortranarray, complex),
    "congruent by LinearOperator": lambda: _congruent(_vector_only, np.complex64, np.float32),
    "congruent by a diagonal": _congruent_diagonal,
    "spiked covariance": _spiked,
    "laplacian": _laplacian,
    "empty": lambda: Case(as_operator(np.zeros((0, 0))), np.zeros((0, 0)), 0),
    "one": lambda: Case(as_operator([[3]]), np.array([[3.0]]), 1),
}
