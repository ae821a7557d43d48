"""Measurements that may be taken again: what stands still with the machine for a moment is no fault of the product."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def one_of(measure: Callable[[], Awaitable[T]], good: Callable[[T], bool], times: int = 3) -> T:
    """Measure until it is good; returns that one.

    For a measurement that the machine itself can spoil, by standing still in the midst of it: a fault of the product is
    there each time, so a bound need not be widened to leave room for a neighbour.

    Raises:
        AssertionError: none of them was; with all that was measured.
    """
    tries: list[T] = []
    for _ in range(times):
        tries.append(await measure())
        if good(tries[-1]):
            return tries[-1]
    raise AssertionError(tries)


async def most_of(measure: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> None:
    """Measure until two are good, or three are not. For a fault that would not be there each time, but often.

    Raises:
        AssertionError: three of them were not; with all that was measured.
    """
    tries: list[T] = []
    while sum(map(good, tries)) < 2:
        tries.append(await measure())
        if sum(not good(each) for each in tries) > 2:
            raise AssertionError(tries)
