"""The script that walks: what it counts, on a house of four rooms; and what it must not find."""

from pathlib import Path

import symrank
from bench.house import walk

FILES = {
    "__init__": "",
    "ask": """
from house import door
from house.work import run
def rank(A):
    job = door.prepare(A)
    return run(job)
""",
    "door": """
from dataclasses import dataclass
from house.operators.base import Operator, coerce
@dataclass
class Job:
    operator: Operator
    n: int
def prepare(A) -> Job:
    operator: Operator = coerce(A)
    return Job(operator, checked(operator))
def checked(operator: Operator) -> int:
    return 1 if isinstance(operator, Operator) else sized(operator.n)
def sized(n: int) -> int:
    return n
""",
    "work": """
from typing import TYPE_CHECKING
from house.door import Job
if TYPE_CHECKING:
    from house import ask
def run(job: Job) -> float:
    return step(job.operator.shifted(1.0), job.n)
def step(operator: "Operator", n: int) -> float:
    return operator.matmat(n)
""",
    "operators/__init__": "",
    "operators/base": """
class Operator:
    n: int
    def matmat(self, X): return self._matmat(X)
    def _matmat(self, X): ...
    def shifted(self, c: float) -> "Operator": return self
class Matrix(Operator):
    def _matmat(self, X): return X
def coerce(A) -> Operator:
    return A if isinstance(A, Operator) else Matrix()
""",
}


def test_the_walk_through_a_small_house(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "house" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    figures, lines = walk.measure(tmp_path / "house", "Method", "Matrix")
    entered = [line.split()[-1] for line in lines]
    assert entered == [
        "rank", "prepare", "coerce", "checked",  # and not `sized`, which has no operator
        "run", "Operator.shifted", "step", "Operator.matmat", "Matrix._matmat",
    ]  # fmt: skip
    # ask | door | operators | door | work | operators | work | operators: two are lower rooms again
    assert (figures["stays"], figures["climbs"], figures["levels"]) == (8, 3, 4)
    assert figures["circles"] == []
    assert figures["circles with TYPE_CHECKING"] == [["house.ask", "house.work"]]
    (sniff,) = figures["sniffs"]  # that in `operators` is none
    assert "door.py" in sniff
    assert "isinstance(operator, Operator)" in sniff


def test_the_walk_of_a_matrix_is_short():
    """No more stays, climbs, levels, circles and long files than the script allows."""
    figures, _ = walk.measure(Path(symrank.__file__).parent, "Lanczos", "MatrixOperator")
    counts = {k: len(v) if isinstance(v, list) else v for k, v in figures.items()}
    lists = {k: 0 for k, v in figures.items() if isinstance(v, list)}
    over = {k: figures[k] for k, most in (walk.MOST | lists).items() if counts[k] > most}
    assert over == {}


def test_nobody_outside_asks_an_operator_what_it_is():
    house = walk.House(Path(symrank.__file__).parent, "Lanczos", "MatrixOperator")
    assert {"Job", "Rounds", "Witness", "MatrixOperator", "GramOperator"} <= house.holders
    assert walk.sniffs(house) == []
