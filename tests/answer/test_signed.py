"""The signed spectrum of one run: staircase, density, quantiles, slices, sums over its parts."""

import json

import numpy as np
import pytest

import symrank
from symrank import RankResult, gallery
from symrank.answer import plots
from symrank.errors import OptionError
from symrank.operators import as_operator
from symrank.recurrences import lanczos
from symrank.spectrum.half_line import left_mass
from symrank.support import probes

SEED = 20240131
SURE = 1.0 - 1e-9  # a wrong interval fails, a correct one never
METHODS = ("lanczos", "dense")
LAM = np.sort(
    np.concatenate([np.linspace(-1.0, -0.05, 90), np.zeros(30), np.geomspace(0.01, 2, 80)])
)
GAPS = 0.5 * (LAM[1:] + LAM[:-1])[np.diff(LAM) > 0.0][::5]


@pytest.fixture(scope="module", params=METHODS)
def result(request):
    return symrank.rank(gallery.dense(LAM, 5), request.param, rng=SEED, max_matvecs=3000)


def staircase(x):
    return np.searchsorted(LAM, x, side="right")


@pytest.mark.parametrize("simultaneous", [False, True])
def test_cdf_holds_the_staircase(result, simultaneous):
    x = np.concatenate([[-np.inf, -5.0], GAPS, [5.0, np.inf]])
    curve = result.cdf(x, SURE, simultaneous=simultaneous)
    assert (curve.low <= staircase(x)).all()
    assert (staircase(x) <= curve.high).all()
    assert (np.diff(curve.estimate) >= 0.0).all()
    assert ((curve.low <= curve.estimate) & (curve.estimate <= curve.high)).all()
    assert curve.low[[0, 1, -2, -1]].tolist() == [0, 0, 200, 200]
    assert curve.high[[0, 1, -2, -1]].tolist() == [0, 0, 200, 200]
    assert curve.n == 200
    assert curve.is_simultaneous is simultaneous


def test_band_that_holds_everywhere_is_wider_but_not_by_much():
    result = symrank.rank(gallery.dense(LAM, 5), "lanczos", rng=SEED, max_matvecs=3000)
    one, all_ = (result.cdf(GAPS, simultaneous=both) for both in (False, True))
    assert (all_.low <= one.low).all()
    assert (all_.high >= one.high).all()
    ratio = (all_.high - all_.low).sum() / (one.high - one.low).sum()
    assert 1.1 < ratio < 1.8


def test_an_end_at_zero_asks_for_signs_and_one_on_an_eigenvalue_spans_it(result):
    at_zero = result.cdf([0.0, -1.0], SURE)
    assert at_zero.low[0] <= 120 <= at_zero.high[0]
    assert at_zero.low[1] == 0
    assert at_zero.high[1] >= 1


def test_cdf_agrees_with_count():
    A = gallery.dense(LAM, 5)
    for method in METHODS:
        for x in (-0.5, 0.0, 0.3):
            one = symrank.count(A, -np.inf, x, method, rng=SEED, precision=0.1, max_matvecs=2000)
            curve = one.cdf(x)
            assert (curve.low[0], curve.high[0]) == one.interval()


def test_density_is_a_count_per_unit(result):
    x = np.array([-0.5, 0.02, 1.0])
    found = result.density(x, 0.3, SURE)
    truth = (staircase(x + 0.15) - staircase(x - 0.15)) / (200 * 0.3)
    assert (found.low <= truth).all()
    assert (truth <= found.high).all()
    assert ((found.open_low >= found.low - 1e-9) & (found.open_high <= found.high + 1e-9)).all()
    assert found.is_resolved
    everything = result.density(0.0, 20.0)
    assert everything.estimate[0] == pytest.approx(1.0 / 20.0)


def test_resolution_halves_with_twice_the_steps():
    lam = np.linspace(-1.0, 1.0, 3000)
    A = gallery.diagonal(lam)
    few, many = (
        symrank.rank(A, "lanczos", rng=1, max_matvecs=k, precision=1.0) for k in (256, 512)
    )
    at = [-0.5, 0.0, 0.5]
    ratio = few.density(at, 0.1).resolution / many.density(at, 0.1).resolution
    assert (np.abs(ratio - 2.0) < 0.6).all()
    narrow = few.density(at, 1e-4)
    assert not narrow.is_resolved
    assert (narrow.open_high - narrow.open_low > 1.0).all()  # and the interval says so too


def test_quantiles_hold_the_order_statistics(result):
    q = [0.0, 0.005, 0.1, 0.5, 0.55, 0.9, 1.0]
    found = result.quantiles(q, SURE)
    assert found.order.tolist() == [1, 1, 20, 100, 110, 180, 200]
    truth = LAM[found.order - 1]
    slack = 1e-9  # of a value that was computed
    assert (found.low <= truth + slack).all()
    assert (truth <= found.high + slack).all()
    assert ((found.low <= found.estimate) & (found.estimate <= found.high)).all()
    assert (found.high - found.low < 0.9).all()


def test_slices_cover_the_spectrum(result):
    parts = result.slices(5, SURE)
    inside = [
        (a < LAM) & (b >= LAM) for a, b in zip(parts.edges[:-1], parts.edges[1:], strict=True)
    ]
    truth = np.sum(inside, axis=1)
    assert truth.sum() == 200
    assert (parts.low <= truth).all()
    assert (truth <= parts.high).all()
    assert abs(parts.estimate.sum() - 200) < 1e-6
    assert (np.abs(truth - 40) < 20).all()


def test_slices_do_not_part_what_coincides():
    A = gallery.diagonal(np.repeat([-1.0, 0.5, 2.0], [10, 80, 10]))
    for method in METHODS:
        parts = symrank.rank(A, method, rng=1).slices(10)
        assert parts.edges.size < 11
        assert (parts.low <= parts.high).all()


def test_zeros_that_no_probe_saw_are_counted():
    lam = np.concatenate([np.linspace(-1.0, -0.2, 50), np.zeros(140), np.linspace(0.1, 1.0, 60)])
    known = np.eye(250)[:, 50:190]
    options = {"method": "lanczos", "rng": 1, "max_matvecs": 1500, "deflate": known}
    result = symrank.rank(gallery.diagonal(lam), **options)
    assert result.measure.num_zeros == 140
    x = np.array([-2.0, -0.5, -0.05, 0.0, 0.05, 0.5, 2.0])
    curve = result.cdf(x, SURE, simultaneous=True)
    truth = np.searchsorted(lam, x, side="right")
    assert (curve.low <= truth).all()
    assert (truth <= curve.high).all()
    assert (curve.low[3:5] == curve.low[2] + 140).all()
    found = result.quantiles([0.1, 0.5, 0.6, 0.9], SURE)
    assert (found.low - 1e-9 <= lam[found.order - 1]).all()
    assert (lam[found.order - 1] <= found.high + 1e-9).all()
    assert found.estimate[1:3].tolist() == [0.0, 0.0]
    assert found.low[1] > -0.2  # no eigenvalue there but the known zeros
    parts = result.slices(2, SURE)
    assert parts.low.sum() <= 250 <= parts.high.sum()


@pytest.mark.parametrize("scale", [1e-290, 1e290, 2.0**-70])
def test_units_do_not_matter(scale):
    lam = np.concatenate([np.linspace(-1.0, -0.5, 40), np.linspace(0.25, 1.0, 60)])
    x = np.array([-0.7, 0.0, 0.1, 0.6])
    here, there = (
        symrank.rank(as_operator(gallery.dense(lam, 1) * s).to_scipy(), "lanczos", rng=1,
                     max_matvecs=800)
        for s in (1.0, scale)
    )  # fmt: skip
    for one, unit in ((here, 1.0), (there, scale)):
        curve = one.cdf(x * unit, SURE)
        truth = np.searchsorted(lam, x, side="right")
        assert (curve.low <= truth).all()
        assert (truth <= curve.high).all()
        quantile = one.quantiles(0.5, SURE)
        assert quantile.low[0] / unit <= lam[49] + 1e-9
        assert quantile.high[0] / unit >= lam[49] - 1e-9


@pytest.mark.parametrize(
    "A", [np.zeros((4, 4)), np.eye(3), np.array([[2.0]]), np.diag([1.0, -1.0])]
)
def test_tiny_operators(A):
    lam = np.linalg.eigvalsh(A)
    for method in METHODS:
        result = symrank.rank(A, method, rng=1)
        x = np.array([-3.0, 0.0, 0.5, 3.0])
        curve = result.cdf(x, simultaneous=True)
        truth = np.searchsorted(lam, x, side="right")
        assert (curve.low <= truth).all()
        assert (truth <= curve.high).all()
        assert result.slices(1).high.tolist() == [len(lam)]
        assert result.quantiles(1.0, SURE).high[0] >= lam[-1] - 1e-9
        assert plots.draw_cdf(result._spectrum(), 0.95).get_xlabel()


def test_nothing_has_no_quantiles():
    empty = symrank.rank(np.zeros((0, 0)))
    assert empty.cdf([1.0]).high.tolist() == [0]
    with pytest.raises(OptionError, match="there are none"):
        empty.quantiles(0.5)
    with pytest.raises(OptionError, match="n=0"):
        empty.slices(1)


def test_a_result_that_was_saved_says_the_same(result):
    again = RankResult.from_dict(json.loads(json.dumps(result.to_dict(measure=True))))
    for name in ("low", "high", "estimate"):
        for ask in (lambda r: r.cdf(GAPS[::3], simultaneous=True), lambda r: r.quantiles([0.3])):
            assert (getattr(ask(again), name) == getattr(ask(result), name)).all()


def test_a_result_without_a_spectrum_says_what_to_run():
    result = symrank.rank(gallery.grid_laplacian((5, 5)), "inertia")
    for ask in (lambda: result.cdf(1.0), lambda: result.slices(2), result.plot_cdf):
        with pytest.raises(OptionError, match="method='lanczos'"):
            ask()


BAD_POINTS = ("a", [[1.0]], np.nan, [1.0, np.nan], 1j, None, [[1], [1, 2]], True)


def test_what_is_no_number_is_refused(result):
    for bad in BAD_POINTS:
        for ask in (result.cdf, lambda x: result.density(x, 0.1), result.quantiles):
            with pytest.raises(OptionError, match=r"[xq]="):
                ask(bad)
    for bad in (0.0, -1.0, np.nan, np.inf, "a", None):
        with pytest.raises(OptionError, match="width"):
            result.density(0.0, bad)
    for bad in (-0.1, 1.1, np.inf):
        with pytest.raises(OptionError, match="q="):
            result.quantiles(bad)
    for bad in (0, -1, 2.5, 201, "a", None):
        with pytest.raises(OptionError, match="k="):
            result.slices(bad)
    for bad in (0.0, 1.0, 95, "a"):
        with pytest.raises(OptionError, match="confidence"):
            result.cdf(0.0, bad)
    with pytest.raises(OptionError, match="narrower"):
        result.density(0.3, 1e-16)
    with pytest.raises(OptionError, match="infinities"):
        result.density(np.inf, 1.0)


def test_every_curve_is_shown_in_one_line(result):
    for curve in (result.cdf(GAPS), result.density(GAPS, 0.1), result.quantiles(0.5),
                  result.slices(3)):  # fmt: skip
        assert "\n" not in repr(curve)
        assert len(repr(curve)) < 60


def test_figures_show_what_the_curves_say(result):
    ax = result.plot_cdf()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["95% band, at once", "95% band, at each x", "estimate"]
    (line,) = ax.lines
    assert line.get_ydata()[-1] == 200
    bars = result.plot_density(0.5).patches[-1].get_data()
    assert np.sum(bars.values * np.diff(bars.edges)) == pytest.approx(1.0)
    assert result.plot_density().get_ylabel()
    with pytest.raises(OptionError, match="width"):
        result.plot_density(-1.0)


# ---- sums over a part of the spectrum


def test_sums_over_moduli_and_the_positive_part():
    result = symrank.rank(gallery.dense(LAM, 5), "lanczos", rng=SEED, max_matvecs=3000)
    measure, c = result.measure, 0.1
    size, positive = np.abs(LAM), np.maximum(LAM, 0.0)
    for found, truth in (
        (measure.degrees_of_freedom_of_moduli(c), (size / (size + c)).sum()),
        (measure.degrees_of_freedom_of_positive_part(c), (positive / (positive + c)).sum()),
        (measure.intrinsic_dimension_of_moduli(), size.sum() / size.max()),
        (measure.intrinsic_dimension_of_positive_part(), positive.sum() / positive.max()),
    ):
        low, high = found.interval(0.9999)
        assert low <= truth <= high
        assert high - low < 2.0 * truth
        assert not found.is_bound


def test_sums_of_a_semidefinite_operator_are_those_without_a_part():
    A = gallery.diagonal(np.linspace(0.1, 1.0, 300))
    measure = symrank.rank(A, "lanczos", rng=1, max_matvecs=2000).measure
    plain = measure.degrees_of_freedom(0.2).value
    assert measure.degrees_of_freedom_of_moduli(0.2).value == pytest.approx(plain, rel=1e-12)
    assert measure.degrees_of_freedom_of_positive_part(0.2).value == pytest.approx(plain, rel=1e-12)
    plain = measure.intrinsic_dimension().value
    assert measure.intrinsic_dimension_of_moduli().value == pytest.approx(plain, rel=1e-9)


def test_a_part_that_is_not_there():
    A = gallery.diagonal(-np.linspace(0.1, 1.0, 50))
    measure = symrank.rank(A, "lanczos", rng=1).measure
    assert measure.degrees_of_freedom_of_positive_part(0.1).value == 0.0
    with pytest.raises(OptionError, match="positive part"):
        measure.intrinsic_dimension_of_positive_part()
    with pytest.raises(OptionError, match="c="):
        measure.degrees_of_freedom_of_moduli(0.0)
    zero = symrank.rank(np.zeros((5, 5)), "lanczos", rng=1).measure
    assert zero.intrinsic_dimension_of_moduli().value == 0.0


# ---- the bounds that quantiles search by


@pytest.mark.parametrize("kind", ["uniform", "clusters", "log-uniform", "signs"])
@pytest.mark.parametrize("num_steps", [1, 2, 30, 250])
def test_bounds_without_an_eigenproblem_are_those_of_gauss_radau(kind, num_steps, rng):
    n = 600
    lam = {
        "uniform": rng.uniform(-1.0, 1.0, n),
        "clusters": np.repeat(rng.uniform(-1.0, 1.0, n // 2), 2),
        "log-uniform": 10.0 ** rng.uniform(-8.0, 0.0, n),
        "signs": rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-4.0, 0.0, n),
    }[kind]
    state = lanczos.start(probes.gaussian(SEED, 0, 1, n, np.dtype(float)))
    state = lanczos.extend(state, as_operator(gallery.diagonal(lam)), num_steps, lambda _: None)
    (run,) = lanczos.runs(state, float(np.finfo(float).eps))
    nodes = np.unique(run.ritz_values)
    apart = np.diff(nodes) > 1e-10  # farther than copies of one
    inside = 0.5 * (nodes[1:] + nodes[:-1])[apart][:: 1 + nodes.size // 30]
    found = []
    for x in (-2.0, *inside.tolist(), 2.0):
        other = run.mass_below(x)
        found.append(left_mass(run, x))
        if other != (0.0, 1.0):  # it gives no bound where digits would be lost
            assert found[-1] == pytest.approx(other, abs=2e-11)
    assert (np.diff(found, axis=0) >= -1e-11).all()
    assert left_mass(run, float(nodes[0])) == (0.0, 1.0)
