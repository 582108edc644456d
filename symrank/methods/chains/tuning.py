r"""The scheme that a Langevin run should use: least predicted mean squared error.

Over a spectrum lambda_i with counts c_i, for k chains of K steps of which b are burn-in,

    MSE = (sum c_i deviation_i(b, K))^2 + sum c_i v_i(K - b) / k

with the closed forms of `symrank.spectrum.filters`. Parameters that the caller gave stay.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from symrank.errors import OptionError
from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews, Scheme
from symrank.support.typing import FloatArray

__all__ = ["Setting", "Wishes", "tune"]

CHAINS = (2, 4, 8, 16)
BURN_INS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)  # shares of the steps
FIRST_ORDER_STEPS = (0.01, 0.03, 0.1, 0.3, 0.6, 1.0, 1.4, 1.7, 1.9)  # times 1 / lambda_max
KINETIC_STEP = 1.97  # times 1 / sqrt(lambda_max); the mode at the limit 2 would not mix
FRICTIONS = np.geomspace(0.003, 3.0, 19)  # gamma h
SLACK = 1.1  # of the MSE: more chains cost less time per product, and tell their error better
LEAST_STEPS = 8


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the caller fixed, in the units of the operator that the chains see."""

    scheme: str
    estimator: str
    step_size: float | None
    friction: float | None
    num_steps: int | None
    burn_in: int | None
    num_chains: int | None


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A scheme and how long to run it."""

    scheme: Scheme
    num_chains: int
    num_steps: int
    burn_in: int
    bias: float  # predicted, over the spectrum it was tuned on
    stderr: float  # predicted, an upper bound for noise of less kurtosis than a Gaussian


def tune(
    spectrum: tuple[FloatArray, FloatArray],
    lambda_max: float,
    budget: int,
    wishes: Wishes,
    is_complex: bool = False,
) -> Setting:
    """Return the setting of least predicted error for `budget` steps of all chains together.

    Raises
    ------
    OptionError
        Where budget, num_steps and burn_in leave no window to average.
    """
    settings: list[Setting] = []
    chains = CHAINS if wishes.num_chains is None else (wishes.num_chains,)
    schemes = list(_schemes(wishes, lambda_max))
    for k in chains:
        steps = wishes.num_steps or budget // k
        burn_ins = sorted({int(share * steps) for share in BURN_INS})
        if wishes.burn_in is not None:
            burn_ins = [wishes.burn_in]
        usable = [b for b in burn_ins if 0 <= b < steps - 1]
        if not usable or (steps < LEAST_STEPS and wishes.num_steps is None and settings):
            continue
        settings += [
            predict(spectrum, scheme, k, steps, b, is_complex)
            for scheme, b in itertools.product(schemes, usable)
        ]
    if not settings:
        msg = (
            f"burn_in={wishes.burn_in} and num_steps={wishes.num_steps} with {budget} steps left "
            "leave no window to average: pass burn_in < num_steps - 1, or raise max_matvecs."
        )
        raise OptionError(msg)
    least = min(_mse(setting) for setting in settings)
    good = [setting for setting in settings if _mse(setting) <= SLACK * least]
    return min(good, key=lambda setting: (-setting.num_chains, _mse(setting)))


def predict(
    spectrum: tuple[FloatArray, FloatArray],
    scheme: Scheme,
    num_chains: int,
    num_steps: int,
    burn_in: int,
    is_complex: bool = False,
) -> Setting:
    """Return a setting with its predicted bias and standard error."""
    lam, counts = spectrum
    freedom = 2.0 if is_complex else 1.0
    variance = float(counts @ scheme.variance(lam, num_steps - burn_in)) / num_chains / freedom
    return Setting(
        scheme=scheme,
        num_chains=num_chains,
        num_steps=num_steps,
        burn_in=burn_in,
        bias=float(counts @ scheme.deviation(lam, burn_in, num_steps)),
        stderr=math.sqrt(max(variance, 0.0)),
    )


def _mse(setting: Setting) -> float:
    return setting.bias**2 + setting.stderr**2


def _schemes(wishes: Wishes, lambda_max: float) -> Iterator[Scheme]:
    """Candidates of the scheme that was asked for."""
    if wishes.scheme == "baoab":
        h = wishes.step_size or KINETIC_STEP / math.sqrt(lambda_max)
        given = wishes.friction
        frictions = (FRICTIONS / h).tolist() if given is None else [given]
        yield from (Baoab(h, friction) for friction in frictions)
        return
    steps = [x / lambda_max for x in FIRST_ORDER_STEPS]
    for eta in steps if wishes.step_size is None else [wishes.step_size]:
        if wishes.scheme == "leimkuhler-matthews":
            yield LeimkuhlerMatthews(eta)
        else:
            yield EulerMaruyama(eta, "energy" if wishes.estimator == "energy" else "corrected")
