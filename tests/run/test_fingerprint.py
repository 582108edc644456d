"""A checkpoint knows its operator: another one is refused, and rounding is no other one."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as sla

import symrank
from symrank.errors import CheckpointError
from tests.cases.losses import Polynomial
from tests.run.problems import by_products

N = 50


def kept(path, A, method="lanczos", **options):
    return symrank.rank(A, method, rng=3, max_matvecs=400, checkpoint=path, **options)


def is_refused(path, A, method="lanczos", **options):
    try:
        kept(path, A, method, **options)
    except CheckpointError as error:
        return "of another operator" in str(error)
    return False


@pytest.fixture
def dense():
    X = np.random.default_rng(8).standard_normal((N, 30))
    return X @ X.T


def test_an_entry_in_another_unit(tmp_path):
    """Beside 1e12 a change of 1 is none for products; rows are compared by themselves."""
    lam = np.append(np.full(N - 2, 1e15), [1.0, 0.0])
    A = sp.diags_array(lam, format="csr")
    kept(tmp_path / "a", A, "dense")
    lam[-2] = 2.0
    assert is_refused(tmp_path / "a", sp.diags_array(lam, format="csr"), "dense")
    assert not is_refused(tmp_path / "a", A, "dense")


def test_a_dense_matrix_and_its_rounding(tmp_path, dense):
    kept(tmp_path / "a", dense)
    assert not is_refused(tmp_path / "a", dense * (1.0 + 1e-15))
    other = dense.copy()
    other[3, 4] = other[4, 3] = other[3, 4] * (1.0 + 1e-6)
    assert is_refused(tmp_path / "a", other)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_rectangle(is_known, tmp_path):
    X = np.random.default_rng(9).standard_normal((40, N))
    Y = X.copy()
    Y[7, 9] += 1e-6

    def operator(M):
        return M if is_known else sla.aslinearoperator(M)

    kept(tmp_path / "a", operator(X))
    assert not is_refused(tmp_path / "a", operator(X.copy()))
    assert is_refused(tmp_path / "a", operator(Y))


def test_products_of_the_callers_code(tmp_path):
    A = by_products()
    kept(tmp_path / "a", A)
    B = A * (1.0 + 1e-9)
    assert is_refused(tmp_path / "a", B)
    for options in ({"check": False}, {"deflate": np.eye(300)[:, 290:]}):
        path = tmp_path / next(iter(options))
        kept(path, A, **options)
        assert not is_refused(path, A, **options)
        assert is_refused(path, B, **options)


def test_a_preconditioner_and_null_vectors(tmp_path):
    A, d = by_products(), np.linspace(1.0, 2.0, 300)
    kept(tmp_path / "a", A, preconditioner=d)
    assert is_refused(tmp_path / "a", A, preconditioner=d[::-1].copy())
    assert not is_refused(tmp_path / "a", A, preconditioner=d * (1.0 + 1e-16))


def test_a_loss_with_the_same_hessian(tmp_path):
    H = np.diag(np.append(np.linspace(0.5, 1.0, 12), np.zeros(8)))
    method = symrank.Langevin(num_steps=50, burn_in=10, num_chains=4)
    ask = {"method": method, "rng": 1, "max_matvecs": 2000}
    symrank.rank(Polynomial(H, quartic=1e-2), checkpoint=tmp_path / "a", **ask)
    with pytest.raises(CheckpointError, match="differ by"):
        symrank.rank(Polynomial(H, quartic=2e-2), checkpoint=tmp_path / "a", **ask)
    symrank.rank(Polynomial(H, quartic=1e-2), checkpoint=tmp_path / "a", **ask)
