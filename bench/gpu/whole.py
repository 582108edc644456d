"""Whole runs: the rank of a matrix with five nonzeros a row, and of the Hessian of a model."""

import time
from types import ModuleType
from typing import Any

import numpy as np

import symrank
from bench.gpu.sizes import Sizes

__all__ = ["large_matrix", "model"]


def ring(K: ModuleType, rows: int, offset: int) -> Any:
    """Return the Laplacian of a ring with far neighbours, made on the device; its nullity is 1."""
    from cupyx.scipy.sparse import csr_matrix

    xp = K.xp
    row = xp.arange(rows, dtype="int64")[:, None]
    steps = K.block(np.array([-offset, -1, 0, 1, offset], np.int64))[None, :]
    columns = xp.sort((row + steps + rows) % rows, axis=1)
    data = xp.where(columns == row, 4.0, -1.0).reshape(-1)
    indptr = xp.arange(0, 5 * rows + 1, 5, dtype="int32")
    indices = columns.astype("int32").reshape(-1)
    return csr_matrix((data, indices, indptr), shape=(rows, rows))


def said(result: Any, truth: int | None) -> dict[str, Any]:
    low, high = result.interval()
    return {
        "n": result.n, "rank": result.rank, "low": low, "high": high, "truth": truth,
        "covers": None if truth is None else low <= truth <= high, "kernel": result.kernel,
        "status": result.status.name, "products": result.num_matvecs, "seconds": result.seconds,
    }  # fmt: skip


def large_matrix(K: ModuleType, sizes: Sizes) -> dict[str, Any]:
    """Return what `rank` says, method and all left to it but the budget."""
    start = time.perf_counter()
    A = ring(K, sizes.rows, sizes.offset)
    K.record().synchronize()
    built = time.perf_counter() - start
    method = None if sizes.rows > 4096 else "lanczos"  # a small one would be counted on the host
    result = symrank.rank(A, method, max_matvecs=sizes.budget, rng=1)
    return {"nnz": int(A.nnz), "seconds_to_build": built, **said(result, sizes.rows - 1)}


def model(K: ModuleType, sizes: Sizes) -> dict[str, Any]:
    """Return what `rank` says of a model whose Hessian is multiplied, and stays, on the device."""
    try:
        import torch
    except ModuleNotFoundError:
        return {"missing": "PyTorch is not installed: pip install torch, built for CUDA."}
    if not torch.cuda.is_available():
        return {"missing": "PyTorch finds no GPU: install its build for CUDA."}
    from cupyx.scipy.sparse.linalg import LinearOperator

    import symrank.torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, sizes.layer), torch.nn.Tanh(), torch.nn.Linear(sizes.layer, 10)
    ).cuda()
    x, y = torch.randn(512, 64).cuda(), torch.randint(0, 10, (512,)).cuda()
    H = symrank.torch.from_model(net, [(x, y)], torch.nn.functional.cross_entropy)

    def product(X: Any) -> Any:
        return K.xp.from_dlpack(H.product(torch.from_dlpack(X)).contiguous())

    A = LinearOperator(
        H.shape, matvec=lambda v: product(v[:, None])[:, 0], matmat=product, dtype=str(H.dtype)
    )
    found = {"noise": float(H.noise)}
    for name, operator in (("on the device", A), ("through the host", H)):
        result = symrank.rank(operator, "lanczos", noise=H.noise, max_matvecs=sizes.budget, rng=1)
        found[name] = said(result, None)
    return found
