r"""How far lambda_max can lie above the largest Ritz value of a random start.

For a positive semidefinite A and a uniformly random start, k Lanczos steps miss lambda_max by
a share above epsilon with probability at most 1.648 sqrt(n) exp(-sqrt(epsilon) (2k - 1))
(J. Kuczynski and H. Wozniakowski, SIAM J. Matrix Anal. Appl. 13, 1992, theorem 4.2).
Independent starts multiply the probability. An indefinite A is applied to A + |A| I, whose
largest eigenvalue is at most 2 |A|.
"""

import math

__all__ = ["FAILURE", "LOOK_FAILURE", "lambda_max_margin", "proved_margin"]

FAILURE = 1e-9  # probability that a bound of a norm is none: a run takes a few
LOOK_FAILURE = 1e-10  # that what Gaussian columns prove is false: a run takes one a round


def proved_margin(n: int, num_steps: int, num_probes: int, is_indefinite: bool) -> float:
    """Return the share by which to raise the largest Ritz value, to bound lambda_max.

    Infinite where the steps are too few for a bound.
    """
    if num_steps >= n:
        return 1e-8  # the Krylov space is all there is; what is left is rounding
    log_failure = -math.log(FAILURE) / num_probes
    root = (math.log(1.648 * math.sqrt(n)) + log_failure) / (2 * num_steps - 1)
    epsilon = root**2 * (2.0 if is_indefinite else 1.0)
    return epsilon / (1.0 - epsilon) if epsilon < 1.0 else math.inf


def lambda_max_margin(n: int, num_steps: int, num_probes: int, is_indefinite: bool) -> float:
    """Return the same, but at most 1, a factor 2, for a caller who needs a number in any case.

    Few steps mean few eigenvalues, or a pilot that the budget cut short.
    """
    return min(proved_margin(n, num_steps, num_probes, is_indefinite), 1.0)
