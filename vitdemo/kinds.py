"""Configs as JSON, and their values against the annotated kinds of the fields, a sentence naming a key."""

from __future__ import annotations

import dataclasses
import difflib
import sys
from collections.abc import Mapping
from reprlib import repr as shortened
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from vitdemo.message import Message

SIMPLE: dict[Any, tuple[Message, Any]] = {
    bool: (Message("true or false"), bool),
    int: (Message("a whole number"), int),
    float: (Message("a number"), (int, float)),
    str: (Message("text"), str),
    NoneType: (Message("null"), NoneType),
}
T = TypeVar("T")
REQUIRED = object()
PLURAL = {
    int: Message("whole numbers"),
    float: Message("numbers"),
    str: Message("texts"),
    tuple: Message("lists"),
}


def check_range(key: str, value: float | tuple[float, ...], low: float, high: float) -> None:
    """Raise ValueError naming `key` where `value`, or a part of it, is not from `low` to `high`."""
    if not all(low <= part <= high for part in (value if isinstance(value, tuple) else (value,))):
        raise ValueError(
            Message(
                "{key} must be from {low} to {high}, got {value}",
                key=key,
                low=f"{low:,}",
                high=f"{high:,}",
                value=shortened(value),
            )
        )


def check_value(key: str, value: Any, kind: Any) -> None:
    """Raise ValueError naming `key` where `value`, from JSON, is not of the annotated `kind`."""
    if not fits(value, kind):
        raise ValueError(
            Message("{key} must be {kind}, got {value}", key=key, kind=spell(kind), value=shortened(value))
        )


def fits(value: Any, kind: Any) -> bool:
    """Return whether `value`, from JSON, is of `kind`; numbers are finite, a config is an object."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is UnionType:
        return any(fits(value, each) for each in get_args(kind))
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if not isinstance(value, (list, tuple)):
            return False
        inner = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return len(value) == len(inner) and all(map(fits, value, inner))
    if dataclasses.is_dataclass(kind) or kind is dict:
        return isinstance(value, (Mapping, kind))  # type: ignore[arg-type]
    if isinstance(value, bool) and kind is not bool:
        return False
    largest = sys.float_info.max  # beyond it are infinity and whole numbers that no float holds
    return isinstance(value, SIMPLE[kind][1]) and (kind is not float or abs(value) <= largest)


def config_in(kind: Any) -> type | None:
    """Return the config class that the annotated `kind` is or allows, if there is exactly one."""
    found = [each for each in (kind, *get_args(kind)) if dataclasses.is_dataclass(each)]
    return found[0] if len(found) == 1 else None  # type: ignore[return-value]


def spell(kind: Any) -> Message:
    """Return `kind` in words, for a message."""
    if get_origin(kind) is Literal:
        return Message("one of {known}", known=", ".join(map(str, get_args(kind))))
    if get_origin(kind) is UnionType:
        said, *others = map(spell, get_args(kind))
        for other in others:
            said = Message("{one} or {other}", one=said, other=other)
        return said
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        parts = PLURAL[get_origin(inner[0]) or inner[0]]
        if inner[1:] == (...,):
            return Message("a list of {parts}", parts=parts)
        return Message("a list of {count} {parts}", count=len(inner), parts=parts)
    return SIMPLE[kind][0] if kind in SIMPLE else Message("an object")


def take(values: Mapping[str, Any], key: str, kind: Any, default: Any = REQUIRED) -> Any:
    """Return the value of `key`, from JSON, checked to be of `kind`; `default` where it is missing or null.

    Raise ValueError naming the key.
    """
    value = values.get(key)
    if value is None and default is not REQUIRED:
        return default
    if key not in values:
        raise ValueError(Message("the key {key} is missing", key=repr(key)))
    check_value(key, value, kind)
    return value


def to_json(config: Any) -> dict[str, Any]:
    """Return a frozen config as plain JSON values."""
    return dataclasses.asdict(config)


def from_json(cls: type[T], values: Mapping[str, Any], *, prefix: str = "") -> T:
    """Return the config that `to_json` made into `values`.

    Raise ValueError naming an unknown key and its nearest known one, a key whose value is of another kind
    than it takes, or one that is missing. `prefix` stands before a key that is named.
    """
    known = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{cls.__name__}: unknown key {key!r}{hint}")
    missing = dataclasses.MISSING
    for key, field in known.items():
        if key not in values and field.default is missing and field.default_factory is missing:
            raise ValueError(f"{cls.__name__}: the key {key!r} is missing")
    kinds, plain = get_type_hints(cls), {}
    for key, value in values.items():
        check_value(prefix + key, value, kinds[key])
        group = config_in(kinds[key])
        if group and isinstance(value, Mapping):
            plain[key] = from_json(group, value, prefix=f"{prefix}{key}.")
        else:
            plain[key] = as_tuples(value)
    return cls(**plain)


def as_tuples(value: Any) -> Any:
    """Return `value` with tuples in place of lists, at every depth."""
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value
