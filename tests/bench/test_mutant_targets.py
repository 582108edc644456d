"""What is mutated exists, and so do the tests that must notice."""

import importlib
from functools import reduce
from pathlib import Path

import pytest

from bench.hostile import mutant_targets
from symrank.support.cached import cached_property

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("target", mutant_targets.TARGETS)
def test_a_target_exists(target):
    module, _, name = target.partition(":")
    found = reduce(getattr, name.split("."), importlib.import_module(module))
    assert callable(found) or isinstance(found, property | cached_property)


def test_every_module_of_targets_has_tests_that_exist():
    modules = {target.partition(":")[0] for target in mutant_targets.TARGETS}
    assert modules <= set(mutant_targets.TESTS)
    named = {path for paths in mutant_targets.TESTS.values() for path in paths}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
