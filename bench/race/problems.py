"""Problems of the race: a matrix, its rank, and its largest and smallest non-zero |eigenvalue|.

Some libraries draw vectors of signs, which are exact on a diagonal, and one takes matrices alone.
So a known spectrum is not put on the diagonal: it is shuffled, cut into blocks of 16, and every
block is turned by a Haar rotation. That is a sparse matrix on which the variance of signs comes
within a ninth of that on a general one, and Gaussian vectors cannot tell the difference at all.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

from bench.matrices.real import load
from bench.paper.setup import network, spectrum
from symrank import gallery

BLOCK = 16
GALLERY_SIZE = 2000
WIDTHS = (8, 16, 32, 64, 128)
SPECTRA = ("marchenko-pastur", "indefinite")
REAL = {
    "lap_polblogs": "graph Laplacian",
    "fem_octopus": "finite elements",
    "cov_mnist_300": "covariance",
    "lp_degen3": "LP normal matrix",
    "dcflow_case2383wp": "power network",
    "hess_Q25FV47": "QP Hessian",
    "adj_bcspwr06": "adjacency, indefinite",
    "illc1033": "least squares, indefinite",
}


@dataclass(frozen=True)
class Problem:
    """What a contestant gets to see; `rank` is for the judge."""

    name: str
    kind: str
    matrix: Any  # CSR
    rank: int
    largest: float
    smallest: float  # non-zero, in modulus
    is_indefinite: bool

    @property
    def n(self) -> int:
        """Size."""
        return int(self.matrix.shape[0])


class Counted(LinearOperator):
    """The products of a symmetric matrix, counted a vector."""

    def __init__(self, matrix: Any) -> None:
        super().__init__(np.dtype(np.float64), matrix.shape)
        self._matrix = matrix
        self.products = 0

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        self.products += 1
        return self._matrix @ x

    def _matmat(self, X: np.ndarray) -> np.ndarray:
        self.products += X.shape[1]
        return self._matrix @ X

    def _adjoint(self) -> "Counted":
        return self


def turned(lam: np.ndarray, rng: np.random.Generator) -> Any:
    """Return a block-diagonal CSR matrix of these eigenvalues; see the head of the file."""
    full = rng.permutation(lam).reshape(-1, 1, BLOCK)
    Q, R = np.linalg.qr(rng.standard_normal((full.shape[0], BLOCK, BLOCK)))
    Q *= np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None, :]  # Haar
    blocks = (Q * full) @ Q.transpose(0, 2, 1)
    count = full.shape[0]
    A = sp.bsr_array(
        (0.5 * (blocks + blocks.transpose(0, 2, 1)), np.arange(count), np.arange(count + 1)),
        shape=(lam.size, lam.size),
    )
    return A.tocsr()


def names(folder: Path | None) -> list[str]:
    """Return the problems in the order in which they are run: the long ones last."""
    networks = [f"network d={d}" for d in WIDTHS]
    return [*networks[:3], *SPECTRA, *(REAL if folder else ()), *networks[3:]]


@lru_cache(maxsize=2)
def build(name: str, seed: int, folder: Path | None) -> Problem:
    """Return a problem; a network's target and the rotations change with the seed."""
    if name in REAL:
        assert folder is not None
        return _real(name, folder)
    rng = np.random.default_rng([seed, 16])
    if name in SPECTRA:
        lam = gallery.SPECTRA[name](GALLERY_SIZE)
        return _known(name, "gallery", lam, rng)
    d = int(name.removeprefix("network d="))
    net = network(d, seed)
    positive = spectrum(net)
    lam = np.append(positive, np.zeros(net.n - positive.size))
    return _known(name, "linear network", lam, rng)


def _known(name: str, kind: str, lam: np.ndarray, rng: np.random.Generator) -> Problem:
    sizes = np.abs(lam[lam != 0])
    return Problem(
        name, kind, turned(lam, rng), sizes.size, sizes.max(), sizes.min(), bool((lam < 0).any())
    )


def _real(name: str, folder: Path) -> Problem:
    with (folder / "manifest.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["name"] == name)
    A = load(folder, row)
    if not (sp.issparse(A) or isinstance(A, np.ndarray)):
        A = A.to_dense()  # a Gram or an augmented matrix: formed, for libraries that need entries
    return Problem(
        name,
        REAL[name],
        sp.csr_array(A),
        int(row["rank"]),
        float(row["sigma_1"]),
        float(row["sigma_r"]),
        row["definiteness"] == "indefinite",
    )


def num_seeds(name: str) -> int:
    """Return how many seeds a problem is run with: fewer where a run takes long."""
    return {"network d=32": 5, "network d=64": 3, "network d=128": 2}.get(name, 7)
