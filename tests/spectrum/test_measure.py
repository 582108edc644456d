"""Mass bounds: never violated, tight where they should be, in exact and in floating point."""

import json

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symrank import gallery
from symrank.answer import records
from symrank.errors import OptionError
from symrank.gallery.haar import haar
from symrank.operators import Operator, as_operator
from symrank.recurrences import lanczos
from symrank.spectrum.measure import LanczosRun, RitzMeasure
from symrank.spectrum.region import Edge, Region
from symrank.support import probes

FLOOR = 500.0  # tau in units of eps |A|, as in symrank.spectrum.threshold


def lanczos_runs(lam, num_probes, num_steps, dtype=np.float64, seed=3):
    """Lanczos on diag(lam): the exact null mass of every probe is known from its entries."""
    dtype = np.dtype(dtype)
    A = gallery.diagonal(lam).astype(dtype)
    Z = probes.gaussian(seed, 0, num_probes, lam.size, dtype)
    squares = np.abs(Z.astype(np.complex128)) ** 2
    state = lanczos.extend(lanczos.start(Z), as_operator(A), num_steps, lambda _: None)
    return lanczos.runs(state, float(np.finfo(dtype).eps)), squares / squares.sum(axis=0)


def spectrum(kind, n, zeros, rng):
    """Spectra made to be hard: clusters, repeated values, tiny values, both signs."""
    r = n - zeros
    if kind == "uniform":
        lam = rng.uniform(0.05, 1.0, r)
    elif kind == "log-uniform":
        lam = 10.0 ** rng.uniform(-12.0, 0.0, r)
    elif kind == "clusters":
        lam = rng.choice([1e-10, 1e-6, 1e-3, 0.3, 1.0], r) * (1.0 + 1e-13 * rng.uniform(-1, 1, r))
    elif kind == "repeated":
        lam = rng.choice([1e-8, 0.2, 1.0], r)
    elif kind == "indefinite":
        lam = rng.uniform(-1.0, 1.0, r) ** 3
    elif kind == "two-level":
        lam = np.concatenate([np.full(r // 20, 1.0), rng.uniform(1e-11, 1e-9, r - r // 20)])
    else:
        lam = np.arange(1, r + 1, dtype=float) ** -4.0
    return np.concatenate([np.zeros(zeros), lam])


KINDS = ["uniform", "log-uniform", "clusters", "repeated", "indefinite", "two-level", "power-law"]


@settings(max_examples=60)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(2, 400) | st.integers(400, 3000),
    share=st.floats(0.0, 0.9),
    num_steps=st.integers(1, 300),
    cut=st.sampled_from([FLOOR, 1e5, 1e9, 1e13]),
    dtype=st.sampled_from(["f8", "f4", "c16", "c8"]),
    seed=st.integers(0, 2**32),
)
@example(kind="clusters", n=400, share=0.2, num_steps=1200, cut=FLOOR, dtype="f8", seed=1)
@example(kind="repeated", n=300, share=0.3, num_steps=900, cut=FLOOR, dtype="f8", seed=2)
@example(kind="two-level", n=400, share=0.1, num_steps=1200, cut=FLOOR, dtype="f8", seed=3)
@example(kind="power-law", n=400, share=0.0, num_steps=1200, cut=FLOOR, dtype="f8", seed=4)
@example(kind="indefinite", n=400, share=0.0, num_steps=1200, cut=1e9, dtype="f8", seed=5)
@example(kind="clusters", n=3000, share=0.2, num_steps=900, cut=FLOOR, dtype="f4", seed=6)
@example(kind="log-uniform", n=3000, share=0.1, num_steps=900, cut=1e5, dtype="f4", seed=7)
def test_bounds_hold_for_every_probe(kind, n, share, num_steps, cut, dtype, seed):
    rng = np.random.default_rng(seed)
    real = np.dtype(dtype).type(0).real.dtype
    lam = spectrum(kind, n, int(share * n), rng).astype(real).astype(float)
    runs, mass = lanczos_runs(lam, 2, num_steps, dtype, seed=seed)
    largest = np.abs(lam).max(initial=0.0)
    tau = min(cut * np.finfo(dtype).eps, 0.5) * largest
    gap = np.abs(np.abs(lam) - tau).min()
    if gap <= max(1e-2 * tau, 50 * np.finfo(dtype).eps * largest):
        return  # an eigenvalue on the cut: on which side it lies is not defined in rounding
    exact = 64.0 * np.finfo(float).eps  # of the sum that is called the truth
    for run, weights in zip(runs, mass.T, strict=True):
        truth = weights[np.abs(lam) <= tau].sum()
        for radau in (True, False):
            low, high = run.null_mass(tau, radau=radau)
            assert low - exact <= truth <= high + exact
        for x in (-tau, tau):
            low, high = run.mass_left(x)
            assert low - exact <= weights[lam <= x].sum() <= high + exact


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bounds_hold_far_beyond_loss_of_orthogonality(kind, dtype):
    lam = spectrum(kind, 3000, 400, np.random.default_rng(8))
    tau = FLOOR * float(np.finfo(dtype).eps)
    lam[(np.abs(lam) > 0.9 * tau) & (np.abs(lam) < 1.1 * tau)] = 0.0
    for num_steps in (50, 200, 800, 2000):
        runs, mass = lanczos_runs(lam, 3, num_steps, dtype)
        for run, weights in zip(runs, mass.T, strict=True):
            low, high = run.null_mass(tau)
            assert low <= weights[np.abs(lam) <= tau].sum() <= high


class Unfused(Operator):
    """diag(lam) that kernels know by its products alone."""

    def __init__(self, lam, dtype):
        super().__init__((lam.size, lam.size), dtype)
        self.lam = lam.astype(np.zeros((), dtype).real.dtype)

    def _matmat(self, X):
        return np.ascontiguousarray(self.lam[:, None] * X)


def in_basis(basis, lam, dtype, rng):
    """Return an operator with eigenvalues `lam` and the map from vectors to its eigenbasis."""
    if basis == "diagonal":
        return as_operator(gallery.diagonal(lam).astype(dtype)), lambda Z: Z
    if basis == "unfused":
        return Unfused(lam, dtype), lambda Z: Z
    if basis == "sparse":  # pairs of eigenvectors turned by 3/5, 4/5
        c, s = np.full(lam.size, 0.6), np.zeros(lam.size - 1)
        s[0::2] = 0.8
        c[-1] = 1.0 if lam.size % 2 else 0.6
        Q = sp.diags_array([c, -s, s], offsets=[0, 1, -1]).tocsr()
    else:
        Q = haar(lam.size, rng, np.complex128 if np.dtype(dtype).kind == "c" else np.float64)
    A = Q @ (sp.diags_array(lam) @ Q.conj().T)
    A = 0.5 * (A + A.conj().T)
    A = sp.csr_array(A) if basis == "sparse" else A
    return as_operator(A.astype(dtype)), lambda Z: Q.conj().T @ Z


def floor_spectrum(n, zeros, eps, rng):
    """Both signs; half of what is not zero lies anywhere down to a hundredth of rounding."""
    r = n - zeros
    tiny = 10.0 ** rng.uniform(np.log10(eps) - 2.0, 0.0, r)
    lam = np.where(rng.random(r) < 0.5, tiny, rng.uniform(0.1, 1.0, r))
    return np.concatenate([np.zeros(zeros), lam * rng.choice([1.0, 1.0, 1.0, -1.0], r)])


def assert_never_violated(operator, to_basis, lam, num_steps, seed):
    """Null mass and mass to the left, at the floor and above, of both kinds of bounds."""
    eps = float(np.finfo(operator.dtype).eps)
    Z = probes.gaussian(seed, 0, 2, lam.size, operator.dtype)
    squares = np.abs(to_basis(Z.astype(np.result_type(Z, np.float64)))) ** 2
    state = lanczos.extend(lanczos.start(Z), operator, num_steps, lambda _: None)
    exact = 64.0 * np.finfo(float).eps  # of the sum that is called the truth
    for run, weights in zip(
        lanczos.runs(state, eps), (squares / squares.sum(axis=0)).T, strict=True
    ):
        for cut in (FLOOR, 1e5, 1e9, 1e13):
            x = cut * eps * np.abs(lam).max()
            if np.abs(np.abs(lam) - x).min() <= 1e-2 * x:
                continue  # on the cut: see above
            truth = weights[np.abs(lam) <= x].sum()
            for radau in (True, False):
                low, high = run.null_mass(x, radau=radau)
                assert low - exact <= truth <= high + exact
            for y in (x, -x):
                low, high = run.mass_left(y)
                assert low - exact <= weights[lam <= y].sum() <= high + exact


@settings(max_examples=100)
@given(
    kind=st.sampled_from([*KINDS, "floor"]),
    basis=st.sampled_from(["diagonal", "unfused", "sparse", "haar"]),
    dtype=st.sampled_from([np.float64, np.float32, np.complex128, np.complex64]),
    n=st.integers(2, 150),
    share=st.floats(0.0, 0.9),
    num_steps=st.integers(1, 500),
    seed=st.integers(0, 2**32),
)
@example("floor", "sparse", np.float32, 150, 0.3, 900, 6)
@example("repeated", "haar", np.complex64, 150, 0.3, 900, 7)
@example("clusters", "unfused", np.complex128, 150, 0.0, 900, 8)
@example("indefinite", "diagonal", np.float64, 12, 0.0, 56, 46)  # -5e-9 and 1e-5 beside no zero
def test_bounds_hold_in_any_basis_precision_and_field(
    kind, basis, dtype, n, share, num_steps, seed
):
    rng = np.random.default_rng(seed)
    zeros = int(share * n)
    eps = np.finfo(dtype).eps
    lam = floor_spectrum(n, zeros, eps, rng) if kind == "floor" else spectrum(kind, n, zeros, rng)
    lam = lam.astype(np.zeros((), dtype).real.dtype).astype(float)
    operator, to_basis = in_basis(basis, lam, dtype, rng)
    assert_never_violated(operator, to_basis, lam, num_steps, seed)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.complex64])
@pytest.mark.parametrize("basis", ["diagonal", "unfused", "sparse"])
@pytest.mark.parametrize("kind", ["clusters", "repeated", "floor"])
def test_bounds_hold_at_length_in_any_precision_and_field(kind, basis, dtype):
    rng = np.random.default_rng(17)
    eps = np.finfo(dtype).eps
    n = 3000
    lam = floor_spectrum(n, 400, eps, rng) if kind == "floor" else spectrum(kind, n, 400, rng)
    lam = rng.permutation(lam.astype(np.zeros((), dtype).real.dtype).astype(float))
    operator, to_basis = in_basis(basis, lam, dtype, rng)
    for num_steps in (60, 400, 1500):
        assert_never_violated(operator, to_basis, lam, num_steps, seed=23)


@pytest.mark.parametrize("kind", ["uniform", "clusters"])
def test_bounds_hold_in_single_precision(kind, seed):
    lam = spectrum(kind, 300, 60, np.random.default_rng(seed))
    lam[lam < 1e-4] = 0.0
    runs, mass = lanczos_runs(lam, 2, 150, np.float32, seed)
    for run, weights in zip(runs, mass.T, strict=True):
        low, high = run.null_mass(FLOOR * run.eps)
        assert low <= weights[lam == 0].sum() <= high


def test_gauss_radau_brackets_the_mass_on_one_side(rng):
    lam = np.sort(rng.uniform(-1.0, 1.0, 200))
    runs, mass = lanczos_runs(lam, 2, 25)
    for x in (-0.5, 0.0, 0.31):
        for run, weights in zip(runs, mass.T, strict=True):
            low, high = run.mass_below(x)
            assert low - 1e-12 <= weights[lam < x].sum() <= high + 1e-12
            assert high - low < 0.5  # 25 steps know more than nothing


def test_a_gap_is_resolved_to_the_rounding_allowance():
    lam = np.concatenate([np.zeros(100), np.linspace(0.1, 1.0, 400)])
    runs, mass = lanczos_runs(lam, 1, 200)
    low, high = runs[0].null_mass(FLOOR * np.finfo(float).eps)
    assert high - low < 1e-7  # a ten-thousandth of an eigenvalue: n = 500
    assert low <= mass[:100, 0].sum() <= high


def test_an_invariant_krylov_space_gives_the_measure_itself():
    lam = np.repeat([0.0, 0.5, 1.0], 50)
    runs, mass = lanczos_runs(lam, 1, 40)
    assert runs[0].is_exact
    assert runs[0].alpha.size == 3  # as many steps as distinct eigenvalues
    assert runs[0].weights.sum() == pytest.approx(1.0, abs=1e-14)
    np.testing.assert_allclose(runs[0].weights, [mass[lam == x].sum() for x in (0, 0.5, 1)])


def test_pooled_measure_estimates_traces():
    lam = np.linspace(0.1, 1.0, 1000)
    runs, _ = lanczos_runs(lam, 8, 60)
    measure = RitzMeasure(runs=runs, n=lam.size)
    exact = np.log(lam).sum()
    # Var of one probe's n v'f(A)v/v'v is 2 (|f|^2 - n mean^2) n/(n+2); 4.5 sigma of 8 probes
    sigma = np.sqrt(2.0 * (np.sum(np.log(lam) ** 2) - exact**2 / lam.size) / 8)
    assert abs(measure.trace(np.log).value - exact) < 4.5 * sigma
    assert measure.trace(np.ones_like).value == pytest.approx(1000.0)


OPEN = {  # spectrum, tolerance in eigenvalues of n = 2000: mass that 128 steps cannot place
    "gap": (np.concatenate([np.zeros(500), np.linspace(1e-3, 1.0, 1500)]), 2.0),
    "like a Laplacian": (np.concatenate([np.zeros(500), np.linspace(1e-3, 1.0, 1500) ** 2]), 8.0),
    "indefinite": (
        np.r_[np.zeros(500), -np.linspace(1e-4, 1, 700), np.linspace(1e-4, 1, 800)],
        8.0,
    ),
    "full rank": (np.linspace(1e-3, 1.0, 2000) ** 2, 8.0),
}


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("seed", range(3))
def test_the_likely_null_mass_is_that_of_the_probes_long_before_it_is_proved(name, seed):
    lam, tolerance = OPEN[name]
    runs, mass = lanczos_runs(lam, 4, 128, seed=seed)
    measure = RitzMeasure(runs=runs, n=lam.size)
    tau = FLOOR * np.finfo(float).eps
    low, high = measure.null_mass(tau)
    truth = mass[lam == 0.0].sum(axis=0).mean()
    likely = measure.likely_mass(Region.null_space(tau), low, high)
    assert low == 0.0  # nothing is proved from this side
    assert low <= likely <= high
    assert 2000 * abs(likely - truth) < tolerance
    assert 2000 * abs(0.5 * (low + high) - truth) > tolerance or name == "full rank"


@settings(max_examples=40)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(2, 400),
    share=st.floats(0.0, 0.9),
    num_steps=st.integers(1, 100),
    seed=st.integers(0, 2**31),
)
def test_the_likely_null_mass_lies_within_the_bounds(kind, n, share, num_steps, seed):
    zeros = int(share * n)
    lam = spectrum(kind, n, zeros, np.random.default_rng(seed))
    runs, _ = lanczos_runs(lam, 2, num_steps, seed=seed)
    measure = RitzMeasure(runs=runs, n=n)
    tau = FLOOR * np.finfo(float).eps * measure.spectral_norm
    low, high = measure.null_mass(tau)
    assert low <= measure.likely_mass(Region.null_space(tau), low, high) <= high


def test_known_zeros_enter_the_sums():
    lam = np.linspace(0.1, 1.0, 400)
    runs, _ = lanczos_runs(lam, 4, 60)
    seen = RitzMeasure(runs=runs, n=400)
    whole = RitzMeasure(runs=runs, n=400, num_zeros=100)
    assert whole.trace(np.exp).value == pytest.approx(seen.trace(np.exp).value + 100.0)
    low, high = whole.trace(lambda x: 1 / (x + 1), kind="completely monotone").interval()
    assert low < 100.0 + (1 / (lam + 1)).sum() < high
    assert whole.inertia(0.01, 0.95)[1] == (100, 100)
    assert whole.effective_rank().value == seen.effective_rank().value
    with pytest.raises(OptionError, match=r"f\(0\) = -inf, and 100 eigenvalues are known"):
        whole.trace(np.log)


def test_measure_survives_json():
    runs, _ = lanczos_runs(np.linspace(0.0, 1.0, 50), 2, 10)
    measure = RitzMeasure(runs=runs, n=50, scale=2.0, num_looks=3, num_zeros=4)
    record = records.measure_to(measure)
    again = records.measure_from(json.loads(json.dumps(record)))
    assert records.measure_to(again) == record
    assert again.interval_from(*again.null_mass(0.3)) == measure.interval_from(
        *measure.null_mass(0.3)
    )


def test_counting_function_is_monotone_and_spans_zero_to_n():
    runs, _ = lanczos_runs(np.linspace(-1.0, 1.0, 200), 2, 40)
    measure = RitzMeasure(runs=runs, n=200, scale=3.0)
    estimate, low, high = measure.counting_function(np.array([1e-3, 1.0, 2.0, 3.1]), 0.95)
    assert (np.diff(estimate) <= 0).all()
    assert (low <= estimate).all()
    assert (estimate <= high).all()
    assert estimate[-1] == 0.0
    assert low[1] <= 133 <= high[1]  # |lambda| > 1/3 of 200 values in (-1, 1)


def test_a_single_step_is_a_run():
    run = LanczosRun(np.array([0.5]), np.array([0.2]), 1.0, np.finfo(float).eps)
    assert run.null_mass(1e-3) == (0.0, pytest.approx(0.2**2 / (0.5**2 + 0.2**2), rel=0.02))


@settings(max_examples=60)
@given(
    kind=st.sampled_from(KINDS),
    n=st.integers(3, 200),
    multiplicity=st.floats(0.0, 0.5),
    floors=st.sampled_from([0.0, 0.3, -0.3, 1.0, -1.0, 3.0, -3.0, 30.0, -300.0]),
    num_steps=st.sampled_from([1, 5, 30, 100, 400]),
    seed=st.integers(0, 2**31),
)
def test_both_edges_of_a_band_hold_whatever_crowds_at_the_end(
    kind, n, multiplicity, floors, num_steps, seed
):
    rng = np.random.default_rng(seed)
    lam = spectrum(kind, n, n // 5, rng)
    end = float(rng.choice([rng.choice(lam), rng.uniform(-1.0, 1.0), 0.3]))
    norm = max(np.abs(lam).max(), abs(end))
    delta = FLOOR * np.finfo(float).eps * norm
    lam[: int(multiplicity * n)] = end + floors * delta
    runs, mass = lanczos_runs(lam, 2, num_steps, seed=seed)
    edge = Edge(end - delta, end, end + delta)
    for region in (
        Region(
            low=Edge.sharp(-np.inf), high=edge, counts_inside=True, cut=delta, floor=delta,
            is_signed=False,
        ),
        Region(
            low=edge, high=Edge.sharp(np.inf), counts_inside=True, cut=delta, floor=delta,
            is_signed=False,
        ),
    ):  # fmt: skip
        for run, weights in zip(runs, mass.T, strict=True):
            low, high = run.uncounted_mass(region)
            away = lam - end if region.high is edge else end - lam
            sure = weights[away > 1.5 * delta].sum()
            inside = weights[np.abs(away) < 0.5 * delta].sum()  # on both sides, for all is known
            near = weights[np.abs(away) <= 1.5 * delta].sum() - inside
            assert low <= sure + near + 1e-13
            assert high >= sure + inside - 1e-13


@pytest.mark.parametrize("beside", [0.0, 1e-15, -1e-15])
def test_the_counting_function_spans_what_lies_on_its_cut(beside):
    lam = np.concatenate([np.full(100, 0.5), np.linspace(0.6, 1.0, 100), np.zeros(100)])
    runs, _ = lanczos_runs(lam, 8, 60)
    measure = RitzMeasure(runs=runs, n=lam.size)
    estimate, low, high = measure.counting_function([0.5 + beside, 0.3], 1 - 1e-9)
    assert low[0] <= 100
    assert high[0] >= 200
    assert low[1] <= 200 <= high[1]
    assert np.all((low <= estimate) & (estimate <= high))


def test_no_cut_of_the_counting_function_lies_below_the_floor():
    lam = np.concatenate([np.zeros(100), np.linspace(0.5, 1.0, 100)])
    runs, _ = lanczos_runs(lam, 8, 60)
    measure = RitzMeasure(runs=runs, n=lam.size)
    floor = FLOOR * np.finfo(float).eps * measure.spectral_norm
    _, low, high = measure.counting_function([0.0, floor], 0.95)
    assert (low[0], high[0]) == (low[1], high[1])
    assert high[0] < 150


def test_ends_in_a_gap_are_resolved_from_both_sides():
    """A count at a level, and between two, leaves a millionth of an eigenvalue open at most."""
    lam = np.concatenate([np.zeros(100), np.linspace(0.3, 0.5, 200), np.linspace(0.8, 1.0, 200)])
    runs, mass = lanczos_runs(lam, 2, 200)
    delta = FLOOR * np.finfo(float).eps
    level = Region.level((1.0, 1.0), delta, delta, 0.65, None)
    window = Region.between((0.1, 0.65), 1.0, delta, delta, 1.0)
    for run, weights in zip(runs, mass.T, strict=True):
        for region, away in ((level, lam < 0.65), (window, (lam < 0.1) | (lam > 0.65))):
            low, high = run.uncounted_mass(region)
            assert low <= weights[away].sum() <= high
            assert high - low < 1e-6 / lam.size


def test_the_allowance_for_rounding_is_twice_the_largest_violation_seen():
    """2^14 eps without close eigenvalues, over all experiments; see `lanczos_run`."""
    runs, _ = lanczos_runs(np.repeat([0.0, 0.5, 1.0], 50), 1, 40)
    for low, high in (runs[0].null_mass(0.3), runs[0].mass_left(0.7)):
        assert high - low >= 2.0 * 2.0**15 * runs[0].eps


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_the_edge_of_a_band_keeps_clear_of_what_rounding_may_carry_across(direction):
    runs, _ = lanczos_runs(np.repeat([0.2, 0.5, 1.0], 50), 1, 40)
    run = runs[0]
    for node in run.ritz_values:
        for beside in (0.0, 0.5 * run.drift, -0.5 * run.drift):
            moved = run._clear(node + beside, direction, run.ritz_values)
            assert direction * (moved - node) >= run.drift  # outwards, farther than nodes drift
            assert abs(moved - node) < 100.0 * run.drift
    assert run._clear(0.7, direction, run.ritz_values) == 0.7
