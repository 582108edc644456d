"""How the package is asked: functions of a problem and of options, through the public API alone.

Each returns an `Answer`: the results, and the claims made about counts, each beside the interval of
the truth.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

import symrank
from symrank import Preconditioner, RankResult
from symrank.choice import direct_sum, entries, merging
from symrank.errors import NotPositiveError, OptionError
from symrank.operators import PaddedMatrix, components
from symrank.spectrum.outcome import Status
from tests.adversary.problems import Problem, Truth

INF = float("inf")
TWO = ThreadPoolExecutor(2)
MANY = 8  # null vectors that are deflated at most


class Claim(NamedTuple):
    """An interval at any level beside the interval of the truth."""

    what: str
    ends: Callable[[float], tuple[int, int]]
    truth: Truth
    n: int


class Outcome(NamedTuple):
    """A result with what was asked for."""

    result: RankResult
    max_matvecs: int
    half_width: float


@dataclass
class Answer:
    outcomes: list[Outcome] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    is_clear: bool = False  # no eigenvalue is near the cut


def half_width_of(problem: Problem, options: dict[str, Any]) -> float:
    """Return the half-width that these options ask for."""
    precision = 0.005 if options.get("precision") is None else options["precision"]
    return precision if precision >= 1.0 else precision * problem.n


def outcome(result: RankResult, problem: Problem, options: dict[str, Any]) -> Outcome:
    return Outcome(result, options["max_matvecs"], half_width_of(problem, options))


def signs(result: RankResult, problem: Problem, cut: tuple[float, float]) -> list[Claim]:
    """Return the claims of an inertia that is called exact."""
    if result.inertia is None or result.status.name != "EXACT":
        return []
    names = ("n_plus", "n_zero", "n_minus")
    return [
        Claim(name, lambda level, k=k: (k, k), truth, problem.n)
        for name, k, truth in zip(names, result.inertia, problem.inertia(cut), strict=True)
    ]


def by_eigenvalues(method: Any) -> bool:
    """Tell whether the method may count computed eigenvalues, with NumPy's floor."""
    return method is None or method == "dense"


def rank_claims(problem: Problem, options: dict[str, Any], result: RankResult) -> Answer:
    """Return what a rank claims, at the cut of its options."""
    seen, level = problem.seen_by(options["method"])
    floor = seen.floor(by_eigenvalues=by_eigenvalues(options["method"]))
    cut = seen.cut(level(options.get("atol") or 0.0), level(options.get("rtol") or 0.0), floor)
    claims = [Claim("rank", result.interval, seen.above(cut), problem.n)]
    claims += signs(result, seen, cut)
    return Answer([outcome(result, problem, options)], claims, seen.is_clear(cut))


def ask_rank(method: Any, cut: str, problem: Problem, options: dict[str, Any]) -> Answer:
    options = options | {"method": method}
    if cut == "atol":
        options["atol"] = problem.level
    elif cut == "rtol":
        options["rtol"] = problem.level / (problem.norm[1] or 1.0)
    elif cut == "rtol 1":
        options["rtol"] = 1.0
    return rank_claims(problem, options, symrank.rank(problem.A, **options))


def ask_plan(problem: Problem, options: dict[str, Any]) -> Answer:
    """Ask by the method that a plan names."""
    method = symrank.plan(problem.A, **options).choice.method
    named = options | {"method": method.name}
    return rank_claims(problem, named, symrank.rank(problem.A, method, **options))


def singular(ask: Callable[..., Answer], *named: Any) -> Answer:
    """Ask for the singular values of a symmetric matrix: the moduli of its eigenvalues."""
    *before, problem, options = named
    seen = replace(problem, low=problem.least, high=problem.most, diagonal=None)
    return ask(*before, seen, options | {"hermitian": False})


def shared(ask: Callable[..., Answer], problem: Problem, options: dict[str, Any]) -> Answer:
    """Ask with an executor of two threads, which has a round of two tasks or more."""
    return ask(problem, options | {"executor": TWO})


def apart(most_rows: int, ask: Callable[..., Answer], *named: Any) -> Answer:
    """Ask where even a matrix of few rows is looked at for its structure.

    Components of more rows than `most_rows` are counted together.
    """
    with (
        patch.object(entries, "CHEAP", 0.0),
        patch.object(direct_sum, "SHARE", 0.0),
        patch.object(merging, "SHARE", 0.0),
        patch.object(components, "MOST_ROWS", most_rows),
    ):
        return ask(*named)


class Quadratic:
    """The loss d'A d / 2 + <b, d> + 1, d the distance from theta0: no stationary point."""

    def __init__(self, problem: Problem) -> None:
        self.A = symrank.as_operator(problem.A)
        rng = np.random.default_rng(problem.n)
        self.n, self.theta0 = self.A.n, rng.standard_normal(self.A.n)
        self.size = problem.norm[1] or 1.0
        self.b = self.size * rng.standard_normal(self.n)

    def loss_and_grad(self, Theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = Theta - self.theta0[:, None]
        Ad = np.asarray(self.A.matmat(d), float)
        rise = self.b @ d + 0.5 * np.einsum("ij,ij->j", d, Ad)
        return self.size + rise, Ad + self.b[:, None]

    def hessian(self) -> Any:
        return self.A


def ask_loss(method: Any, problem: Problem, options: dict[str, Any]) -> Answer:
    """Ask for the rank of a loss; a saddle may be refused, and what no loss can have must be."""
    options = options | {"method": method}
    most = 100.0 if problem.eps < 1e-12 else 15.0  # decades; of squares within a single number
    is_extreme = problem.norm[1] > 0.0 and abs(np.log10(problem.norm[1])) > most
    if symrank.as_operator(problem.A).dtype.kind == "c" or is_extreme:
        raise OptionError("no loss of real parameters in the range of doubles")
    try:
        result = symrank.rank(Quadratic(problem), **options)
    except NotPositiveError as error:
        if problem.low.min(initial=0.0) >= -problem.floor(by_eigenvalues=False)[0]:
            raise
        raise OptionError("a saddle") from error
    if result.status in (Status.NOT_QUADRATIC, Status.NOT_SMOOTH):
        raise AssertionError(f"a quadratic loss is called {result.status.name}: {result.notes}")
    return rank_claims(problem, options, result)


def window_of(name: str, problem: Problem) -> tuple[float, float]:
    c, norm = problem.level, problem.norm[1] or 1.0
    return {
        "(cut, inf)": (c, INF),
        "(-inf, cut)": (-INF, c),
        "(0, inf)": (0.0, INF),
        "(-inf, 0)": (-INF, 0.0),
        "(0, cut)": (0.0, c),
        "(-cut, 0)": (-c, 0.0),
        "(-cut, cut)": (-c, c),
        "(cut, 2 cut)": (c, 2.0 * c),
        "(cut, 1e13)": (c, 1e13 * max(norm, c) if norm < 1e280 else 1e300),
        "(cut, 1e300)": (c, 1e300),
        "(-1e300, 1e300)": (-1e300, 1e300),
        "(-inf, inf)": (-INF, INF),
    }[name]


WINDOWS = (
    "(cut, inf)", "(-inf, cut)", "(0, inf)", "(-inf, 0)", "(0, cut)", "(-cut, 0)", "(-cut, cut)",
    "(cut, 2 cut)", "(cut, 1e13)", "(cut, 1e300)", "(-1e300, 1e300)", "(-inf, inf)",
)  # fmt: skip
SOME_WINDOWS = ("(cut, inf)", "(0, inf)", "(-cut, cut)", "(cut, 1e13)")


def ask_count(method: Any, name: str, problem: Problem, options: dict[str, Any]) -> Answer:
    a, b = window_of(name, problem)
    result = symrank.count(problem.A, a, b, method, **options)
    truth = within(problem, a, b, method)
    claim = Claim("count", result.interval, truth, problem.n)
    return Answer([outcome(result, problem, options)], [claim])


def within(problem: Problem, a: float, b: float, method: Any) -> Truth:
    """Return the truth of a window, as sharp as the method sees it."""
    seen, level = problem.seen_by(method)
    return seen.within(level(a), level(b), by_eigenvalues=by_eigenvalues(method))


def ask_inertia_intervals(
    method: Any, deflate: bool, problem: Problem, options: dict[str, Any]
) -> Answer:
    options = options | {"method": method}
    if deflate:
        options["deflate"] = null_vectors(problem)
    result = symrank.rank(problem.A, **options)
    answer = rank_claims(problem, options, result)
    seen, _ = problem.seen_by(None if deflate is False else "deflated")
    floor = seen.floor(by_eigenvalues=by_eigenvalues(method))
    for i, truth in enumerate(seen.inertia(floor)):
        what = ("n_plus", "n_zero", "n_minus")[i]
        ends = lambda level, i=i: result.inertia_intervals(level)[i]  # noqa: E731
        answer.claims.append(Claim(f"inertia_intervals {what}", ends, truth, problem.n))
    return answer


def ask_counting_function(of_count: bool, problem: Problem, options: dict[str, Any]) -> Answer:
    """Look at the counting function at the cut, beside it, and near the floor."""
    seen, root = problem.seen_by("lanczos")
    floor = seen.floor(by_eigenvalues=False)
    if of_count:
        result = symrank.count(problem.A, -problem.level, INF, "lanczos", **options)
        answer = Answer([outcome(result, problem, options)])
        floor = floor[0], 4.0 * floor[1]  # the norm of what was shifted
    else:
        result = symrank.rank(problem.A, "lanczos", **options)
        answer = rank_claims(problem, options | {"method": "lanczos"}, result)
    for tau in (problem.level, 0.9 * problem.level, 4.0 * problem.level, 10.0 * floor[1]):

        def ends(level: float, tau: float = tau) -> tuple[int, int]:
            estimate, low, high = result.counting_function(tau, level)
            assert low[0] <= estimate[0] <= high[0], f"estimate {estimate[0]} outside"
            return int(low[0]), int(high[0])

        truth = seen.above(seen.cut(root(tau), None, floor))
        answer.claims.append(Claim(f"counting_function({tau:.3g})", ends, truth, problem.n))
    return answer


def ask_refine(method: Any, cut: str, problem: Problem, options: dict[str, Any]) -> Answer:
    """Refine a rough answer: both must hold."""
    fine = options.get("precision") or 0.02
    coarse = options | {"precision": 8.0 * fine, "method": method}
    if cut == "atol":
        coarse["atol"] = problem.level
    rough = symrank.rank(problem.A, **coarse)
    answer = rank_claims(problem, coarse, rough)
    refined = rough.refine(fine, max_matvecs=options["max_matvecs"])
    both = coarse | {"precision": fine, "max_matvecs": rough.num_matvecs + options["max_matvecs"]}
    later = rank_claims(problem, both, refined)
    return Answer(answer.outcomes + later.outcomes, answer.claims + later.claims, later.is_clear)


def ask_refine_count(window: str, problem: Problem, options: dict[str, Any]) -> Answer:
    fine = options.get("precision") or 0.02
    a, b = window_of(window, problem)
    coarse = options | {"precision": 8.0 * fine}
    rough = symrank.count(problem.A, a, b, "lanczos", **coarse)
    refined = rough.refine(fine, max_matvecs=options["max_matvecs"])
    both = options | {"precision": fine, "max_matvecs": rough.num_matvecs + options["max_matvecs"]}
    truth = within(problem, a, b, "lanczos")
    claims = [Claim("count", one.interval, truth, problem.n) for one in (rough, refined)]
    return Answer([outcome(rough, problem, coarse), outcome(refined, problem, both)], claims)


def null_vectors(problem: Problem) -> np.ndarray:
    """Return some true null vectors, mixed so that no column is a unit vector."""
    assert problem.null is not None
    k = min(problem.null.shape[1], problem.n - 1, MANY)
    mix = np.random.default_rng(k).standard_normal((problem.null.shape[1], k))
    return np.asarray(problem.null @ mix).astype(problem.A.dtype)


def ask_deflated(method: Any, problem: Problem, options: dict[str, Any]) -> Answer:
    Q = null_vectors(problem)
    options = options | {"method": method, "deflate": Q}
    left = replace(problem, order=max(1, problem.order - Q.shape[1]))
    return rank_claims(left, options, symrank.rank(problem.A, **options))


def jacobi(problem: Problem, rng: Any) -> tuple[Any, Problem]:
    """Return the option and the problem that the method sees."""
    whole = problem.A.tocoo() if isinstance(problem.A, PaddedMatrix) else problem.A
    entries = np.abs(np.asarray(whole.diagonal(), dtype=complex)).astype(float)
    g = 1.0 / entries[entries > 0.0] if (entries > 0.0).any() else np.ones(1)
    if problem.diagonal is not None:  # 1/|lambda| each: only signs are left
        return "jacobi", problem.with_spectrum(np.sign(problem.diagonal))
    return "jacobi", problem.under(float(g.min()), float(g.max()))


def equilibrate(problem: Problem, rng: Any) -> tuple[Any, Problem]:
    g = Preconditioner.equilibrate(symrank.as_operator(problem.A)).root ** 2
    if problem.diagonal is not None:
        return "equilibrate", problem.with_spectrum(g * problem.diagonal)
    return "equilibrate", problem.under(float(g.min()), float(g.max()))


def diagonal_g(problem: Problem, rng: Any) -> tuple[Any, Problem]:
    g = 4.0 ** rng.integers(-1, 2, problem.n)
    if problem.diagonal is not None:
        return g, problem.with_spectrum(g * problem.diagonal)
    return g, problem.under(0.25, 4.0)


def from_factor(problem: Problem, rng: Any) -> tuple[Any, Problem]:
    n = problem.n
    S = np.eye(n) + np.tril(rng.standard_normal((n, n)), -1) / (2.0 * np.sqrt(n))
    sigma = np.linalg.svd(S, compute_uv=False)
    g_min, g_max = 0.999 * float(sigma[-1]) ** 2, 1.001 * float(sigma[0]) ** 2
    seen = replace(problem, is_squared=False)  # a product of factors is none at hand
    return Preconditioner.from_factor(S), seen.under(g_min, g_max)


def from_products(problem: Problem, rng: Any) -> tuple[Any, Problem]:
    """G is a diagonal known by its products: its threshold may be that of A as well."""
    g = np.exp(rng.standard_normal(problem.n))
    dtype = np.dtype(problem.A.dtype)
    real = g.astype(np.float32) if dtype.char in "fF" else g
    G = Preconditioner.from_products(lambda R: real[:, None] * R, problem.n)
    seen = replace(problem, is_squared=False)
    return G, seen.under(min(1.0, 0.999 * float(g.min())), max(1.0, 1.001 * float(g.max())))


Precondition = Callable[[Problem, Any], tuple[Any, Problem]]


def ask_preconditioned(
    make: Precondition, method: Any, problem: Problem, options: dict[str, Any]
) -> Answer:
    G, seen = make(problem, np.random.default_rng(options["rng"]))
    options = options | {"method": method, "preconditioner": G}
    return rank_claims(seen, options, symrank.rank(problem.A, **options))
