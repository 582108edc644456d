"""The table of statements names functions and tests that exist, and every function has its page."""

import re
from pathlib import Path

import symrank.theory

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/theory.md").read_text()
TABLE = [line for line in PAGE.splitlines() if line.startswith("|")][2:]


def test_every_numbered_statement_has_a_row():
    numbers = set()
    for row in TABLE:
        statement = row.split("|")[1]
        for first, last in re.findall(r"\((\d+)\)(?:-\((\d+)\))?", statement):
            numbers.update(range(int(first), int(last or first) + 1))
    assert numbers == set(range(1, 27))
    names = ["Theorem 1", "Remark 1", "Definition 1", "Algorithm 1"]
    names += [f"Proposition {k}" for k in range(1, 5)] + [f"Corollary {k}" for k in range(1, 4)]
    for name in names:
        assert any(name in row.split("|")[1] for row in TABLE), name


def test_tests_of_the_table_exist():
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for row in TABLE:
        tests = re.findall(r"`([^`]+)`", row.split("|")[3])
        assert tests, row
        for name in tests:
            exists = (ROOT / name).exists() if "/" in name else f"def {name}(" in sources
            assert exists, name


def test_functions_of_the_table_exist():
    for row in TABLE:
        for name in re.findall(r"`([a-z_]+)`", row.split("|")[2]):
            assert name in symrank.theory.__all__, name


def test_every_public_name_is_on_the_page():
    documented = re.findall(r"\.\. auto(?:function|class):: (\w+)", PAGE)
    assert sorted(documented) == sorted(symrank.theory.__all__)
    assert symrank.theory.__all__ == sorted(symrank.theory.__all__)
