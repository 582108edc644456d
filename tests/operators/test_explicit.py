"""Entries of an operator as one sparse matrix, against its dense twin."""

import numpy as np
import pytest
import scipy.sparse as sp

from symrank.errors import OptionError
from symrank.operators import AugmentedOperator, GramOperator, MatrixOperator, Scaled, gram
from symrank.operators.factor import Factor
from tests.cases.operators import CASES

KINDS = (MatrixOperator, AugmentedOperator, GramOperator)


def base(operator):
    return base(operator.base) if isinstance(operator, Scaled) else operator


@pytest.mark.parametrize("name", CASES)
def test_entries_are_those_of_the_twin(name):
    case = CASES[name]()
    entries = case.operator.sparse_entries()
    if not isinstance(base(case.operator), KINDS) or "LinearOperator" in name:
        assert entries is None
        return
    factor = getattr(base(case.operator), "factor", None)
    if isinstance(factor, Factor) and factor.entries is None:
        assert entries is None  # an operator, not a matrix
        return
    assert entries.dtype == case.operator.dtype
    tolerance = 50 * np.finfo(entries.dtype).eps * np.abs(case.twin).max(initial=0.0)
    np.testing.assert_allclose(entries.toarray(), case.twin, rtol=0, atol=tolerance)


def test_a_gram_matrix_that_fills_up_is_refused():
    row = sp.csr_array(np.ones((1, 50)))
    assert gram(row).sparse_entries(max_entries=2500).nnz == 2500
    with pytest.raises(OptionError, match=r"may have 2\.5e\+03 entries, and 2\.4e\+03 are allowed"):
        gram(row).sparse_entries(max_entries=2400)
    assert gram(row, side="rows").sparse_entries(max_entries=1).toarray() == 50.0
