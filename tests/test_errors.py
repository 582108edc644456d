"""Errors travel: a worker's error arrives with its message, its fields and what was known."""

import copy
import inspect
import pickle

import pytest

from symrank import errors

KINDS = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, errors.SymrankError)
]
OWN_ARGUMENTS = {
    errors.NotPositiveError: (-0.1, 5.0, 100, 0.5),
    errors.DeviceMemoryError: (800, 400),
    errors.DivergedError: (3,),
    errors.StepSizeError: (1.0, 2.0),
    errors.UnknownOptionError: ("rank()", "seed", "pass rng=..."),
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "travel", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy], ids=["pickle", "copy"]
)
def test_an_error_comes_through_whole(kind, travel):
    error = kind(*OWN_ARGUMENTS.get(kind, ("a message",)))
    error.tell(7, "what was known")
    found = travel(error)
    assert type(found) is kind
    assert str(found) == str(error)
    assert vars(found) == vars(error)
    assert found.result == "what was known"
