"""Draw the table *which method when*.

What a method proves, costs and needs is said in `CHOICE`, a row for every class of `BY_NAME`; its
options come from the class, and what it refuses is found out by asking. tests/docs/test_which.py
measures the blocks.
"""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tables import table

import symrank
from symrank import Preconditioner, gallery
from symrank.methods import BY_NAME


class Choice(NamedTuple):
    """What a method is for, in words; a block is n numbers for every vector multiplied at once."""

    proves: str
    products: str
    blocks: int | None  # at most; None: memory is not a matter of blocks
    memory: str
    needs: str


CHOICE = {
    "lanczos": Choice(
        "the interval: Beta law, certified bounds of the null mass",
        "8 probes or more, each with steps like $\\sqrt\\kappa$ (like $\\kappa$ if indefinite)",
        6,
        "8 to 32 vectors at once",
        "products",
    ),
    "sketch": Choice(
        "the integer, except with probability 1e-10",
        "$1.1 r + 32$ for a rank $r$, or $r$ more; twenty solves for a small nullity",
        6,
        "as many vectors as the rank, or twenty more than the nullity",
        "a small rank or a small nullity; gains from any preconditioner",
    ),
    "inertia": Choice(
        "the integer and the signs: pivots with a measured backward error",
        "40, and as many again for every factorisation, two to four in all",
        None,
        "the fill, which the pattern predicts",
        "entries, and little fill",
    ),
    "dense": Choice(
        "the integer and the signs: all eigenvalues",
        "none where entries are known, else $n$",
        None,
        "$n^2$ numbers",
        "an $n$ of some thousands",
    ),
    "projection": Choice(
        "the interval: Beta law, bounds of the null mass from solves",
        "a solve for every probe, 8 probes or more",
        9,
        "8 vectors at once, or more",
        "products; gains from any preconditioner",
    ),
    "langevin": Choice(
        "bounds of the bias; the sampling error is Student's $t$ over chains",
        "a tenth for the pilot, then all that is given: the error falls with the root",
        6,
        "a block of chains",
        "products; twice as many if indefinite",
    ),
    "chebyshev": Choice(
        "the interval, with a pilot for what the transition may hide",
        "half the degree for every probe, as planned on the pilot",
        8,
        "8 vectors at once, or more",
        "products",
    ),
    "ubaru-saad": Choice(
        'as `chebyshev`; nothing with `variant="published"`',
        "as `chebyshev`; published: 25 for each of 300 vectors",
        8,
        "8 vectors at once, or more",
        "products",
    ),
}

SIDE = 8


def write(folder: Path) -> None:
    """Write which.md and takes.md."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (which, takes):
        (folder / f"{draw.__name__}.md").write_text("\n".join([*draw(), ""]))


def which() -> Iterable[str]:
    """A line a method: proof, products, memory, needs, options."""

    def memory(one: Choice) -> str:
        return one.memory if one.blocks is None else f"{one.blocks} blocks; {one.memory}"

    yield from table(
        ("method", "proves", "products", "memory, at most", "needs", "options"),
        [
            (
                f"[`{name}`](#{target(BY_NAME[name].__name__)})",
                *(one.proves, one.products, memory(one), one.needs, options(BY_NAME[name])),
            )
            for name, one in CHOICE.items()
        ],
    )


def target(name: str) -> str:
    """Return what a page of the reference calls a class: not every method is a public name."""
    return f"symrank.{name}" if name in symrank.__all__ else f"symrank.methods.{name}"


def options(method: Any) -> str:
    """Return the names of the options of a method."""
    return ", ".join(f"`{one.name}`" for one in dataclasses.fields(method)) or "none"


def asks() -> dict[str, Callable[[str], Any]]:
    """Return ways to ask a small graph Laplacian by a method."""
    L = gallery.grid_laplacian((SIDE, SIDE))
    n = SIDE * SIDE
    products = symrank.as_operator(L).to_scipy()
    G = Preconditioner.from_products(lambda X: X, n)

    def rank(method: str, A: Any = L, **options: Any) -> Any:
        return symrank.rank(A, method, rng=1, max_matvecs=300, **options)

    return {
        "products alone": lambda method: rank(method, products),
        "`atol`, `rtol`": lambda method: rank(method, atol=1e-3),
        "`count` in $(a, b]$": lambda method: symrank.count(
            L, 0.5, 2.0, method, rng=1, max_matvecs=300
        ),
        "`deflate`": lambda method: rank(method, deflate=np.ones((n, 1))),
        "a factored $G$": lambda method: rank(method, preconditioner="jacobi"),
        "a $G$ by products": lambda method: rank(method, preconditioner=G),
    }


def takes() -> Iterable[str]:
    """What every method takes, as it answers."""

    def verdict(ask: Callable[[str], Any], name: str) -> str:
        try:
            ask(name)
        except symrank.errors.OptionError:
            return "refused"
        return "yes"

    yield from table(
        ("method", *asks()),
        [(f"`{name}`", *(verdict(ask, name) for ask in asks().values())) for name in CHOICE],
    )


if __name__ == "__main__":
    for part in (which, takes):
        print("\n".join(part()), end="\n\n")
