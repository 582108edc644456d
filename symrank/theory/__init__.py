"""The theory of preconditioned Langevin dynamics near stationary points, in closed form.

A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The Expected Loss of Preconditioned Langevin
Dynamics Reveals the Hessian Rank", AAAI 2024. Every statement is a function of dense matrices; a
statement that does not hold as printed is here with the condition under which it does.
"""

from symrank.theory.hessians import HessianComparison, compare_hessians, stationary_range
from symrank.theory.loss import (
    expected_loss,
    loss_slope,
    rank_from_loss,
    riemannian_covariance,
    stationary_loss,
    trace_from_slope,
)

__all__ = [
    "HessianComparison",
    "compare_hessians",
    "expected_loss",
    "loss_slope",
    "rank_from_loss",
    "riemannian_covariance",
    "stationary_loss",
    "stationary_range",
    "trace_from_slope",
]
