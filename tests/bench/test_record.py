"""Result files: rounded, whole, from committed code only; every one has a script and a reader."""

import argparse
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import record
from bench.figures import drawings

ROOT = Path(__file__).parents[2]
MOST_BYTES = 1_500_000
NAMES = sorted(
    path.relative_to(record.RESULTS).with_suffix("").as_posix()
    for path in record.RESULTS.rglob("*.json")
    if not path.stem.endswith(record.DRAFT)
)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A checkout with one script, and `record` in it."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "some.py").write_text("x = 1\n")
    for command in (
        ["init", "-q"], ["add", "."],
        ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "first"],
    ):  # fmt: skip
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(record, "ROOT", tmp_path)
    monkeypatch.setattr(record, "RESULTS", tmp_path / "bench" / "results")
    monkeypatch.setattr(record, "_begun", [])
    return tmp_path


def parse(monkeypatch, *given, **options):
    monkeypatch.setattr(sys, "argv", ["some.py", *given])
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cell")
    return record.arguments(parser, "folder/some", **options)


def test_a_clean_tree_saves_below_its_name(repository, monkeypatch):
    args = parse(monkeypatch)
    path = record.save(args.save, {"x": 1})
    assert path == repository / "bench" / "results" / "folder" / "some.json"
    assert re.fullmatch("[0-9a-f]{4,40}", record.load("folder/some")["commit"])
    # the results themselves are not what figures rest on
    assert parse(monkeypatch).save == "folder/some"


@pytest.mark.parametrize("file", ["bench/some.py", "symrank/new.py"])
def test_a_dirty_tree_is_refused_before_the_work(repository, monkeypatch, file, capsys):
    (repository / "symrank").mkdir()
    (repository / file).write_text("x = 2\n")
    with pytest.raises(SystemExit):
        parse(monkeypatch)
    said = capsys.readouterr().err
    assert file in said
    assert "--draft" in said
    assert parse(monkeypatch, "--cell", "x", silent=("cell",)).cell == "x"
    assert parse(monkeypatch, "--save", "/elsewhere/x").save == "/elsewhere/x"


@pytest.mark.parametrize("option", ["--draft", "--quick"])
def test_a_draft_never_takes_the_place_of_a_figure(repository, monkeypatch, option):
    (repository / "bench" / "some.py").write_text("x = 2\n")
    args = parse(monkeypatch, option)
    path = record.save(args.save, {"x": 1})
    assert path.name == "some.draft.json"
    assert json.loads(path.read_text())["commit"].endswith("-dirty")


def test_a_tree_that_changes_during_the_work_loses_nothing(repository, monkeypatch, capsys):
    args = parse(monkeypatch)
    (repository / "bench" / "some.py").write_text("x = 2\n")
    path = record.save(args.save, {"x": 1})
    assert path.name == "some.draft.json"
    assert "some.py" in capsys.readouterr().err


def test_without_git_nothing_can_be_reproduced(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "ROOT", tmp_path)
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(record, "_begun", [])
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SystemExit):
        parse(monkeypatch)


def test_what_is_saved_is_loaded_rounded_to_six_digits(repository):
    rows = [
        {"d": 8, "error": 1 / 3, "part": {"x": [1e-300 / 7, None, True]}},
        {"d": 16, "error": -2e7 / 3, "part": {}},
        {"d": 16, "declined": "n < 3"},
        {"d": 32, "error": 0.0, "part": {}},
    ]
    record.save("some", {"rows": rows, "empty": [], "one": [{"a": 1}], "text": "tau ≤ 1"})
    found = record.load("some")
    assert found["rows"][0] == {
        "d": 8,
        "error": 0.333333,
        "part": {"x": [1.42857e-301, None, True]},
    }
    assert found["rows"][1]["error"] == -6.66667e6
    assert found["rows"][2:] == rows[2:]
    assert (found["empty"], found["one"], found["text"]) == ([], [{"a": 1}], "tau ≤ 1")
    assert record.load("another") is None


def test_the_results_are_small():
    assert sum(path.stat().st_size for path in record.RESULTS.rglob("*.*")) < MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_every_result_is_of_a_script_and_is_read(name, monkeypatch):
    if name not in ("calibrate", "networks/tutorial"):  # read by a table of constants, by a page
        monkeypatch.syspath_prepend(str(ROOT / "docs"))
        assert name in importlib.import_module("results").TABLES
    module = ROOT / "bench" / f"{name}.py"
    assert f'"{name}"' in module.read_text()
    assert f"python -m bench.{name.replace('/', '.')}" in module.read_text()
    assert record.load(name)["name"] == name


@pytest.mark.parametrize("name", drawings())
def test_figures_are_drawn_from_their_results(name):
    assert drawings()[name](record.load(name)).axes


def test_scripts_are_short_and_importable():
    for path in (ROOT / "bench").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 350, path
