"""Covariances of the inputs of a linear network, and with its outputs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from symrank.errors import OperatorError, OptionError
from symrank.support.typing import FloatArray

__all__ = ["EPS", "Inputs", "covariance_spectrum", "minimiser"]

EPS = float(np.finfo(np.float64).eps)
TOLERANCE = 100  # units of eps d: asymmetry, negative eigenvalues and ranges, due to rounding


def covariance_spectrum(
    sigma_x: npt.ArrayLike, d_x: int, eps: float
) -> tuple[FloatArray, FloatArray]:
    """Return eigenvalues, none below zero, and eigenvectors of a (d_x, d_x) covariance matrix.

    Raises
    ------
    OperatorError
        Where it is not symmetric positive semidefinite, up to rounding at `eps`.
    """
    sigma = np.asarray(sigma_x, dtype=np.float64)
    if sigma.shape != (d_x, d_x):
        raise OperatorError(
            f"sigma_x has shape {sigma.shape}, but the first layer takes {d_x} inputs: "
            f"pass a ({d_x}, {d_x}) covariance matrix."
        )
    allowed = TOLERANCE * d_x * eps * np.abs(sigma).max(initial=0.0)
    asymmetry = np.abs(sigma - sigma.T).max(initial=0.0)
    lam, Q = np.linalg.eigh((sigma + sigma.T) / 2)
    if not asymmetry <= allowed or not lam.min(initial=0.0) >= -allowed:
        raise OperatorError(
            f"sigma_x is not a covariance matrix: asymmetry {asymmetry:.3g}, smallest eigenvalue "
            f"{lam.min(initial=0.0):.3g}, allowed {allowed:.3g}. Pass a symmetric positive "
            "semidefinite matrix."
        )
    return np.maximum(lam, 0.0), Q


class Inputs(NamedTuple):
    """A covariance of inputs: Q diag(lam) Q^T with lam > 0."""

    sigma: FloatArray  # (d_x, d_x)
    lam: FloatArray  # (rank,)
    Q: FloatArray  # (d_x, rank)

    @classmethod
    def of(cls, sigma_x: npt.ArrayLike, d_x: int) -> "Inputs":
        """Cut what is zero up to rounding."""
        lam, Q = covariance_spectrum(sigma_x, d_x, EPS)
        live = lam > TOLERANCE * d_x * EPS * lam.max(initial=0.0)
        return cls(np.asarray(sigma_x, np.float64), lam[live], Q[:, live])

    @property
    def rank(self) -> int:
        """Of the inputs, up to rounding."""
        return self.lam.size

    @property
    def condition(self) -> float:
        """Of the covariance on its range; 1 where that is {0}."""
        return float(self.lam.max(initial=0.0) / self.lam.min()) if self.rank else 1.0

    def project(self, rows: FloatArray) -> FloatArray:
        """Return the part of the rows in the range."""
        return np.asarray((rows @ self.Q) @ self.Q.T)


def minimiser(sigma_yx: npt.ArrayLike, shape: tuple[int, int], inputs: Inputs | None) -> FloatArray:
    """Return Sigma_yx Sigma_x^+ (d_y, d_x)."""
    given = np.array(sigma_yx, np.float64)
    if given.shape != shape or not np.isfinite(given).all():
        raise OptionError(
            f"sigma_yx has shape {given.shape}; the widths ask for a finite cross-covariance of "
            f"shape (d_y, d_x) = {shape}."
        )
    if inputs is None:
        return given
    outside = float(np.abs(given - inputs.project(given)).max(initial=0.0))
    allowed = TOLERANCE * shape[1] * EPS * float(np.abs(given).max(initial=0.0))
    if outside > allowed:
        raise OptionError(
            f"sigma_yx has rows outside the range of sigma_x: a part of {outside:.3g}, allowed "
            f"{allowed:.3g}. An input that never varies has no covariance with anything."
        )
    return np.asarray((given @ inputs.Q / inputs.lam) @ inputs.Q.T)
