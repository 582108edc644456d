"""The doors: one row each, how the package is asked (`asks`) and what it may refuse.

A new door is one row in one of the functions of ROWS. ``ask(problem, options)`` returns an
`asks.Answer`; a door that may refuse a question, or that needs entries or null vectors, says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from symrank import Chebyshev, Langevin, Sketch
from symrank.errors import OptionError
from symrank.methods import BY_NAME
from tests.adversary import asks, asks_bases, asks_kept, asks_shell, asks_signed
from tests.adversary.asks import Answer
from tests.adversary.problems import Problem

Ask = Callable[[Problem, dict[str, Any]], Answer]


@dataclass(frozen=True, kw_only=True)
class Door:
    name: str
    ask: Ask
    may_refuse: bool = False  # an OptionError is an answer
    needs: str = ""  # "entries", "matrix" or "null": the forms that it takes (`forms.Form.gives`)
    takes_rectangles: bool = False  # it counts the singular values of a matrix
    is_sampled_law: bool = False  # Langevin: the law of its interval is not exact


LANGEVIN = {
    "langevin baoab": Langevin(),
    "langevin leimkuhler-matthews": Langevin(scheme="leimkuhler-matthews"),
    "langevin euler-maruyama": Langevin(scheme="euler-maruyama"),
    "langevin gaussian": Langevin(noise="gaussian"),
}
METHODS: dict[str, Any] = {
    "None": None,
    **{name: name for name in BY_NAME if name != "langevin"},
    **LANGEVIN,
    "chebyshev step": Chebyshev(filter="step"),
    "chebyshev exponential": Chebyshev(filter="exponential"),
    "sketch range": Sketch(side="range"),
    "sketch null": Sketch(side="null"),
}
ONE = ("None", "lanczos", "inertia", "sketch", "chebyshev")  # asked for what lies above rtol = 1
DEFLATED = (
    "None", "lanczos", "dense", "chebyshev", "projection", "sketch", "sketch null",
    "langevin baoab",
)  # fmt: skip
COUNTED = ("inertia", "langevin baoab", "chebyshev", "ubaru-saad", "sketch", "projection")
PRECONDITIONED: tuple[tuple[str, asks.Precondition, tuple[str, ...], dict[str, Any]], ...] = (
    ("jacobi", asks.jacobi, ("None", "lanczos", "dense", "inertia", "sketch", "langevin baoab"),
     {"needs": "matrix"}),
    ("equilibrate", asks.equilibrate, ("None", "lanczos", "dense", "inertia", "chebyshev"),
     {"needs": "matrix"}),
    ("diagonal", asks.diagonal_g, ("None", "lanczos", "chebyshev", "projection", "dense"), {}),
    ("from_factor", asks.from_factor, ("None", "lanczos", "sketch", "projection"), {}),
    ("from_products", asks.from_products, ("None", "projection", "sketch null"), {}),
)  # fmt: skip


def traits(method: str) -> dict[str, Any]:
    """Return what every door to this method shares; tiny budgets are refused by some."""
    return {
        "may_refuse": method in LANGEVIN or method == "dense",
        "needs": "entries" if method == "inertia" else "",
        "takes_rectangles": method in ("None", "dense", "lanczos", "inertia"),
        "is_sampled_law": method in LANGEVIN,
    }


def rank_rows() -> list[Door]:
    found = []
    for name, method in METHODS.items():
        for cut in ("none", "atol", "rtol", "rtol 1"):
            if cut == "rtol 1" and name not in ONE:
                continue
            own = traits(name)
            own["may_refuse"] |= name == "projection" and cut != "none"
            ask = partial(asks.ask_rank, method, cut)
            found.append(Door(name=f"rank {name}, {cut}", ask=ask, **own))
    return found


def count_rows() -> list[Door]:
    found = []
    for name in ("None", "lanczos", "dense", *COUNTED):
        own = traits(name)
        own["may_refuse"] |= name == "projection"  # it has no cut
        for window in asks.SOME_WINDOWS if name in COUNTED else asks.WINDOWS:
            ask = partial(asks.ask_count, METHODS[name], window)
            found.append(Door(name=f"count {window}, {name}", ask=ask, **own))
    return found


def rows_of_structure() -> list[Door]:
    """Return the doors at which what few rows tell is asked for: components, graphs, triangles."""
    found = []
    own: dict[str, Any] = {"needs": "matrix", "takes_rectangles": True}
    for most in (1024, 1):
        for cut in ("none", "atol", "rtol"):
            ask = partial(asks.apart, most, asks.ask_rank, None, cut)
            found.append(Door(name=f"rank apart {most}, {cut}", ask=ask, **own))
        for window in asks.SOME_WINDOWS:
            ask = partial(asks.apart, most, asks.ask_count, None, window)
            found.append(Door(name=f"count apart {most}, {window}", ask=ask, **own))
    return found


def rows_of_results() -> list[Door]:
    """Return the doors that a result opens."""
    signs, curve = asks.ask_inertia_intervals, asks.ask_counting_function
    refine, refine_count = asks.ask_refine, asks.ask_refine_count
    both = {"takes_rectangles": True}
    return [
        Door(name="inertia_intervals, None", ask=partial(signs, None, False), may_refuse=True),
        Door(name="inertia_intervals, lanczos", ask=partial(signs, "lanczos", False)),
        Door(name="inertia_intervals, deflated", ask=partial(signs, "lanczos", True), needs="null"),
        Door(name="counting_function", ask=partial(curve, False), **both),
        Door(name="counting_function of a count", ask=partial(curve, True), **both),
        Door(name="refine lanczos", ask=partial(refine, "lanczos", "none"), **both),
        Door(name="refine lanczos, atol", ask=partial(refine, "lanczos", "atol"), **both),
        Door(name="refine projection", ask=partial(refine, "projection", "none")),
        Door(name="refine count (cut, inf)", ask=partial(refine_count, "(cut, inf)"), **both),
    ]


def rows_of_options() -> list[Door]:
    """Return the doors of known null vectors and of preconditioners."""
    found = []
    for name in DEFLATED:
        ask = partial(asks.ask_deflated, METHODS[name])
        own = traits(name) | {"needs": "null", "takes_rectangles": False}
        found.append(Door(name=f"deflate, {name}", ask=ask, **own))
    for kind, make, names, needs in PRECONDITIONED:
        for name in names:
            ask = partial(asks.ask_preconditioned, make, METHODS[name])
            own = traits(name) | {"takes_rectangles": False} | needs
            found.append(Door(name=f"{kind}, {name}", ask=ask, **own))
    return found


def rows_of_executors() -> list[Door]:
    """Return the doors at which two threads share a round; a device has one process."""
    found = []
    for name in ("None", "lanczos", "chebyshev", "langevin baoab", "projection"):
        own = traits(name) | {"may_refuse": True}
        ask = partial(asks.shared, partial(asks.ask_rank, METHODS[name], "none"))
        found.append(Door(name=f"rank on two threads, {name}", ask=ask, **own))
    whole = {"needs": "matrix", "takes_rectangles": False}
    for name in ("None", "lanczos"):
        own, method = traits(name) | {"may_refuse": True}, METHODS[name]
        for title, ask, more in (
            ("count (cut, inf)", partial(asks.ask_count, method, "(cut, inf)"), {}),
            ("count (-cut, cut)", partial(asks.ask_count, method, "(-cut, cut)"), {}),
            ("table", partial(asks_signed.ask_table, method), {}),
            ("inertia", partial(asks_bases.ask_inertia, method), {"takes_rectangles": False}),
            ("pencil (cut, inf)", partial(asks_bases.ask_pencil, method, "(cut, inf)"), whole),
            ("pencil (-cut, cut)", partial(asks_bases.ask_pencil, method, "(-cut, cut)"), whole),
        ):
            door = f"{title} on two threads, {name}"
            found.append(Door(name=door, ask=partial(asks.shared, ask), **own | more))
    return found


def rows_of_losses() -> list[Door]:
    """Return the doors of a quadratic loss with the operator as its Hessian."""
    return [
        Door(name=f"loss, {name}", ask=partial(asks.ask_loss, METHODS[name]), **traits(name))
        for name in LANGEVIN
        if name != "langevin gaussian"  # a loss has that noise always
    ]


def rows_of_the_signed_spectrum() -> list[Door]:
    """Return the doors of staircases, quantiles, slices and tables."""
    found = []
    for name in ("lanczos", "dense"):
        own = traits(name)
        for title, ask in (
            ("cdf", partial(asks_signed.ask_cdf, name, False)),
            ("cdf at once", partial(asks_signed.ask_cdf, name, True)),
            ("quantiles", partial(asks_signed.ask_quantiles, name)),
            ("slices", partial(asks_signed.ask_slices, name)),
        ):
            found.append(Door(name=f"{title}, {name}", ask=ask, **own))
    for name in ("None", "lanczos", "dense"):
        ask = partial(asks_signed.ask_table, METHODS[name])
        found.append(Door(name=f"table, {name}", ask=ask, **traits(name)))
    return found


def rows_of_signs_and_spaces() -> list[Door]:
    """Return the doors of signs, bases and pencils."""
    found = [Door(name=f"{side} space", ask=partial(asks_bases.ask_basis, side))
             for side in ("null", "range")]  # fmt: skip
    for name in ("None", "lanczos", "inertia", "dense", "sketch"):
        ask = partial(asks_bases.ask_inertia, METHODS[name])
        own = traits(name) | {"takes_rectangles": False}  # which have no signs
        found.append(Door(name=f"inertia, {name}", ask=ask, **own))
    for name in ("None", "lanczos", "dense"):
        own = traits(name) | {"needs": "matrix", "takes_rectangles": False}
        own["may_refuse"] = True  # too narrow a window
        for window in ("(cut, inf)", "(0, inf)", "(-cut, cut)", "(-inf, 0)", "(cut, 2 cut)"):
            ask = partial(asks_bases.ask_pencil, METHODS[name], window)
            found.append(Door(name=f"pencil {window}, {name}", ask=ask, **own))
    return found


def rows_of_checkpoints() -> list[Door]:
    """Return the doors of runs that were stopped and are resumed."""
    found = []
    for name in ("None", "lanczos", "chebyshev", "sketch", "projection", "langevin baoab"):
        ask = partial(asks_kept.kept, asks.ask_rank, METHODS[name], "none")
        found.append(Door(name=f"kept rank, {name}", ask=ask, **traits(name)))
    for name in ("None", "lanczos"):
        ask = partial(asks_kept.kept, asks.ask_count, METHODS[name], "(cut, inf)")
        found.append(Door(name=f"kept count, {name}", ask=ask, **traits(name)))
    ask = partial(asks_kept.kept, asks.ask_refine, "lanczos", "none")
    found.append(Door(name="kept refine, lanczos", ask=ask, takes_rectangles=True))
    ask = partial(asks_kept.kept, asks_signed.ask_table, "lanczos")
    found.append(Door(name="kept table, lanczos", ask=ask, **traits("lanczos")))
    ask = partial(asks_kept.kept, asks_bases.ask_pencil, "lanczos", "(cut, inf)")
    found.append(Door(name="kept pencil, lanczos", ask=ask, needs="matrix", may_refuse=True))
    return found


def rows_of_plans_and_moduli() -> list[Door]:
    """Return the doors of plans, and of singular values of what is symmetric."""
    found = [Door(name="rank as planned", ask=asks.ask_plan, takes_rectangles=True)]
    for name in ("None", "lanczos", "dense", "inertia"):
        own = traits(name) | {"needs": "matrix", "takes_rectangles": False}
        for title, ask in (
            ("rank", partial(asks.ask_rank, METHODS[name], "none")),
            ("rank atol", partial(asks.ask_rank, METHODS[name], "atol")),
            ("count (cut, inf)", partial(asks.ask_count, METHODS[name], "(cut, inf)")),
        ):
            door = f"{title} of singular values, {name}"
            found.append(Door(name=door, ask=partial(asks.singular, ask), **own))
    return found


def rows_of_the_command() -> list[Door]:
    """Return the doors of the command line, whose operators are files."""
    found = []
    command, matrix = asks_shell.ask_command, {"needs": "matrix", "takes_rectangles": True}
    for name, method in (("None", None), ("lanczos", "lanczos")):
        for title, more in (
            ("rank", {}),
            ("rank --atol", {"atol": True}),
            ("rank --executor", {"executor": "threads"}),
        ):
            ask = partial(command, method, more)
            found.append(Door(name=f"symrank {title}, {name}", ask=ask, **matrix))
        for title, ask in (
            ("resume", partial(asks_shell.ask_resume, method)),
            ("show", partial(asks_shell.ask_show, method)),
        ):
            found.append(Door(name=f"symrank {title}, {name}", ask=ask, **matrix))
        ask = partial(asks_shell.ask_signs, method)
        found.append(Door(name=f"symrank inertia, {name}", ask=ask, needs="matrix"))
    return found


ROWS = (
    rank_rows,
    count_rows,
    rows_of_structure,
    rows_of_results,
    rows_of_options,
    rows_of_executors,
    rows_of_losses,
    rows_of_the_signed_spectrum,
    rows_of_signs_and_spaces,
    rows_of_checkpoints,
    rows_of_plans_and_moduli,
    rows_of_the_command,
)
DOORS = {door.name: door for rows in ROWS for door in rows()}
REFUSAL = OptionError
