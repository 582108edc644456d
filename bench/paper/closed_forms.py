r"""What Algorithm 1 gives on a known spectrum, negative eigenvalues included.

A mode of GH at lam adds to the estimate, on average over the steps k of the window,

    lam > 0:   phi_k(lam) of the scheme (`symrank.theory.langevin_mean`),
    lam = -mu: 1 - (1 + eta mu)^(2k) for Euler-Maruyama, divided by 1 + eta mu / 2 for eq. (20).

The latter is negative. It is small while the exponent 2 eta mu K is, and no estimate of a rank
once it is not. Where eta lam >= 2 for some mode, there is no mean: the chain diverges.

With lam K eta of all sizes, phi is a soft step: sum phi = #{lam > c} for c near e^-gamma / 2 eta k,
exactly so for a spectrum with equally many eigenvalues per octave (the integral of 1 - e^-x by
d log x from a to infinity is that of a step at x = e^-gamma, gamma = 0.5772 of Euler).
"""

from typing import Any

import numpy as np

from symrank.spectrum.filters import EulerMaruyama
from symrank.support.typing import FloatArray
from symrank.theory import langevin_mean

ETA, NUM_STEPS, WINDOW = 0.1, 30_000, 10_000  # printed, with sigma^2 = 1e-5
FIRST = NUM_STEPS - WINDOW
CLAMP = 100.0  # medians
ADAM_EPS = 1e-8
MOST = 700.0  # exponents: exp of more is no number


def expected(lam: FloatArray, scheme: EulerMaruyama, first: int, window: int) -> dict[str, float]:
    """Return the mean estimate over a window, as what the two signs add, and the largest exponent.

    Raises
    ------
    StepSizeError
        Where the step is not stable.
    """
    positive = lam[lam > 0.0]
    H, eye = np.diag(positive), np.eye(positive.size)
    of_positive = 4.0 * langevin_mean(H, eye, eye, scheme, first, window=window)
    x = -scheme.step_size * lam[lam < 0.0]
    rate = 2.0 * np.log1p(x)
    exponents = rate * (first + window)
    # the mean of exp(rate k) over the window, as a geometric sum
    last = np.exp(np.minimum(exponents, MOST))
    grown = last * -np.expm1(-rate * window) / np.expm1(rate) / window if x.size else x
    gain = 1.0 + 0.5 * x if scheme.estimator == "energy" else np.ones_like(x)
    of_negative = float(((1.0 - grown) / gain).sum())
    return {
        "estimate": of_positive + of_negative,
        "of_positive": of_positive,
        "of_negative": of_negative,
        "exponent": float(exponents.max(initial=0.0)),
    }


def preconditioned(H: FloatArray, g: FloatArray) -> FloatArray:
    """Return the eigenvalues of GH, the largest first."""
    root = np.sqrt(g)
    return np.linalg.eigvalsh(root[:, None] * H * root)[::-1]


def scalings(second: FloatArray) -> dict[str, FloatArray]:
    """Return G = I, and G = 1 / (sqrt(v) + eps) in several scales; the diagonals.

    Parameters that the loss does not depend on have v = 0 and 1 / eps: the clamp is for these.
    """
    adam = 1.0 / (np.sqrt(second) + ADAM_EPS)
    clamped = np.minimum(adam, CLAMP * np.median(adam))
    n = adam.size
    return {
        "I": np.ones(n),
        "Adam, as it is": adam,
        "Adam, mean 1": adam / adam.mean(),
        "Adam, median 1": adam / np.median(adam),
        "Adam, max 1": adam / adam.max(),
        "Adam, norm n^1/2": adam * (n**0.5 / np.linalg.norm(adam)),
        "Adam, norm 1": adam / np.linalg.norm(adam),
        "clamped, as it is": clamped,
        "clamped, mean 1": clamped / clamped.mean(),
        "clamped, norm n^1/2": clamped * (n**0.5 / np.linalg.norm(clamped)),
        "clamped, norm 1": clamped / np.linalg.norm(clamped),
    }


def ladder(H: FloatArray, second: FloatArray) -> list[dict[str, Any]]:
    """Return what the printed eta and K give for every scale of G, where it is stable."""
    rows: list[dict[str, Any]] = []
    for name, g in scalings(second).items():
        lam = preconditioned(H, g)
        unstable = int((ETA * lam >= 2.0).sum())
        row = {"G": name, "eta_lambda_max": ETA * lam[0], "unstable": unstable}
        scheme = EulerMaruyama(ETA, "energy")
        nothing = dict.fromkeys(("estimate", "of_positive", "of_negative", "exponent"))
        rows.append({**row, **(nothing if unstable else expected(lam, scheme, FIRST, WINDOW))})
    return rows


def equivalent_cut(eta: float, first: int, window: int) -> float:
    """Return the eigenvalue from which on modes count, to speak of, in such a run."""
    return float(np.exp(-np.euler_gamma) / (2.0 * eta * (first + 0.5 * window)))


def share(lam: FloatArray, count: float) -> float:
    """Return the share of the trace in the `count` largest eigenvalues."""
    k = min(max(round(count), 0), lam.size)
    return float(np.sort(lam)[::-1][:k].sum() / lam.sum())
