"""Every numbered equation of a recurrence is named again by the line that computes it."""

import inspect
import re

import pytest

from symrank.recurrences import chebyshev, conjugate_gradient, half_power, lanczos, minres


@pytest.mark.parametrize(
    "module", [chebyshev, conjugate_gradient, half_power, lanczos, minres], ids=lambda m: m.__name__
)
def test_every_numbered_equation_is_named_in_the_code(module):
    law = module.__doc__
    code = inspect.getsource(module).replace(law, "", 1)
    numbers = re.findall(r" \((\d+)\)$", law, re.MULTILINE)
    assert numbers == [str(i + 1) for i in range(len(numbers))] != []
    missing = [number for number in numbers if f"({number})" not in code]
    assert not missing, f"equations {missing} of {module.__name__} are at no line"
    named = set(re.findall(r"(?:#|eqs?\.) ?\((\d+)\)", code))
    assert named <= set(numbers), "the code names equations that the docstring does not have"
