"""What an option may be: numbers, counts, words; and a hint where it has another name here.

One rule for all of them. A number is anything that Python or NumPy calls a real number, but no
truth value and no NaN; a count is a whole one, so that 1e5 is a count and 2.5 is none. What is not
so is refused before the first product, with the value, the rule and the remedy.
"""

import difflib
import functools
import inspect
import math
import numbers
import reprlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, ParamSpec, TypeVar

import numpy as np

from symrank.errors import OptionError, UnknownOptionError

__all__ = [
    "HINTS",
    "UNLIMITED",
    "check_budget",
    "check_count",
    "check_noise",
    "check_number",
    "check_progress",
    "check_word",
    "checks_names",
    "settle_counts",
    "shown",
]

P = ParamSpec("P")
R = TypeVar("R")

UNLIMITED = 10**15
"""Products that stand for "no limit": 30 years of one per microsecond, and an exact double."""

_POSITIVE = "must be positive."

_BUDGET = "pass max_matvecs=..., a number of products"
_SECONDS = "pass max_seconds=..."
_SEED = "pass rng=..., an integer, SeedSequence or Generator"
_CUT = "pass rtol=... for a cut relative to the largest eigenvalue, atol=... for an absolute one"
_ABSOLUTE = "pass atol=..., the modulus above which an eigenvalue counts"
_RELATIVE = "pass rtol=..., the cut as a share of the largest eigenvalue"
_THREADS = "threads are those of BLAS and of the kernels, and no option of a call"

HINTS: Mapping[str, str] = {
    "seed": _SEED,
    "random_state": _SEED,
    "random_seed": _SEED,
    "key": _SEED,
    "generator": _SEED,
    "tol": _CUT,
    "tolerance": _CUT,
    "eps": _CUT,
    "epsilon": _CUT,
    "rcond": _RELATIVE,
    "rel_tol": _RELATIVE,
    "cutoff": _ABSOLUTE,
    "threshold": _ABSOLUTE,
    "abs_tol": _ABSOLUTE,
    "maxiter": _BUDGET,
    "max_iter": _BUDGET,
    "max_iterations": _BUDGET,
    "num_matvecs": _BUDGET,
    "maxfun": _BUDGET,
    "budget": _BUDGET,
    "timeout": _SECONDS,
    "time_limit": _SECONDS,
    "max_time": _SECONDS,
    "n_jobs": _THREADS,
    "num_threads": _THREADS,
    "workers": _THREADS,
    "parallel": _THREADS,
    "callback": "pass progress=..., which is called after every block of products",
    "verbose": "pass progress=print",
    "disp": "pass progress=print",
    "M": "pass preconditioner=...; of a pencil K - lambda M count(K, a, b, M=M) tells the modes",
    "precond": "pass preconditioner=...",
    "null_vectors": "pass deflate=..., the known null vectors as columns",
    "alpha": "pass confidence=1 - alpha",
    "level": "pass confidence=..., between 0 and 1",
    "accuracy": "pass precision=..., half the width of the interval",
    "hermitian": "A is taken as symmetric (Hermitian) always: leave it out",
    "symmetric": "A is taken as symmetric (Hermitian) always: leave it out",
    "check_finite": "pass check=...",
}
"""What other libraries call an option, and what to do here."""


def shown(value: Any) -> str:
    """Return a value for a message: short, and a NumPy number as a number."""
    if isinstance(value, np.generic):
        value = value.item()
    return reprlib.repr(value)


def check_number(name: str, value: Any, is_allowed: Callable[[float], bool], rule: str) -> float:
    """Return a real number as a float, or raise `OptionError` with the rule.

    Parameters
    ----------
    name, value
        Of the option.
    is_allowed
        Asked about the number, which is not NaN.
    rule
        The rest of the sentence "name=value ...".
    """
    number = _number(value)
    if number is None or math.isnan(number) or not is_allowed(number):
        raise OptionError(f"{name}={shown(value)} {rule}")
    return number


def check_count(name: str, value: Any, least: int, rule: str = "") -> int:
    """Return a whole number of at least `least` as an int, or raise `OptionError`."""
    rule = rule or f"must be at least {least}."
    number = _number(value)
    if number is None or not math.isfinite(number):
        raise OptionError(f"{name}={shown(value)} {_counted(rule)}")
    if not number.is_integer():
        raise OptionError(f"{name}={shown(value)} {_counted(rule)}")
    count = int(value)
    if count < least:
        raise OptionError(f"{name}={count} {rule}")
    return count


def _counted(rule: str) -> str:
    return rule if "whole" in rule else f"is no whole number: it {rule}"


def check_budget(
    precision: float | None, max_matvecs: float | None, max_seconds: float | None
) -> tuple[float | None, int | None, float | None]:
    """Return them as numbers, or raise `OptionError` for the first that is out of range."""
    if precision is not None:
        rule = "must be positive: below 1 a fraction of n, else a count of eigenvalues."
        precision = check_number("precision", precision, lambda x: 0.0 < x < math.inf, rule)
    if max_seconds is not None:
        max_seconds = check_number("max_seconds", max_seconds, lambda x: x > 0.0, _POSITIVE)
    if max_matvecs is None:
        return precision, None, max_seconds
    if _number(max_matvecs) == math.inf:
        return precision, UNLIMITED, max_seconds
    limit = check_count("max_matvecs", max_matvecs, 1, "must be at least 1, or inf.")
    return precision, min(limit, UNLIMITED), max_seconds


def settle_counts(method: Any, **least: int) -> None:
    """Check fields of a frozen method object that are None or counts, and keep them as ints."""
    for name, smallest in least.items():
        value = getattr(method, name)
        if value is not None:
            object.__setattr__(method, name, check_count(name, value, smallest))


def check_progress(progress: Any) -> None:
    """Raise `OptionError` where an observer cannot be called."""
    if progress is not None and not callable(progress):
        raise OptionError(f"progress={shown(progress)} must be a function of one `Progress`.")


def check_noise(value: Any) -> float:
    """Return the relative error of a product as a float, or raise `OptionError`."""
    rule = "is the relative error of a product: between 0 and 0.1."
    return check_number("noise", value, lambda x: 0.0 <= x < 0.1, rule)


def check_word(name: str, value: Any, allowed: Collection[str]) -> None:
    """Raise `OptionError` where the value is none of the words."""
    if not isinstance(value, str) or value not in allowed:
        words = " or ".join(repr(word) for word in allowed)
        raise OptionError(f"{name}={shown(value)} must be {words}.")


def _number(value: Any) -> float | None:
    """Return what is a real number, Python's or NumPy's, as a float; None for anything else."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf":
        value = value[()]
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond the range of doubles
        return math.copysign(math.inf, value)


def checks_names(hints: Mapping[str, str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function say, where it has no such option, what it is called here.

    The function keeps its signature, for type checkers by `ParamSpec` and for `inspect` by
    ``__wrapped__``: a ``**unknown`` of its own would stand in every help text.

    Parameters
    ----------
    hints
        Name to remedy, before `HINTS`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        names = list(inspect.signature(function).parameters)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs:
                if name not in names:
                    title = f"{function.__name__}()"
                    raise UnknownOptionError(title, name, _hint(name, names, hints))
            return function(*args, **kwargs)

        return checked

    return decorate


def _hint(name: str, names: list[str], hints: Mapping[str, str]) -> str:
    """Return the remedy: of another name, a slip of the pen, or all there is."""
    for known in (hints, HINTS):
        if name in known:
            return known[name]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    if close:
        return f"did you mean {close[0]}?"
    return f"it takes {', '.join(names)}"
