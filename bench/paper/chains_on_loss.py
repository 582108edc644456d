"""Algorithm 1 on a true loss with stable parameters, and with the printed ones."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import symrank
from bench.paper import closed_forms
from symrank import Langevin, Preconditioner
from symrank.errors import SymrankError
from symrank.spectrum.filters import EulerMaruyama
from symrank.support.typing import FloatArray

ROOM = 1.1  # eta = 1 / (ROOM lambda_max): a loss may be steeper at the scale of a chain
NOISE_VAR = 1e-5  # printed
LOST = 1e3  # times the loss of the start: a chain that has left it
FEW = 50  # steps of a chain with the printed parameters
SPENT = 2 * 2 * 1.3  # evaluations a step: a pair, with shadow, rungs and looks


class Setting(NamedTuple):
    """How long chains of Euler-Maruyama run, at eta = 1 / (ROOM lambda_max(GH))."""

    num_steps: int
    burn_in: int
    num_chains: int
    precision: float


def closed_form(lam: FloatArray, setting: Setting) -> dict[str, float]:
    """Return what such chains give on the quadratic model, on average."""
    scheme = EulerMaruyama(1.0 / (ROOM * lam[0]))
    window = setting.num_steps - setting.burn_in
    found = closed_forms.expected(lam, scheme, setting.burn_in, window)
    return {"closed_form": found["estimate"], "exponent": found["exponent"]}


def run(
    problem: Any,
    G: Preconditioner | None,
    lambda_max: float,
    setting: Setting,
    noise_var: float,
    seed: int,
    kept: Path | None = None,
) -> dict[str, Any]:
    """Return what `rank` says of the loss at one sigma^2; low and high are of the filtered count.

    With `kept`, a folder, a run that was killed goes on.

    That is the interval for what the filter of these steps lets through: the closed form, for a
    quadratic. It is not an interval for a rank.
    """
    wanted = Langevin(
        scheme="euler-maruyama",
        step_size=1.0 / (ROOM * lambda_max),
        num_steps=setting.num_steps,
        burn_in=setting.burn_in,
        num_chains=setting.num_chains,
        noise_var=noise_var,
    )
    budget = int(SPENT * setting.num_steps * setting.num_chains) + 10_000
    started = time.perf_counter()
    try:
        found = symrank.rank(
            problem, wanted, preconditioner=G, precision=setting.precision, max_matvecs=budget,
            rng=seed, checkpoint=kept,
        )  # fmt: skip
    except SymrankError as error:
        return _row(noise_var, type(error).__name__, started, said=str(error))
    seen = found.diagnostics
    if "filtered" not in seen:  # no chain was run: the rung was not accepted
        return _row(noise_var, found.status.name, started, said=" ".join(found.notes))
    return _row(
        noise_var,
        found.status.name,
        started,
        estimate=found.estimate,
        low=seen["filtered"][0],
        high=seen["filtered"][1],
        virial=seen["virial"],
        moved=seen["moved"],
        product_error=seen["product_error"],
        said=" ".join(found.notes),
    )


def _row(noise_var: float, status: str, started: float, **found: Any) -> dict[str, Any]:
    """Return one shape of row whatever was found."""
    keys = ("estimate", "low", "high", "virial", "moved", "product_error")
    return {
        "noise_var": noise_var,
        "status": status,
        **{key: found.get(key) for key in keys},
        "seconds": time.perf_counter() - started,
        "said": found["said"],
    }


def literal(problem: Any, g: FloatArray) -> dict[str, Any]:
    """Run eq. (21) on the loss as printed, one chain, and ask `rank` for the same."""
    eta, sigma = closed_forms.ETA, NOISE_VAR**0.5
    root = np.sqrt(eta * g)[:, None]
    rng = np.random.default_rng(0)
    theta = problem.theta0[:, None].copy()
    losses = []
    with np.errstate(all="ignore"):
        while len(losses) < FEW and (len(losses) < 2 or losses[-1] < LOST * losses[0]):
            loss, grad = problem.loss_and_grad(theta)
            losses.append(float(loss[0]))
            theta = theta - root**2 * grad + sigma * root * rng.standard_normal(theta.shape)
    is_lost = not losses[-1] < LOST * losses[0]
    wanted = Langevin(
        scheme="euler-maruyama", estimator="energy", step_size=eta, noise_var=NOISE_VAR
    )
    try:
        said = symrank.rank(
            problem, wanted, preconditioner=Preconditioner.diagonal(g), max_matvecs=2000, rng=0
        ).status.name
    except SymrankError as error:
        said = f"{type(error).__name__}: {error}"
    return {
        "eta_lambda_max": eta * closed_forms.preconditioned(problem.matrix, g)[0],
        "lost_at": len(losses) - 1 if is_lost else None,
        "loss": losses[0],
        "largest_loss": max(losses) if not is_lost else None,
        "said": said,
    }
