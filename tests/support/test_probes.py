"""Streams of random numbers: no address has two uses, blocks leave nothing out."""

import itertools

import numpy as np
import pytest

from symrank.methods.spaces import sketch
from symrank.support import probes
from symrank.support.probes import Streams

TABLE = {name: part for name, part in vars(Streams).items() if isinstance(part, range)}
IN_PAIRS = {"BACKWARD_ERROR"}


def test_no_number_of_a_stream_has_two_uses():
    single = {name: part for name, part in TABLE.items() if name not in IN_PAIRS}
    assert len(single) > 5
    for (one, first), (other, second) in itertools.combinations(single.items(), 2):
        assert first.stop <= second.start or second.stop <= first.start, (one, other)
    assert all(0 <= part.start < part.stop <= 2**32 for part in TABLE.values())  # one word each


def test_a_number_alone_and_in_a_pair_are_two_streams():
    number = Streams.BACKWARD_ERROR.start
    draws = [probes.stream(7, *key).random() for key in ((number,), (number, 0), (number, 1))]
    assert len(set(draws)) == 3


def test_the_blocks_of_a_sketch_of_the_null_space_keep_to_their_streams():
    """The columns of block j begin after those of block j - 1, also those of its test."""
    most, last = 0, Streams.NULL.start
    for j in range(6):  # 8192 columns: more fill the memory that a sketch allows itself
        width = sketch.NULL_COLUMNS * sketch.GROWTH**j
        first = sketch.first_column(j)
        assert first >= last
        last, most = first + width, max(most, width)
        assert Streams.NULL_TEST.start + last < Streams.NULL_TEST.stop
    assert last <= Streams.NULL.stop
    goal_columns = (sketch.MEMORY / (3 * 4)) ** 0.5  # n of them, of n numbers in single precision
    assert goal_columns < sketch.GROWTH * most


@pytest.mark.parametrize("size", [1, 3, 8])
@pytest.mark.parametrize(("first", "last"), [(0, 8), (2, 3), (5, 22), (4, 4), (4, 2)])
def test_blocks_are_all_numbers_in_turn(first, last, size):
    parts = list(probes.blocks(first, last, size))
    assert [j for start, m in parts for j in range(start, start + m)] == list(range(first, last))
    assert all(1 <= m <= size for _, m in parts)
    assert all(m == size for _, m in parts[:-1])


def test_a_probe_does_not_depend_on_its_block():
    whole = probes.gaussian(3, 5, 7, 11, np.dtype(complex))
    parts = [probes.gaussian(3, j, m, 11, np.dtype(complex)) for j, m in probes.blocks(5, 12, 3)]
    np.testing.assert_array_equal(np.hstack(parts), whole)
