"""The caller's code: private copies, products of its own memory, states, marks, and the witness."""

import functools

import numpy as np
import pytest

import symrank
from symrank.errors import ChangedOperatorError, NonFiniteError, OperatorError
from symrank.operators import Operator, Scaled, ScipyOperator, augmented, gram, kron
from symrank.operators.checks import checked
from symrank.operators.matrix import MatrixOperator
from symrank.support import foreign
from tests.faults.machine import ENTRIES, Machine, Subclass, blocks, vectors

X = np.arange(12.0).reshape(6, 2)
multiplied = functools.partial(foreign.product_of, X=X, shape=X.shape, dtype=X.dtype)


def good(machine, block, is_on):
    return machine.multiply(block)


def test_a_product_that_is_held_elsewhere_is_copied_and_a_fresh_one_is_not():
    made, held, buffer = [], [], np.empty_like(X)

    def fresh(block):
        made.append((block + 1.0).ctypes.data)
        product = block + 1.0
        made[-1] = product.ctypes.data
        return product

    def kept(block):
        held.append(block + 1.0)
        return held[-1]

    def filled(block):
        buffer[...] = block
        return buffer[:]

    assert multiplied(fresh).ctypes.data == made[-1]
    assert not np.shares_memory(multiplied(kept), held[-1])
    assert not np.shares_memory(multiplied(filled), buffer)


@pytest.mark.parametrize("part", [lambda b: b, lambda b: b[:, 0], memoryview])
def test_a_copy_that_the_caller_keeps_is_never_written_again(part):
    held = []

    def keeps(block):
        held.append(part(block))
        return 2.0 * block

    with foreign.own_arithmetic():
        for j in range(4):
            multiplied(keeps, X=X + j)
    for j, each in enumerate(held):
        np.testing.assert_array_equal(np.asarray(each), part(X + j))


def test_a_copy_that_no_one_keeps_lends_its_memory_to_the_next_within_a_run():
    seen = []

    def looks(block):
        seen.append(block.ctypes.data)
        return 2.0 * block

    with foreign.own_arithmetic():
        blocks = [multiplied(looks), np.empty((400, 400)), multiplied(looks)]
    assert len(blocks) == 3
    assert len(set(seen)) == 1


def test_the_callers_state_is_in_force_in_its_code_and_undone_after_it():
    def spoils(block):
        assert np.geterr()["over"] == "raise"
        np.seterr(all="raise")
        return block + 1.0

    with np.errstate(over="raise"), foreign.own_arithmetic():
        assert np.geterr()["over"] == "ignore"
        multiplied(spoils)
        assert np.geterr()["over"] == "ignore"


def test_an_exception_is_told_once_and_a_fault_of_our_own_never():
    def fails(block):
        raise KeyError(block.shape)

    with pytest.raises(KeyError) as info:
        multiplied(fails)
    assert foreign.is_callers(info.value)
    foreign.tell(info.value, 7, None)
    foreign.tell(info.value, 8, None)
    assert len(info.value.__notes__) == 1
    ours = ZeroDivisionError("a fault of the package")
    foreign.tell(ours, 7, "a result")
    assert not hasattr(ours, "result")


def test_an_error_of_ours_has_the_product_and_what_was_known():
    error = NonFiniteError("a product holds NaN.")
    error.tell(7, None)
    error.tell(9, "rank 3")
    assert (error.product, error.result) == (7, "rank 3")
    assert (
        str(error)
        == "a product holds NaN. It was seen at product 7 of the run; known before: rank 3."
    )


@pytest.mark.parametrize("value", [1e300, -1e300])
def test_sums_that_overflow_are_no_product_that_is_not_finite(value):
    product = np.full(X.shape, value)
    np.testing.assert_array_equal(multiplied(lambda block: product), product)


def test_foreign_is_what_has_a_part_of_the_callers():
    mine, its = MatrixOperator(np.eye(160)), Subclass(Machine(good))
    assert not any(
        A.is_foreign for A in (mine, Scaled(mine, 2.0), gram(np.eye(3)), kron(mine, mine))
    )
    L = blocks(Machine(good))
    foreign = (its, ScipyOperator(L), Scaled(its, 2.0), gram(L), augmented(its), kron(mine, its))
    assert all(A.is_foreign for A in foreign)


def test_a_subclass_of_a_class_of_ours_is_the_callers():
    class Mine(MatrixOperator):
        def _matmat(self, block):
            block[...] = 0.0
            return block[:-1]

    block = np.ones((3, 2))
    with pytest.raises(OperatorError, match=r"\(3, 2\) into \(2, 2\)"):
        Mine(np.eye(3)).matmat(block)
    assert block.all()


def test_a_witness_sees_a_single_eigenvalue_and_allows_the_noise_that_was_declared():
    machine = Machine(good)
    used, witness = checked(ScipyOperator(vectors(machine)), 0)
    assert used == 8
    witness.look()
    machine.d = np.where(ENTRIES == 1.0, 1.0 + 1e-6, ENTRIES)
    with pytest.raises(ChangedOperatorError, match="changed while it was multiplied"):
        witness.look()
    _, lenient = checked(ScipyOperator(vectors(Machine(good))), 0, noise=1e-4)
    object.__setattr__(lenient, "operator", ScipyOperator(vectors(machine)))
    lenient.look()


def test_explicit_matrices_have_no_witness_and_take_no_product_for_one():
    assert checked(MatrixOperator(np.eye(3)), 0)[1] is None
    assert symrank.rank(np.diag(ENTRIES), "lanczos", rng=1, max_matvecs=64).num_matvecs == 64


def test_the_norm_bound_of_the_door_is_an_error_beyond_it():
    def huge(machine, block, is_on):
        product = machine.multiply(block)
        if is_on and machine.count < 64:
            product[3] = 1e9
        return product

    with pytest.raises(ChangedOperatorError, match=r"the products at the door prove"):
        symrank.rank(blocks(Machine(huge)), "lanczos", rng=1, max_matvecs=400)


def test_operators_that_are_not_the_callers_are_handed_the_block_itself():
    block = np.ones((3, 2))
    seen = []

    class Own(Operator):
        def _matmat(self, X):
            seen.append(X)
            return X + 1.0

    Own._is_own = True  # as a class of the package's
    Own((3, 3), float).matmat(block)
    assert seen[0] is block
