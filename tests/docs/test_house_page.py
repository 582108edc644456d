"""The page of the house is drawn from the code, and what its prose names exists."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import symrank

ROOT = Path(__file__).parents[2]
DEVELOPERS = sorted((ROOT / "docs" / "developers").glob("*.md"))
MODULES = {m.name for m in pkgutil.walk_packages(symrank.__path__, "symrank.")}


@pytest.fixture
def house(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    return importlib.import_module("house")


def test_every_room_is_on_the_page_and_says_what_it_is(house):
    lines = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in list(house.tree())[1:-1]]
    assert [line for line in lines if len(line) != 2] == []
    names = [line[0].rstrip("/") for line in lines]
    assert sorted(names) == sorted(["symrank", *(m.rsplit(".", 1)[1] for m in MODULES)])


def test_every_room_at_the_top_is_on_one_floor(house):
    floors = [name for floor in house.layers() for name in floor]
    assert len(floors) == len(set(floors))
    assert {m for m in MODULES if m.count(".") == 1} == set(floors)


def test_the_walk_goes_from_the_command_to_a_kernel(house):
    rooms = [room for room, _, _ in house.steps()]
    assert rooms[0] == "__main__"
    assert rooms[-1].startswith("kernels.")
    assert {f"symrank.{room}" for room in rooms} <= MODULES
    assert any(room.startswith("methods.") for room in rooms)


@pytest.mark.parametrize("page", DEVELOPERS, ids=lambda page: page.stem)
def test_what_the_prose_names_exists(page):
    for name in re.findall(r"`((?:symrank|tests|bench|docs)/[^`\s]*)`", page.read_text()):
        if "FOLDER" not in name:
            assert list(ROOT.glob(name)), name
