"""Tensors of PyTorch, and operators of other libraries, as they come."""

import warnings

import numpy as np
import pytest
import scipy.sparse.linalg as spla

import symrank
from symrank.errors import OperatorError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

D = torch.diag(torch.tensor([3.0, 1.0, 0.0, 2.0], dtype=torch.float64))


def sparse(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these layouts are said to be in beta
        return getattr(D, f"to_sparse{kind}")(*([(2, 2)] if kind in ("_bsr", "_bsc") else []))


@pytest.mark.parametrize("kind", ["", "_csr", "_csc", "_bsr", "_bsc"])
def test_every_sparse_layout(kind):
    A = symrank.as_operator(sparse(kind))
    assert A.is_sparse
    np.testing.assert_array_equal(A.to_dense(), D.numpy())


def test_tensors_that_numpy_refuses():
    C = torch.tensor([[1.0, 1j], [-1j, 1.0]], dtype=torch.complex128)
    for tensor, rank in (
        (D.clone().requires_grad_(), 3),
        (torch.nn.Parameter(D), 3),
        (D.bfloat16(), 3),
        (D.to_sparse().requires_grad_(), 3),
        (C.conj(), 1),
        (torch.tensor([[0.0]]), 0),
    ):
        assert symrank.rank(tensor).rank == rank
    assert symrank.rank(symrank.gram(torch.ones(2, 3))).rank == 1


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (torch.empty(3, 3, device="meta"), "makes no array"),
        (torch.ones(2, 2, 2).to_sparse(), "3 sparse dimensions"),
        (torch.nn.Linear(2, 2), r"symrank\.torch\.from_model"),
    ],
)
def test_what_is_none_is_named(value, remedy):
    with pytest.raises(OperatorError, match=remedy):
        symrank.rank(value)


class Foreign:
    """What curvlinops' operators look like from here."""

    def __init__(self, form):
        self.form = form
        self.shape = (4, 4)

    def to_scipy(self):
        return self.form


def test_an_operator_with_a_form_in_scipy():
    A = Foreign(spla.aslinearoperator(D.numpy()))
    assert symrank.rank(A).rank == 3
    with pytest.raises(OperatorError, match=r"to_scipy\(\) .*\.LinearOperator is wanted"):
        symrank.rank(Foreign(3.0))


def test_a_rectangle_is_counted_by_its_singular_values():
    found = symrank.rank(torch.ones(2, 3))
    assert (found.rank, found.shape, found.nullity) == (1, (2, 3), 2)
