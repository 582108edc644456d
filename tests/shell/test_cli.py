"""The command line: answers, options, pictures, the demonstration."""

import dataclasses
import json
import re

import numpy as np
import pytest
import scipy.sparse as sp

import symrank
from symrank import Status, gallery
from symrank.answer.result import RankResult
from symrank.files import load_matrix
from symrank.shell import report, written
from symrank.spectrum.intervals import ExactInterval
from tests.shell.commands import invoke, rows

SEED = 20240131


def test_the_answer_in_words(indefinite):
    done = invoke("rank", indefinite)
    assert (done.exit_code, done.stderr) == (0, "")
    answer = rows(done.stdout)
    assert answer["rank"] == "30"
    assert answer["interval"] == "[30, 30] at 95% confidence"
    assert answer["status"] == f"EXACT: {Status.EXACT.value}"
    assert answer["matrix"] == "indefinite.npy, n = 40, float64"
    assert answer["method"].startswith("dense (")
    assert re.fullmatch(r"eigenvalues above .*e-1\d in modulus count", answer["cut"])
    assert re.fullmatch(r"\d+ products, \d+\.\d\d s", answer["cost"])
    assert answer["gaps"].startswith("30 above ")


def test_signs_in_a_line_and_as_json(indefinite):
    done = invoke("inertia", indefinite)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("indefinite.npy: 15 positive, 10 zero, 15 negative, n = 40, ")
    record = json.loads(invoke("inertia", indefinite, "--json").stdout)
    assert record["intervals"] == [[15, 15], [10, 10], [15, 15]]
    assert (record["positive"], record["status"]) == (15, "EXACT")


def test_signs_that_are_open_say_why(tmp_path):
    np.save(tmp_path / "units.npy", np.diag([1e30, -1.0, 0.0]))
    first, note = invoke("inertia", tmp_path / "units.npy").stdout.splitlines()
    assert first.endswith("NO_GAP_FOUND")
    assert "in a unit of its own" in note


@pytest.mark.parametrize(("atol", "rtol"), [(0.25, 1e-3), (1e-3, 0.04)])
def test_options_reach_the_run(grid, atol, rtol):
    options = {
        "method": "lanczos",
        "atol": atol,
        "rtol": rtol,
        "precision": 12,
        "confidence": 0.9,
        "max-matvecs": 900,
        "max-seconds": 60,
        "seed": SEED,
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    record = json.loads(invoke("rank", grid, *flags, "--json").stdout)
    again = symrank.rank(
        load_matrix(grid),
        "lanczos",
        atol=atol,
        rtol=rtol,
        precision=12,
        confidence=0.9,
        max_matvecs=900,
        max_seconds=60,
        rng=SEED,
    ).to_dict()
    record.pop("seconds"), again.pop("seconds")
    assert record == json.loads(json.dumps(again))


def test_json_is_the_result_and_strict(indefinite):
    done = invoke("rank", indefinite, "--json", "--seed", SEED)

    def refuse(word):
        raise AssertionError(word)

    record = json.loads(done.stdout, parse_constant=refuse)
    assert (record["rank"], record["interval"], record["status"]) == (30, [30, 30], "EXACT")
    assert RankResult.from_dict(record).seed == SEED


def test_json_of_values_that_json_does_not_have():
    record = {"a": np.float64("nan"), "b": [np.inf, np.int64(3)], "c": np.array([1.5, -np.inf])}
    assert json.loads(written.as_json(record)) == {"a": None, "b": [None, 3], "c": [1.5, None]}


@pytest.mark.parametrize(("way", "order"), [("aug", 50), ("gram", 20)])
def test_a_rectangle(tmp_path, way, order):
    left, right = np.random.default_rng(SEED).standard_normal((2, 30, 7))
    np.save(tmp_path / "tall.npy", left @ right[:20].T)
    answer = rows(invoke("rank", tmp_path / "tall.npy", "--rectangular", way).stdout)
    assert answer["rank"].split()[0] == "7"
    assert answer["interval"].startswith("[7, 7] ")
    assert f"n = {order}" in answer["matrix"]
    assert ("twice this rank" in answer["rank"]) == (way == "aug")


@pytest.mark.parametrize(
    ("interval", "half"),
    [((4, 8), "[2, 4]"), ((5, 9), "[3, 4]"), ((0, 1), "[0, 0]"), ((9, 9), "[4, 5]")],
)
def test_an_interval_of_the_augmented_matrix_is_halved(interval, half):
    low, high = interval
    result = dataclasses.replace(
        symrank.rank(np.eye(9)), evidence=ExactInterval(low=low, high=high), estimate=float(low)
    )
    text = report.describe(result, "m", is_augmented=True)
    assert text["interval"].startswith(half)
    first, last = json.loads(half)
    assert first <= int(text["rank"].split()[0]) <= last


def test_a_preconditioner(tmp_path):
    D = np.diag(10.0 ** np.arange(0, -12, -2))
    np.save(tmp_path / "bad.npy", D @ (np.eye(6) + 0.1) @ D)  # 1e-20 drowns beside one
    plain = rows(invoke("rank", tmp_path / "bad.npy").stdout)
    better = rows(invoke("rank", tmp_path / "bad.npy", "--preconditioner", "jacobi").stdout)
    assert (plain["rank"], better["rank"]) == ("4", "6")
    assert "preconditioner" not in plain
    assert better["preconditioner"].startswith("jacobi")
    assert plain["status"].startswith("NO_GAP_FOUND")
    assert 'preconditioner="equilibrate"' in plain["note"]
    own = rows(invoke("rank", tmp_path / "bad.npy", "--preconditioner", "equilibrate").stdout)
    assert (own["rank"], own["interval"].split(" at")[0]) == ("6", "[6, 6]")
    assert own["status"].startswith("EXACT")
    assert "note" not in own


def test_a_multigrid_cycle(tmp_path):
    pytest.importorskip("pyamg", reason="the cycle is pyamg's")
    sp.save_npz(tmp_path / "grid.npz", gallery.grid_laplacian((30, 30)))
    answer = rows(invoke("rank", tmp_path / "grid.npz", "--preconditioner", "amg").stdout)
    assert answer["rank"].split()[0] == "899"
    assert answer["preconditioner"].startswith("amg")


@pytest.mark.parametrize(("side", "method"), [(20, "dense"), (65, "lanczos")])
def test_a_picture_comes_from_a_method_that_keeps_the_spectrum(tmp_path, side, method):
    sp.save_npz(tmp_path / "grid.npz", gallery.grid_laplacian((side, side)))
    done = invoke("rank", tmp_path / "grid.npz", "--plot", tmp_path / "a.svg")
    assert done.exit_code == 0
    assert rows(done.stdout)["method"].startswith(method)
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_a_rectangle_is_counted_by_its_singular_values(tmp_path):
    np.save(tmp_path / "tall.npy", np.ones((3, 2)))
    answer = rows(invoke("rank", tmp_path / "tall.npy", "--plot", tmp_path / "a.png").stdout)
    assert answer["rank"] == "1"
    assert "3 x 2" in answer["matrix"]
    assert answer["cut"].startswith("singular values above")
    assert (tmp_path / "a.png").stat().st_size > 0


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_plot(tmp_path, indefinite, suffix):
    path = tmp_path / f"spectrum.{suffix}"
    assert invoke("rank", indefinite, "--plot", path).exit_code == 0
    assert path.stat().st_size > 1000


def test_a_plot_that_cannot_be_drawn_does_not_cost_the_answer(tmp_path, indefinite, monkeypatch):
    path = tmp_path / "a.png"
    without = lambda A, *args, **kw: symrank.RankResult.from_dict(rank(A, *args, **kw).to_dict())  # noqa: E731
    rank = symrank.rank
    monkeypatch.setattr(symrank, "rank", without)
    done = invoke("rank", indefinite, "--method", "lanczos", "--plot", path)
    assert done.exit_code == 2
    assert "rank" in rows(done.stdout)
    assert "keeps no spectrum" in done.stderr
    assert not path.exists()


def small_problem(seed):
    return gallery.dense(gallery.SPECTRA["gapped"](30), seed), 20


def test_demo_sets_the_answers_against_the_truth(monkeypatch):
    problem = report.Problem(name="a small one", make=small_problem)
    lie = dataclasses.replace(problem, name="a lie", make=lambda seed: (small_problem(seed)[0], 3))
    monkeypatch.setattr(report, "PROBLEMS", (problem, lie))
    done = invoke("demo", "--seed", SEED)
    assert done.exit_code == 0
    body = [line.split("│") for line in done.stdout.splitlines() if line.startswith("│")]
    cells = [[cell.strip() for cell in line[1:-1]] for line in body]
    assert [row[:4] for row in cells] == [
        ["a small one", "30", "20", "rank(A): dense"],
        ["", "30", "20", "langevin"],
        ["", "30", "20", "lanczos"],
        ["a lie", "30", "3", "rank(A): dense"],
        ["", "30", "3", "langevin"],
        ["", "30", "3", "lanczos"],
    ]
    held = [low <= int(row[2]) <= high for row in cells for low, high in [json.loads(row[5])]]
    assert held == [True] * 3 + [False] * 3
    assert "holds the true rank in 3 of 6 runs" in done.stdout


def test_demo_problems_have_the_rank_they_claim():
    for problem in report.PROBLEMS:
        operator, truth = problem.make(SEED)
        result = symrank.rank(operator, method="lanczos", precision=0.02, confidence=0.999, rng=7)
        low, high = result.interval()
        assert low <= truth <= high, problem.name


@pytest.mark.slow
def test_demo():
    done = invoke("demo")
    assert done.exit_code == 0
    assert done.stdout.count("rank(A)") == len(report.PROBLEMS)
