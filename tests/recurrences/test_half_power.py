"""G^(1/2) z: the rule of poles, the error against its bound, and what a G must not be."""

import numpy as np
import pytest

from symrank import gallery
from symrank.errors import OptionError
from symrank.recurrences.half_power import SPREAD, half_power, poles

N = 150


def problem(kappa, dtype=float):
    lam = np.geomspace(1.0 / kappa, 1.0, N)
    G = gallery.dense(lam, 3, dtype)
    values, U = np.linalg.eigh(G)
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((N, 6)) + (1j * rng.standard_normal((N, 6)) if dtype is complex else 0)
    return G, (U * np.sqrt(values)) @ U.conj().T, Z


def test_the_poles_make_an_inverse_square_root():
    t, omega, eta = poles(7.0)
    x = np.geomspace(7.0 / SPREAD, 7.0, 777)
    R = (omega / (x[:, None] + t)).sum(axis=1)
    assert np.abs(1.0 - np.sqrt(x) * R).max() <= 1.01 * eta < 1e-5
    assert (t > 0.0).all()
    assert (omega > 0.0).all()
    far = np.array([7e-12, 7e-10, 70.0, 7e4])  # outside it falls short, and never exceeds one
    R = (omega / (far[:, None] + t)).sum(axis=1)
    assert (np.sqrt(far) * R <= 1.0 + eta).all()


@pytest.mark.parametrize("kappa", [1.0, 10.0, 1e4])
@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-4])
def test_the_error_is_below_its_bound_and_the_bound_below_the_tolerance(kappa, dtype, tolerance):
    G, root, Z = problem(kappa, dtype)
    found = half_power(Z, lambda R: G @ R, 20.0, tolerance, 1000, lambda _: None)
    error = np.linalg.norm(np.linalg.solve(root, found.V - root @ Z), axis=0)
    assert (error <= found.error).all()
    assert (found.error <= tolerance * np.linalg.norm(Z, axis=0)).all()
    length2 = np.linalg.norm(np.linalg.solve(root, found.V), axis=0) ** 2
    assert found.norm2 == pytest.approx(length2, rel=1e-8)


@pytest.mark.parametrize("num_steps", [1, 3, 10, 40])
def test_the_bound_holds_after_any_number_of_steps(num_steps):
    G, root, Z = problem(1e6)
    found = half_power(Z, lambda R: G @ R, 20.0, 1e-4, num_steps, lambda _: None)
    error = np.linalg.norm(np.linalg.solve(root, found.V - root @ Z), axis=0)
    assert (error <= found.error).all()


def test_a_bound_on_the_norm_that_is_none_is_noticed():
    G, root, Z = problem(1e3)
    found = half_power(Z, lambda R: G @ R, 1e-6, 1e-3, 1000, lambda _: None)
    error = np.linalg.norm(np.linalg.solve(root, found.V - root @ Z), axis=0)
    assert (error <= found.error).all()
    assert (found.error <= 1e-3 * np.linalg.norm(Z, axis=0)).all()


@pytest.mark.parametrize(("least", "message"), [(-0.1, "not positive definite"), (0.0, "singular")])
def test_a_curvature_that_is_not_positive_is_refused(least, message):
    G, _, Z = problem(10.0)
    values, U = np.linalg.eigh(G)
    values[:2] = least
    bad = (U * values) @ U.T
    with pytest.raises(OptionError, match=message):
        half_power(Z, lambda R: bad @ R, 20.0, 1e-4, 1000, lambda _: None)
