r"""The spectra: one row each, a function of the order and of the noise floor.

``make(n, floor)`` returns eigenvalues of norm 1 (unless all are zero), in which `floor` is the
noise floor 500 eps of what will multiply them. `level` is where the row would be cut: it is exact
in binary, so that an eigenvalue can lie on it. `exponent` is the power of two that scales all.
A row with a `form` is a matrix of its own, which that form knows: `make` is not asked.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Make = Callable[[int, float], np.ndarray]
LEVEL = 0.25
GIANT, TINY = 996, -996  # 6.7e299 and 1.5e-300


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    name: str
    make: Make
    level: float = LEVEL
    exponent: int = 0
    form: str = ""  # the only one that has it, where it is no row of eigenvalues


def with_bulk(n: int, special: np.ndarray, zeros: int) -> np.ndarray:
    """Return the special eigenvalues, as many zeros as fit, and a bulk in [1/2, 1]."""
    special = special[: max(n - 1, 0)]
    zeros = min(zeros, n - 1 - special.size)
    bulk = np.linspace(1.0, 0.5, max(n - special.size - zeros, 0))
    return np.concatenate([bulk, special, np.zeros(max(zeros, 0))])


def cluster(n: int, value: float, share: str) -> np.ndarray:
    """Return the value one, n/4 or n/2 times."""
    return np.full({"one": 1, "quarter": max(n // 4, 1), "half": max(n // 2, 1)}[share], value)


def near_zero(floors: float, share: str) -> Make:
    return lambda n, floor: with_bulk(n, cluster(n, floors * floor, share), n // 4)


def near_level(floors: float, share: str) -> Make:
    return lambda n, floor: with_bulk(n, cluster(n, LEVEL + floors * floor, share), n // 4)


def at(value: float, share: str) -> Make:
    return lambda n, floor: with_bulk(n, cluster(n, value, share), n // 4)


def padded(lam: np.ndarray, n: int) -> np.ndarray:
    return np.append(lam, np.zeros(max(n - lam.size, 0)))[:n]


def of_rank(rank: Callable[[int], int]) -> Make:
    """Return zeros and a gapped bulk."""
    return lambda n, floor: padded(np.linspace(1.0, 0.5, max(0, min(n, rank(n)))), n)


def two_level(low: float, share: float, *, zeros: bool) -> Make:
    """Return a third at 1, a share at `low` far below, the rest zero or near 1."""

    def make(n: int, floor: float) -> np.ndarray:
        m = max(1, round(share * n))
        top = max(1, n // 3) if zeros else max(1, n - m)
        return padded(np.append(np.linspace(1.0, 0.9, top), np.full(m, low)), n)

    return make


def signed(make: Make) -> Make:
    """Turn every other sign."""
    return lambda n, floor: make(n, floor) * (-1.0) ** np.arange(n)


def tiny_negatives(floors: float) -> Make:
    """Return a semidefinite spectrum but for three negatives some floors below zero."""
    return lambda n, floor: with_bulk(n, np.full(3, -floors * floor), n // 4)


def hidden_norm(excess: float) -> Make:
    """Return half in [0.6, 1), half just above half of it, and one larger than all by a share."""

    def make(n: int, floor: float) -> np.ndarray:
        bulk = np.linspace(1.0, 0.6, max(n // 2, 1))
        half = np.full(n, 0.5 * (1.0 + 0.5 * excess))
        return np.concatenate([[1.0 + excess], bulk, half])[:n] / (1.0 + excess)

    return make


def outlier(n: int, floor: float) -> np.ndarray:
    return padded(np.append(1.0, np.linspace(1e-3, 5e-4, max(0, n - 1 - n // 3))), n)


def rows() -> list[Spectrum]:
    found = [
        Spectrum(name=f"{floors:g} floors from zero, {share}", make=near_zero(floors, share))
        for floors in (0.3, 1.0, 3.0, 30.0, 300.0)
        for share in ("one", "quarter", "half")
    ]
    for share in ("one", "quarter", "half"):
        found += [
            Spectrum(name=f"on the cut, {share}", make=at(LEVEL, share)),
            Spectrum(name=f"minus the cut, {share}", make=at(-LEVEL, share)),
        ]
    for share in ("one", "half"):
        found += [
            Spectrum(name=f"an ulp above the cut, {share}", make=at(np.nextafter(LEVEL, 1), share)),
            Spectrum(name=f"an ulp below the cut, {share}", make=at(np.nextafter(LEVEL, 0), share)),
        ]
    for floors in (0.3, 1.0, 3.0, 30.0, 300.0):
        found += [
            Spectrum(name=f"{floors:g} floors above the cut", make=near_level(floors, "half")),
            Spectrum(name=f"{floors:g} floors below the cut", make=near_level(-floors, "half")),
        ]
    found += [
        Spectrum(name=f"power law {p:g}", make=lambda n, floor, p=p: np.arange(1.0, n + 1) ** -p)
        for p in (0.5, 1.0, 2.0, 4.0, 8.0)
    ]
    found += [
        Spectrum(name=f"log-uniform to 1e-{k}", make=lambda n, floor, k=k: np.logspace(0, -k, n))
        for k in (3, 8, 13, 20)
    ]
    found += [
        Spectrum(name=f"two levels, {low:g}, {part}", make=two_level(low, share, zeros=zeros))
        for low in (1e-4, 1e-7, 1e-10)
        for part, share, zeros in (("few", 0.02, True), ("third", 0.33, True), ("full", 0.3, False))
    ]  # fmt: skip
    found += [
        Spectrum(name="rank 0", make=of_rank(lambda n: 0)),
        Spectrum(name="rank 1", make=of_rank(lambda n: 1)),
        Spectrum(name="rank 3", make=of_rank(lambda n: 3)),
        Spectrum(name="rank half", make=of_rank(lambda n: n // 2), level=2.0**-10),
        Spectrum(name="rank n - 3", make=of_rank(lambda n: n - 3), level=2.0**-10),
        Spectrum(name="rank n - 1", make=of_rank(lambda n: n - 1), level=2.0**-10),
        Spectrum(name="rank n", make=of_rank(lambda n: n), level=2.0**-10),
        Spectrum(name="identity", make=lambda n, floor: np.ones(n)),
        Spectrum(name="minus identity", make=lambda n, floor: -np.ones(n)),
        Spectrum(name="signs", make=signed(lambda n, floor: np.ones(n))),
        Spectrum(name="negative", make=lambda n, floor: -of_rank(lambda n: n // 2)(n, floor)),
        Spectrum(name="indefinite", make=signed(of_rank(lambda n: 2 * n // 3)), level=2.0**-10),
        Spectrum(name="indefinite log-uniform", make=signed(lambda n, f: np.logspace(0, -6, n))),
        Spectrum(name="indefinite two levels", make=signed(two_level(1e-7, 0.2, zeros=True))),
        Spectrum(name="hidden norm, 0.3 %", make=hidden_norm(0.003), level=0.5),
        Spectrum(name="hidden norm, 3 %", make=hidden_norm(0.03), level=0.5),
        Spectrum(name="outlier", make=outlier),
    ]
    found += [
        Spectrum(name=f"tiny negatives, {floors:g} floors", make=tiny_negatives(floors))
        for floors in (0.3, 3.0, 30.0, 3e4)
    ]
    for name, exponent in (("giant", GIANT), ("tiny", TINY)):
        half, power = of_rank(lambda n: n // 2), lambda n, floor: np.arange(1.0, n + 1) ** -2.0
        found += [
            Spectrum(name=f"{name} gapped", make=half, exponent=exponent, level=2.0**-10),
            Spectrum(name=f"{name} indefinite", make=signed(half), exponent=exponent),
            Spectrum(name=f"{name} power law", make=power, exponent=exponent),
            Spectrum(name=f"{name} on the cut", make=at(LEVEL, "half"), exponent=exponent),
        ]
    found += [
        Spectrum(name="grid with holes", make=of_rank(lambda n: n - 1), form="grid with holes"),
        Spectrum(
            name="weighted normalised", make=of_rank(lambda n: n - 1), form="weighted normalised"
        ),
        Spectrum(name="third column a sum", make=of_rank(lambda n: 2), form="tall float32"),
    ]
    return found


SPECTRA = {row.name: row for row in rows()}
