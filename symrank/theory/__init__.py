"""The theory of preconditioned Langevin dynamics near stationary points, in closed form.

A. Bar, R. Mulayoff, T. Michaeli and R. Talmon, "The Expected Loss of Preconditioned Langevin
Dynamics Reveals the Hessian Rank", AAAI 2024. Every statement is a function of dense matrices; a
statement that does not hold as printed is here with the condition under which it does.
"""

from symrank.theory.chains import langevin_mean, langevin_variance
from symrank.theory.hessians import HessianComparison, compare_hessians, stationary_range
from symrank.theory.loss import (
    expected_loss,
    loss_slope,
    rank_from_loss,
    riemannian_covariance,
    stationary_loss,
    trace_from_slope,
)
from symrank.theory.preconditioning import (
    PreconditionerComparison,
    compare_preconditioners,
    largest_stationary_loss,
    optimal_preconditioner,
)
from symrank.theory.saddle import escape_time, escape_time_bound

__all__ = [
    "HessianComparison",
    "PreconditionerComparison",
    "compare_hessians",
    "compare_preconditioners",
    "escape_time",
    "escape_time_bound",
    "expected_loss",
    "langevin_mean",
    "langevin_variance",
    "largest_stationary_loss",
    "loss_slope",
    "optimal_preconditioner",
    "rank_from_loss",
    "riemannian_covariance",
    "stationary_loss",
    "stationary_range",
    "trace_from_slope",
]
