"""Recurrences, wrappers and whole runs on a device that mixes with no other (array-api-strict)."""

import numpy as np
import pytest

import symrank
from symrank import Preconditioner, gallery, kernels
from symrank.errors import DeviceMemoryError, NonFiniteError, OperatorError, OptionError
from symrank.operators import Congruent, Scaled, Shifted, Squared, as_operator, gram, kron
from symrank.operators.deflated import Deflated
from symrank.recurrences import chebyshev, lanczos, langevin
from symrank.spectrum.filters import Baoab, EulerMaruyama, LeimkuhlerMatthews
from symrank.support import probes
from tests.device import strict

N, SEED = 60, 3
SPECTRUM = np.repeat([0.0, 0.4, 1.0], N // 3)
# the two roads differ by the order of N additions of terms below 1: N eps is 1e-14, and a
# recurrence of 12 steps amplifies it by less than 1e3
ROUNDING = 1e-11
SINGLE = 1e-4  # the same in single precision


@pytest.fixture
def device(monkeypatch):
    with strict.loaded(monkeypatch) as K:
        yield K


def matrix(dtype=float, lam=SPECTRUM):
    return gallery.dense(lam, 5, dtype)


def probe(k=3, dtype=float):
    return probes.gaussian(SEED, 0, k, N, np.dtype(dtype))


def ignore(_):
    pass


WRAPPERS = {
    "plain": (lambda A: A),
    "shifted": (lambda A: Shifted(A, 0.3)),
    "scaled": (lambda A: Scaled(A, 0.25)),
    "squared": Squared,
    "preconditioned": (
        lambda A: Congruent(A, Preconditioner.diagonal(np.linspace(0.5, 2.0, N)).factor)
    ),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_what_multiplies_on_a_device_multiplies_the_same(device, wrapper, dtype):
    A = matrix(dtype)
    there, here = (WRAPPERS[wrapper](one) for one in (strict.Strict(A), as_operator(A)))
    X = probe(dtype=dtype)

    assert there.kernel == strict.NAME
    assert there.facts.is_on_device
    tolerance = SINGLE if dtype == np.float32 else ROUNDING
    brought = there.matmat(X)
    assert isinstance(brought, np.ndarray)
    np.testing.assert_allclose(brought, here.matmat(X), atol=tolerance)
    stays = there.matmat(device.block(X))
    assert type(stays) is type(device.block(X))
    np.testing.assert_array_equal(device.host(stays), brought)
    np.testing.assert_array_equal(there @ X[:, 0], there.matmat(X[:, :1])[:, 0])


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_lanczos_and_chebyshev_where_the_blocks_are(device, wrapper, dtype):
    A = matrix(dtype, np.linspace(0.0, 1.0, N))  # no Krylov space closes
    there, here = (WRAPPERS[wrapper](one) for one in (strict.Strict(A), as_operator(A)))
    found = []
    for operator in (there, here):
        state = lanczos.extend(lanczos.start(probe(dtype=dtype)), operator, 3, ignore)
        found.append(lanczos.extend(state, operator, 2, ignore))
    np.testing.assert_allclose(found[0].alpha, found[1].alpha, atol=ROUNDING)
    np.testing.assert_allclose(found[0].beta, found[1].beta, atol=ROUNDING)
    moments = []
    for operator in (there, here):
        state = chebyshev.start(probe(dtype=dtype), 0.5, 3.0)
        state = chebyshev.extend(chebyshev.extend(state, operator, 4, ignore), operator, 5, ignore)
        moments.append(state.moments)
    np.testing.assert_allclose(*moments, rtol=ROUNDING)


SCHEMES = {
    "baoab": Baoab(0.5, 0.4),
    "leimkuhler-matthews": LeimkuhlerMatthews(0.5),
    "euler-maruyama": EulerMaruyama(0.5),
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", [strict.Strict, strict.StrictDiagonal])
def test_langevin_where_the_blocks_are(device, scheme, kind):
    A, noise = np.diag(SPECTRUM), probes.noise_of("rademacher", SEED)
    energies = []
    for operator, kernel in ((kind(A), strict.NAME), (as_operator(A), "reference")):
        args = operator, SCHEMES[scheme], noise
        state = langevin.start(N, 5, float, SCHEMES[scheme], noise, 2, kernel)
        state = langevin.extend(state, *args, 4, ignore, kernel)
        energies.append(langevin.extend(state, *args, 6, ignore, kernel).energies)
    np.testing.assert_allclose(*energies, atol=ROUNDING * N)


@pytest.mark.parametrize("method", ["lanczos", "langevin", "chebyshev", "ubaru-saad"])
@pytest.mark.parametrize("lam", [SPECTRUM, SPECTRUM - 0.4 * (SPECTRUM == 0.4)])
def test_whole_runs_stay_on_the_device(device, method, lam):
    A = gallery.dense(lam, 5)
    there = symrank.rank(strict.Strict(A), method, rng=SEED, max_matvecs=600, check=False)
    here = symrank.rank(A, method, rng=SEED, max_matvecs=600, check=False)
    assert there.kernel == strict.NAME
    low, high = there.interval()
    assert low <= np.count_nonzero(lam) <= high
    assert here.interval()[0] <= np.count_nonzero(lam) <= here.interval()[1]


@pytest.mark.parametrize("method", [None, "dense", "lanczos", "langevin", "sketch"])
def test_a_window_is_counted_and_the_host_is_named(device, method):
    lam = np.linspace(0.0, 1.0, N)
    result = symrank.count(
        strict.Strict(np.diag(lam)), 0.405, 0.805, method, rng=SEED, max_matvecs=2000
    )
    low, high = result.interval()
    assert low <= 24 <= high
    is_on_host = any("works on the host" in note for note in result.notes)
    assert is_on_host == (result.kernel == "")


def test_what_works_on_the_host_refuses_what_lives_on_a_device(device):
    A = strict.Strict(matrix())
    for make in (gram, lambda A: kron(A, np.eye(2)), lambda A: Deflated(A, np.ones((N, 1)))):
        with pytest.raises(OperatorError, match=r"on a device: pass A\.get\(\)"):
            make(A)
    S = Preconditioner.from_factor(np.tril(np.ones((N, N)))).factor
    with pytest.raises(OperatorError, match="by a factor that is no diagonal"):
        Congruent(A, S)


def test_a_kernel_that_runs_elsewhere_is_refused(device):
    with pytest.raises(OptionError, match=r"leave kernel out, or pass A\.get"):
        symrank.rank(strict.Strict(matrix()), symrank.Lanczos(kernel="cpu_numba"))
    with pytest.raises(OptionError, match="made on the host: pass A as an array of the device"):
        symrank.rank(matrix(), symrank.Langevin(kernel=strict.NAME))


def runs(device_free, monkeypatch, method):
    with strict.loaded(monkeypatch, device_free):
        A = strict.Strict(np.diag(SPECTRUM))
        return symrank.rank(A, method, rng=SEED, max_matvecs=500).to_dict()


@pytest.mark.parametrize("method", ["lanczos", "langevin", "chebyshev"])
def test_the_bits_do_not_depend_on_what_fits(monkeypatch, method):
    """Blocks as wide as asked for, blocks of a few columns that rest on the host, and of one."""
    pytest.importorskip("array_api_strict")
    column = N * 8
    whole = runs(2**30, monkeypatch, method)
    for free in (40 * column, 9 * column):  # a column takes seven at most, of 0.8 of what is free
        narrow = runs(free, monkeypatch, method)
        different = {key for key in whole if whole[key] != narrow[key]}
        assert different <= {"seconds", "history"}


def test_not_even_one_column(monkeypatch):
    pytest.importorskip("array_api_strict")
    with pytest.raises(DeviceMemoryError, match=r"a column takes \d+ bytes .*: 0 columns fit"):
        runs(N * 8, monkeypatch, "lanczos")


def test_the_host_is_one_step_ahead(device):
    """Never two: and the last steps of a segment are not waited for but by what is brought home."""
    ticks = []
    operator = strict.Strict(matrix())
    lanczos.extend(lanczos.start(probe()), operator, 4, lambda k: ticks.append(len(device.log)))
    assert device.log == [
        ("record", 0), ("record", 1), ("wait", 0), ("record", 2), ("wait", 1), ("record", 3),
        ("wait", 2),
    ]  # fmt: skip
    assert ticks == [1, 3, 5, 7]


@pytest.mark.parametrize("method", ["lanczos", "langevin", "chebyshev"])
def test_a_product_that_is_not_finite_is_seen_at_the_end_of_a_segment(device, method):
    class Broken(strict.Strict):
        count = 0

        def _matmat(self, X):
            Broken.count += 1
            return super()._matmat(X) * (float("nan") if Broken.count > 20 else 1.0)

    Broken.count = 0
    with pytest.raises(NonFiniteError):
        symrank.rank(Broken(matrix()), method, rng=SEED)


def test_host_and_device_do_not_meet(device):
    """What this file rests on: the library refuses to mix."""
    X = device.block(probe())
    with pytest.raises(Exception, match=r"(?i)device|not allowed|mix"):
        X + device.xp.asarray(probe())
    with pytest.raises(Exception, match="Expected Array or Python scalar"):
        X + probe()
    assert kernels.load(strict.NAME) is device
