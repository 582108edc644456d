"""Symmetric (Hermitian) operators known by their products with blocks of vectors."""

from symrank.operators.augmented import AugmentedOperator, augmented
from symrank.operators.base import Operator
from symrank.operators.checks import check_operator
from symrank.operators.coerce import as_operator
from symrank.operators.finite_difference import finite_difference_hessian
from symrank.operators.gram import GramOperator, gram
from symrank.operators.kronecker import KroneckerOperator, kron
from symrank.operators.linear_network import LinearNetworkHessian
from symrank.operators.loss_problem import LossProblem
from symrank.operators.matrix import MatrixOperator
from symrank.operators.padded import PaddedMatrix, PaddedOperator
from symrank.operators.scaled import Scaled
from symrank.operators.scipy_adapter import ScipyOperator
from symrank.operators.shifted import Shifted, shift
from symrank.operators.transforms import Congruent, Squared

__all__ = [
    "AugmentedOperator",
    "Congruent",
    "GramOperator",
    "KroneckerOperator",
    "LinearNetworkHessian",
    "LossProblem",
    "MatrixOperator",
    "Operator",
    "PaddedMatrix",
    "PaddedOperator",
    "Scaled",
    "ScipyOperator",
    "Shifted",
    "Squared",
    "as_operator",
    "augmented",
    "check_operator",
    "finite_difference_hessian",
    "gram",
    "kron",
    "shift",
]
