r"""What is counted by singular values, and what their count says of what was asked.

A matrix X that is not symmetric is asked about by its singular values, and so is an operator made
of one at hand. Methods see |X| on the shorter side (`symrank.operators.modulus`):

    asked                eigenvalues          of a count of r singular values    a level tau in |X|
    X itself             sigma_i              r                                  tau
    gram(X)              sigma_i^2, zeros     r                                  sqrt(tau)

and augmented(X), whose eigenvalues are +-sigma_i and zeros, is seen itself: its rank is even.

`symrank.operators.asked` takes the first step, from what the caller passed to an operator; `View`
is the second, to what a method sees, and the last one back to what was asked.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from symrank.answer.result import RankResult
from symrank.errors import OptionError
from symrank.methods import Goal, Method
from symrank.operators.facts import Facts
from symrank.run.options import Options
from symrank.spectrum.golub_kahan_run import GolubKahanRun
from symrank.spectrum.intervals import Complement, Even, ExactInterval

__all__ = ["View", "refuse_unsuited", "root", "suits"]


@dataclass(frozen=True, kw_only=True)
class View:
    """How the count of singular values answers what was asked."""

    power: int  # an eigenvalue of what was asked is a singular value to this power
    is_even: bool  # a rank of eigenvalues of both signs, of augmented(X) itself
    num_zeros: int  # of what was asked, that |X| has not
    has_cut: bool  # of the caller's
    shape: tuple[int, int] | None = None
    why: str = ""

    @classmethod
    def of(
        cls,
        power: int,
        facts: Facts,
        asked: tuple[tuple[int, int] | None, str, bool],
        whole: int,
        options: Options,
        method: Method | None,
    ) -> "View | None":
        """Return the view where what was asked is counted by singular values; else None.

        Parameters
        ----------
        power
            As the operator states it, 0 where it has no factor.
        facts
            Of |X|.
        asked
            The shape of a matrix whose singular values are meant, and why they are, of
            `symrank.operators.asked`.
        whole
            The order of what the caller passed.
        options, method
            Of the question.
        """
        shape, why, _ = asked
        is_even = power == 1 and shape is None
        if not power or (is_even and options.between is not None):
            return None
        counts = method is None or method.suits_moduli(facts)
        if power == 2 and not (counts and options.deflate is None and not options.noise):
            return None
        if shape is not None:
            whole = shape[1] if options.between is None else min(shape)
        return cls(
            power=power,
            is_even=is_even,
            num_zeros=0 if is_even else whole - facts.n,
            has_cut=options.atol is not None or options.rtol is not None,
            shape=shape,
            why=why,
        )

    @property
    def is_half(self) -> bool:
        """Whether what the operator asked about has every singular value with both signs."""
        return self.power == 1 and not self.is_even

    def goal(self, goal: Goal, factor: float) -> Goal:
        """Return the goal in the units of |X|; `factor` brought the operator into range."""
        if self.power == 1:
            return goal
        between = None
        if goal.between is not None:
            a, b = (root(x / factor) for x in goal.between)
            between = a, b
        return dataclasses.replace(
            goal,
            atol=None if goal.atol is None else root(goal.atol / factor),
            rtol=None if goal.rtol is None else root(goal.rtol),
            between=between,
            norm_bound=root(goal.norm_bound / factor),
            scale=1.0,
        )

    def as_asked(self, result: RankResult) -> RankResult:
        """Return the count of what was asked."""
        if result.between is not None and result.between[0] < 0.0 <= result.between[1]:
            result = _raised(result, self.num_zeros)
        if self.is_even:
            result = _even(result)
        if self.power == 2:
            result = _squared(result)
        go_on, shape = result.resume, self.shape
        if shape is not None:
            result = dataclasses.replace(
                result,
                shape=shape,
                inertia=None,
                reason=f"{self.why}; {result.reason}",
                notes=(*result.notes, *(() if self.has_cut else _as_numpy(result, shape))),
            )
        return dataclasses.replace(
            result, resume=go_on and (lambda *options: self.as_asked(go_on(*options)))
        )


def suits(options: Options, method: Method | None, *, is_chosen: bool) -> bool:
    """Tell whether a question may be one about a matrix that is not symmetric."""
    if options.deflate is not None or not _is_two_sided(options):
        return False
    return is_chosen or (method is not None and method.counts_moduli)


def refuse_unsuited(shape: tuple[int, int] | None, options: Options, method: Method | None) -> None:
    """Raise where a matrix that is not symmetric is asked for what only a symmetric one has.

    `shape` is None of a symmetric one.

    Raises
    ------
    OptionError
        Where that is a method, a preconditioner, or null vectors.
    """
    if shape is None:
        return
    if method is not None and not method.counts_moduli:
        raise OptionError(
            f"method={method.name!r} counts eigenvalues, and singular values are asked for: pass "
            "None, 'dense', 'lanczos' or 'inertia', or an operator that has eigenvalues, "
            "symrank.augmented(A) (rank 2r) or symrank.gram(A) (rank r, squared)."
        )
    if options.deflate is not None:
        raise OptionError(
            "deflate holds null vectors of a symmetric operator: pass symrank.gram(A) with "
            "the vectors that A multiplies to zero."
        )
    if not _is_two_sided(options):
        raise OptionError(
            "a preconditioner belongs to a symmetric operator: for a matrix that is not, pass "
            "preconditioner='equilibrate' (rows and columns in units of their own) or none."
        )


def _is_two_sided(options: Options) -> bool:
    """Tell whether the preconditioner is none, or one that scales rows and columns apart."""
    named = options.preconditioner
    return named is None or (isinstance(named, str) and named == "equilibrate")


def root(x: float) -> float:
    """Return the square root with the sign of x."""
    return math.copysign(math.sqrt(abs(x)), x)


def _square(x: float) -> float:
    return math.copysign(x * x, x)


def _raised(result: RankResult, more: int) -> RankResult:
    """Add zeros that are known to a count, whose n knows them already."""
    n = result.n - more
    law = Complement(n=result.n, of=Complement(n=n, of=result.evidence))
    return dataclasses.replace(
        result,
        rank=result.rank + more,
        estimate=result.estimate + more,
        bounds=(result.bounds[0] + more, result.bounds[1] + more),
        samples=result.samples + more,
        evidence=law,
        history=[(used, low + more, high + more) for used, low, high in result.history],
    )


def _even(result: RankResult) -> RankResult:
    """Return the result with an even count."""
    if isinstance(result.evidence, ExactInterval) and result.interval()[0] == result.interval()[1]:
        return result
    law = Even(of=result.evidence)
    low, high = law(result.confidence)
    rank = min(max(2 * round(0.5 * result.estimate), low), high)
    inertia = None if result.inertia is None else (rank // 2, result.n - rank, rank // 2)
    return dataclasses.replace(result, rank=rank, evidence=law, inertia=inertia)


def _squared(result: RankResult) -> RankResult:
    """Return the result of the operator whose eigenvalues are squares."""
    evidence = dict(result.diagnostics)
    if "eigenvalues" in evidence:
        norm = max(map(abs, evidence["eigenvalues"]), default=0.0)
        error = evidence["eigenvalue_error"]
        evidence["eigenvalues"] = [x * x for x in evidence["eigenvalues"]]
        evidence["eigenvalue_error"] = error * (2.0 * norm + error)
        evidence["noise_floor"] = evidence["noise_floor"] ** 2
    measure = result.measure
    if measure is not None:
        runs = [run.squared() for run in measure.runs if isinstance(run, GolubKahanRun)]
        measure = dataclasses.replace(measure, runs=runs, scale=measure.scale**2)
    return dataclasses.replace(
        result,
        threshold=result.threshold**2,
        gaps=[dataclasses.replace(gap, low=gap.low**2, high=gap.high**2) for gap in result.gaps],
        at_ends=[
            dataclasses.replace(band, low=_square(band.low), high=_square(band.high))
            for band in result.at_ends
        ],
        diagnostics=evidence,
        measure=measure,
    )


def _as_numpy(result: RankResult, shape: tuple[int, int]) -> tuple[str, ...]:
    """Say where NumPy's own cut would give another count."""
    if result.between is not None:
        return ()
    eps, spectrum = float(np.finfo(result.dtype).eps), result.measure
    values = result.diagnostics.get("eigenvalues")
    if values is not None:
        cut = max(shape) * eps * max(values, default=0.0)
        theirs = sum(value > cut for value in values)
    elif spectrum is not None:
        cut = max(shape) * eps * spectrum.spectral_norm
        estimate, _, high = result.counting_function(cut)
        theirs = round(float(estimate[0])) if high[0] < result.interval()[0] else result.rank
    else:
        return ()
    if cut <= result.threshold or theirs == result.rank:
        return ()
    return (
        f"numpy.linalg.matrix_rank would cut at max(m, n) eps sigma_1 = {cut:.3g} and count "
        f"{theirs if values is not None else f'about {theirs}'}: pass atol={cut:.3g} for that.",
    )
