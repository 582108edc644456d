"""`functools.cached_property` without the lock that Python 3.11 holds while a value is computed.

That lock is one for all instances: threads would wait for each other, and a child that is forked
while another thread computes would wait for ever. Since Python 3.12 there is no lock either; two
threads may then both compute a value, which here is the same.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["cached_property"]

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801, in place of the one of functools
    """A property that is computed once and then is an entry of the instance's ``__dict__``."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> "cached_property[T]": ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...
    def __get__(self, instance: object, owner: type | None = None) -> "T | cached_property[T]":
        if instance is None:
            return self
        value = self._compute(instance)
        vars(instance)[self._name] = value
        return value
