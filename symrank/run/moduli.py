r"""What is counted by singular values, and what their count says of what was asked.

A matrix X that is not symmetric is asked about by its singular values, and so is an operator made
of one at hand. Methods see |X| on the shorter side (`symrank.operators.modulus`):

    asked                eigenvalues          of a count of r singular values    a level tau in |X|
    X itself             sigma_i              r                                  tau
    gram(X)              sigma_i^2, zeros     r                                  sqrt(tau)

and augmented(X), whose eigenvalues are +-sigma_i and zeros, is seen itself: its rank is even.

`Asked` is the first step, from what the caller passed; `View` the second and the last, from what
the method sees back to what was asked.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from symrank.answer.result import RankResult
from symrank.errors import NotSymmetricError, OperatorError, OptionError
from symrank.methods import Goal, Method
from symrank.operators import Operator, PaddedMatrix, as_operator, augmented
from symrank.operators.coerce import interpret
from symrank.operators.modulus import Modulus
from symrank.run.options import Options
from symrank.spectrum.golub_kahan_run import GolubKahanRun
from symrank.spectrum.intervals import Complement, Even, ExactInterval

__all__ = ["Asked", "View", "asked_of", "check_view", "is_no_symmetric_matrix", "root"]

CLEARLY = 1e-3  # |A - A^H| / |A| from where on a matrix was never meant to be symmetric
MATRICES = (np.ndarray, sp.sparray, sp.spmatrix, spla.LinearOperator, PaddedMatrix, Operator)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a question is about: a symmetric operator, or a matrix by its symmetric twin."""

    operator: Operator
    shape: tuple[int, int] | None = None  # of the matrix whose singular values are meant
    why: str = ""

    @property
    def is_matrix(self) -> bool:
        """Whether singular values are meant."""
        return self.shape is not None


def asked_of(A: Any, options: Options, asymmetry: float = 0.0) -> Asked:
    """Return what the caller asks about.

    Parameters
    ----------
    A, options
        As the caller passed them.
    asymmetry
        max |A - A^H| over max |A|, where that was found to be too large.

    Raises
    ------
    OperatorError
        Where it is none, or a rectangle that is said to be symmetric.
    """
    is_known = as_operator.dispatch(type(A)) is not as_operator.dispatch(object)
    A = A if is_known else interpret(A)
    shape = tuple(getattr(A, "shape", ()))
    is_matrix = isinstance(A, MATRICES) and len(shape) == 2
    is_square = len(set(shape)) < 2
    if not is_matrix or (is_square and options.hermitian is not False and not asymmetry):
        return Asked(operator=as_operator(A))
    m, n = int(shape[0]), int(shape[1])
    if options.hermitian:
        raise OperatorError(
            f"hermitian=True, and the input is {m}x{n}: only a square matrix can be symmetric. "
            "Leave hermitian out, and its singular values are counted."
        )
    what = f"the matrix is {m}x{n}" if not is_square else "hermitian=False"
    if asymmetry:
        what = f"max|A - A^H| is {asymmetry:.2g} of max|A|: the matrix is not symmetric"
    return Asked(
        operator=augmented(A), shape=(m, n), why=f"{what}, its singular values are counted"
    )


def is_no_symmetric_matrix(
    error: NotSymmetricError, options: Options, method: Method | None, *, is_chosen: bool
) -> bool:
    """Tell whether a matrix that failed the check was clearly never meant to be symmetric."""
    is_symmetric_by_name = options.deflate is not None or not _is_two_sided(options)
    if options.hermitian is not None or is_symmetric_by_name or not error.asymmetry > CLEARLY:
        return False
    return is_chosen or (method is not None and method.counts_moduli)


@dataclass(frozen=True, kw_only=True)
class View:
    """How the count of singular values answers what was asked."""

    operator: Operator  # |X|, or augmented(X)
    asked: Asked
    power: int  # an eigenvalue of what was asked is a singular value to this power
    is_even: bool  # a rank of eigenvalues of both signs
    num_zeros: int  # of what was asked, that |X| has not
    has_cut: bool  # of the caller's

    @classmethod
    def of(
        cls,
        operator: Operator,
        given: Operator,
        asked: Asked,
        n: int,
        options: Options,
        method: Method | None,
    ) -> "View | None":
        """Return the view of an operator that is counted by singular values; else None.

        `operator` is `given` brought into range, `n` the order of what the caller passed.
        """
        whole = operator.modulus() or given.modulus()
        if not isinstance(whole, Modulus):
            return None
        is_even = whole.power == 1 and not asked.is_matrix
        if is_even and options.between is not None:
            return None
        counts = method is None or method.counts_moduli
        if whole.power == 2 and not (counts and options.deflate is None and not options.noise):
            return None
        if asked.shape is not None:
            n = asked.shape[1] if options.between is None else min(asked.shape)
        return cls(
            operator=operator if is_even else whole,
            asked=asked,
            power=whole.power,
            is_even=is_even,
            num_zeros=0 if is_even else n - whole.n,
            has_cut=options.atol is not None or options.rtol is not None,
        )

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
        go_on, shape = result.resume, self.asked.shape
        if shape is not None:
            result = dataclasses.replace(
                result,
                shape=shape,
                inertia=None,
                reason=f"{self.asked.why}; {result.reason}",
                notes=(*result.notes, *(() if self.has_cut else _as_numpy(result, shape))),
            )
        return dataclasses.replace(
            result, resume=go_on and (lambda *options: self.as_asked(go_on(*options)))
        )


def check_view(asked: Asked, options: Options, method: Method | None) -> None:
    """Raise where a matrix that is not symmetric is asked for what only a symmetric one has.

    Raises
    ------
    OptionError
        Where that is a method, a preconditioner, or null vectors.
    """
    if not asked.is_matrix:
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
    return dataclasses.replace(result, rank=rank, evidence=law)


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
        theirs = round(float(result.counting_function(cut)[0][0]))
    else:
        return ()
    if cut <= result.threshold or theirs == result.rank:
        return ()
    return (
        f"numpy.linalg.matrix_rank would cut at max(m, n) eps sigma_1 = {cut:.3g} and count "
        f"{theirs if values is not None else f'about {theirs}'}: pass atol={cut:.3g} for that.",
    )
