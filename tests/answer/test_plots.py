"""Figures: what they show is what the result says; errors before any work."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from matplotlib.figure import Figure

import symrank
from symrank import gallery
from symrank.answer import plots
from symrank.errors import OptionError
from symrank.spectrum.intervals import ExactInterval

SEED = 20240131


@pytest.fixture(scope="module")
def sampled():
    """A Lanczos result with a spectrum known to be log-uniform above 1e-4, half of it zero."""
    lam = gallery.SPECTRA["half log-uniform"](600)
    return lam, symrank.rank(gallery.diagonal(lam), method="lanczos", rng=SEED, max_matvecs=6000)


@pytest.fixture(scope="module")
def drawn(sampled):
    return sampled[1].plot()


@pytest.fixture(scope="module")
def exact():
    return symrank.rank(np.diag([4.0, -2.0, 1e-3, 0.0]), method="dense")


def _labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_band_holds_the_true_counting_function(sampled, drawn):
    lam, _ = sampled
    band = next(p for p in drawn.patches if p.get_label() == "95% band")
    most, cuts, fewest = band.get_data()

    middle = np.sqrt(cuts[:-1] * cuts[1:])
    truth = (np.abs(lam)[None, :] > middle[:, None]).sum(axis=1)

    assert (fewest <= truth).all()
    assert (truth <= most).all()
    assert (most - fewest).min() < 0.2 * lam.size  # and it says something


def test_known_zeros_are_no_part_of_the_staircase():
    """A Gram operator counted on its shorter side: the measure is that of 5000 eigenvalues."""
    B = sp.random_array((5000, 9000), density=1e-3, rng=np.random.default_rng(3)).tocsr()
    hidden = spla.aslinearoperator(B)
    result = symrank.rank(symrank.gram(hidden), max_matvecs=600, rng=1)
    assert (result.n, result.measure.n) == (9000, 5000)
    ax = result.plot()
    _, y = next(line for line in ax.lines if line.get_label() == "estimate").get_data()
    assert 0.9 * result.rank < y.max() <= 5000.0 + 1e-6


def test_the_staircase_is_the_estimate(sampled, drawn):
    _, result = sampled
    x, y = next(line for line in drawn.lines if line.get_label() == "estimate").get_data()
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) <= 1e-9).all()
    for tau in (1e-6, 3e-3, 0.2):
        above = result.measure.weights[np.abs(result.measure.ritz_values) > tau].sum()
        assert np.interp(tau, x, y) == pytest.approx(result.n * above, rel=0.02)


def test_cut_gaps_answer_and_interval_are_drawn(sampled, drawn):
    _, result = sampled
    ax = drawn
    low, high = result.interval()
    assert ax.get_xscale() == "log"
    assert [label.split()[0] for label in _labels(ax)] == ["gap", "95%", "estimate", "cut", "rank"]
    cut = next(line for line in ax.lines if line.get_label().startswith("cut"))
    assert set(cut.get_xdata()) == {result.threshold}
    (answer,) = ax.containers
    assert list(answer[0].get_ydata()) == [result.rank]
    (segment,) = answer[2][0].get_segments()
    assert segment[:, 1].tolist() == pytest.approx([low, high])
    assert f"rank {result.rank} in [{low}, {high}] at 95%" in ax.get_title(loc="left")


def test_an_interval_with_unequal_arms(exact):
    result = dataclasses.replace(exact, evidence=ExactInterval(low=0, high=4))
    (answer,) = result.plot().containers
    (segment,) = answer[2][0].get_segments()
    assert segment[:, 1].tolist() == [0, 4]  # round the rank 3


def test_a_dense_result_is_drawn_as_exact_steps(exact):
    ax = exact.plot()
    x, y = next(line for line in ax.lines if line.get_label() == "estimate").get_data()
    assert y[0] == 3
    assert y[-1] == 0
    assert {1e-3, 2.0, 4.0} <= set(x.round(12))
    assert not any("band" in label for label in _labels(ax))


def test_given_axes_are_used_and_no_global_figure_is_made(exact):
    ax = Figure().add_subplot()
    assert exact.plot(ax) is ax
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("n", "method"), [(0, "dense"), (1, "dense"), (5, "dense"), (50, "lanczos")]
)
def test_a_zero_matrix_is_drawn(tmp_path, n, method):
    result = symrank.rank(np.zeros((n, n)), method=method, rng=SEED)
    plots.save_plot(result.plot(), tmp_path / "zero.png")
    assert (tmp_path / "zero.png").stat().st_size > 1000


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml")])
def test_figures_are_written(tmp_path, exact, name, start):
    plots.save_plot(exact.plot(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("a.pdf", r"written as \.png or \.svg, and not as .*a\.pdf"),
        ("noext", r"written as \.png or \.svg"),
        ("missing/a.png", "cannot be written: its folder must exist"),
    ],
)
def test_a_bad_path_is_an_error(tmp_path, exact, name, match):
    with pytest.raises(OptionError, match=match):
        plots.check_path(tmp_path / name)
    with pytest.raises(OptionError, match=match):
        plots.save_plot(exact.plot(), tmp_path / name)


def test_a_result_without_spectrum_names_the_remedy():
    result = symrank.rank(np.diag([2.0, 1.0, 1.0, 0.0]), method="lanczos", rng=SEED)
    result = symrank.RankResult.from_dict(result.to_dict())
    with pytest.raises(OptionError, match=r"keeps no spectrum.*to_dict\(measure=True\)"):
        result.plot()


def test_without_matplotlib_the_extra_is_named():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import symrank, numpy\n"
        "result = symrank.rank(numpy.eye(2))\n"
        "try: result.plot()\n"
        "except symrank.SymrankError as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MissingBackendError")
    assert "pip install 'symrank-linalg[plot]'" in done.stdout
