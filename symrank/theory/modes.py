r"""The coordinates in which preconditioned Langevin dynamics falls apart into scalar modes.

With G = L L' (Cholesky) and L' H L = U diag(lam) U', the columns of X = L U satisfy

    G H X = X diag(lam),   X' G^-1 X = I,   X' H X = diag(lam),   H G Y = Y diag(lam),  Y = G^-1 X,

so theta = X z turns d theta = -G H theta dt + G Sigma^(1/2) dn, eq. (3), into

    dz = -diag(lam) z dt + X' Sigma^(1/2) dn,     noise covariance N = X' Sigma X,

and d theta = -G H theta dt + Sigma^(1/2) dn, eq. (4), into the same with N = Y' Sigma Y. The loss
is sum_i lam_i z_i^2 / 2. No symmetry is lost: every eigenproblem is one of a symmetric matrix.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.linalg

from symrank.errors import NonFiniteError, NotSymmetricError, OperatorError, OptionError
from symrank.support.typing import Array, FloatArray

__all__ = [
    "Modes",
    "definite",
    "modes",
    "require_minimum",
    "require_positive",
    "same_shape",
    "semidefinite",
    "symmetric",
    "times",
]

ASYMMETRY = 1e-8  # of the largest entry: what an inverse or a root leaves behind is made symmetric


class Modes(NamedTuple):
    """Rates and noise of the scalar modes.

    Attributes
    ----------
    lam
        (n,) eigenvalues of G H, ascending; those within rounding of zero are 0.
    noise
        (n, n) covariance N of the noise in these coordinates.
    """

    lam: FloatArray
    noise: FloatArray

    @property
    def weights(self) -> FloatArray:
        """Noise power of every mode, (n,); their sum is tr(Sigma G) for eq. (3)."""
        return np.diagonal(self.noise)

    @property
    def fed(self) -> tuple[FloatArray, FloatArray]:
        """Rates and weights of the modes that noise reaches."""
        reached = self.weights > 0.0
        return self.lam[reached], self.weights[reached]

    @property
    def positive_sum(self) -> float:
        """Noise power of the modes with lam > 0."""
        return float(self.weights[self.lam > 0.0].sum())


def modes(
    H: npt.ArrayLike, G: npt.ArrayLike, Sigma: npt.ArrayLike, *, preconditioned_noise: bool
) -> Modes:
    """Return the modes of eq. (3), or of eq. (4) where the noise is not preconditioned.

    An eigenvalue counts as zero where a change of H in the last digit of each entry could move it
    across zero: |lam| <= n eps | |L'| |H| |L| |, with the largest row sum as norm. Noise powers are
    cut alike, or rounding would feed the growing mode of a saddle that no noise reaches.

    Raises
    ------
    OperatorError, NotSymmetricError, NonFiniteError
        Where a matrix is not a real symmetric one, or the shapes differ.
    OptionError
        Where G is not positive definite, or Sigma not positive semidefinite.
    """
    hessian, sigma = symmetric(H, "H"), semidefinite(Sigma, "Sigma")
    L = definite(G, "G")
    same_shape(H=hessian, G=L, Sigma=sigma)
    lam, U = np.linalg.eigh(L.T @ hessian @ L)
    sizes = np.abs(L.T) @ np.abs(hessian) @ np.abs(L)
    cut = lam.size * np.finfo(np.float64).eps * sizes.sum(axis=1).max(initial=0.0)
    lam[np.abs(lam) <= cut] = 0.0
    frame = (
        L @ U if preconditioned_noise else scipy.linalg.solve_triangular(L, U, lower=True, trans=1)
    )
    noise = frame.T @ sigma @ frame
    sizes = (np.abs(frame) * (np.abs(sigma) @ np.abs(frame))).sum(axis=0)
    silent = np.diagonal(noise) <= lam.size * np.finfo(np.float64).eps * sizes
    noise[silent] = noise[:, silent] = 0.0
    return Modes(lam, noise)


def symmetric(A: npt.ArrayLike, name: str) -> FloatArray:
    """Return `A` as a symmetric array of float64; the name is for the message."""
    given: Array = np.asarray(A)
    if given.ndim != 2 or given.shape[0] != given.shape[1]:
        raise OperatorError(
            f"{name} must be a dense square matrix, and its shape is {given.shape}."
        )
    if given.dtype.kind not in "biuf":
        raise OperatorError(f"{name} must be a real matrix, and its dtype is {given.dtype}.")
    matrix = given.astype(np.float64)
    if not np.isfinite(matrix).all():
        raise NonFiniteError(f"{name} holds infinities or NaN.")
    worst = float(np.abs(matrix - matrix.T).max(initial=0.0))
    size = float(np.abs(matrix).max(initial=0.0))
    if worst > ASYMMETRY * size:
        raise NotSymmetricError(
            f"{name} is not symmetric: max|{name} - {name}'| = {worst:.3g}, and {ASYMMETRY:.0e} of "
            f"its largest entry {size:.3g} is allowed. If that is rounding, pass "
            f"({name} + {name}.T) / 2."
        )
    return np.asarray(0.5 * (matrix + matrix.T))


def definite(A: npt.ArrayLike, name: str) -> FloatArray:
    """Return the lower Cholesky factor of a positive definite matrix."""
    matrix = symmetric(A, name)
    try:
        return np.asarray(np.linalg.cholesky(matrix), np.float64)
    except np.linalg.LinAlgError:
        lowest = float(np.linalg.eigvalsh(matrix)[0])
        raise OptionError(
            f"{name} must be positive definite, and its smallest eigenvalue is {lowest:.3g}."
        ) from None


def semidefinite(A: npt.ArrayLike, name: str) -> FloatArray:
    """Return a matrix that is positive semidefinite up to rounding."""
    matrix = symmetric(A, name)
    lam = np.linalg.eigvalsh(matrix)
    size = float(np.abs(lam).max(initial=0.0))
    if lam.size and lam[0] < -lam.size * np.finfo(np.float64).eps * size:
        raise OptionError(
            f"{name} must be positive semidefinite, and its smallest eigenvalue is {lam[0]:.3g}."
        )
    return matrix


def same_shape(**matrices: FloatArray) -> None:
    """Raise where the matrices differ in size."""
    if len({matrix.shape for matrix in matrices.values()}) > 1:
        shapes = ", ".join(f"{name} is {matrix.shape}" for name, matrix in matrices.items())
        raise OperatorError(f"the matrices must have the same shape: {shapes}.")


def times(t: npt.ArrayLike) -> FloatArray:
    """Return times as an array with a last axis for the modes."""
    given = np.asarray(t, np.float64)
    if not (np.isfinite(given) & (given >= 0.0)).all():
        raise OptionError(
            f"t={t!r} must be finite and at least 0; stationary_loss is the limit of large t."
        )
    return given[..., None]


def require_minimum(found: Modes) -> None:
    """Raise where the stationary point is not a minimum."""
    if found.lam.size and found.lam[0] < 0.0:
        raise OptionError(
            "H must be positive semidefinite, and the smallest eigenvalue of G H is "
            f"{found.lam[0]:.3g}: the loss has no limit. escape_time is about saddle points."
        )


def require_positive(noise_var: float) -> None:
    """Raise where a noise variance is not a positive number."""
    if not 0.0 < noise_var < math.inf:
        raise OptionError(f"noise_var={noise_var} must be positive.")
