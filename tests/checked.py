"""Annotated functions that are checked in the first, second, fourth, eighth ... call of each test."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import is_dataclass
from types import CodeType
from typing import Any

import jaxtyping
from jaxtyping import install_import_hook, jaxtyped

# An int passes where a float is asked for.
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"

calls: Counter[CodeType] = Counter()  # of each function in this test; tests/conftest.py empties it


def check_some(function: Callable[..., Any], typechecker: Any) -> Callable[..., Any]:
    """Return the function with checks, which are made when it is first called: most never are.

    A check takes as long as a hundred calls, and a test may call a function 100,000 times.
    """
    code, checked = function.__code__, None

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked
        calls[code] += 1
        if calls[code].bit_count() > 1:
            return function(*args, **kwargs)
        checked = checked or jaxtyped(function, typechecker=typechecker)
        return checked(*args, **kwargs)

    return call


def decorate(*, typechecker: Any) -> Callable[[Any], Any]:
    """Return what stands in for `jaxtyped(typechecker=typechecker)`, for functions and dataclasses."""

    def wrap(made: Any) -> Any:
        if not isinstance(made, type):
            return check_some(made, typechecker)
        if is_dataclass(made) and "__init__" in vars(made):
            made.__init__ = check_some(made.__init__, typechecker)
        return made

    return wrap


def install(packages: list[str]) -> None:
    """Check the annotated functions of what will be imported of the packages."""
    jaxtyping.jaxtyped = decorate  # the hook writes this name before each function
    install_import_hook(packages, CHECKER)
