"""What stands in a prototxt that our schema has no field for. text_format itself can only skip it in silence."""

from __future__ import annotations

from typing import Any

from google.protobuf import text_format

Fields = list[tuple[str, Any]]


def parse(text: str) -> Fields:
    """Protobuf text as nested (field, value) pairs; values are text or lists of pairs. ParseError where it is none."""
    return _fields(text_format.Tokenizer(text.splitlines()), "")


def _fields(tokens: Any, end: str) -> Fields:
    found: Fields = []
    while not tokens.AtEnd() and not (end and tokens.TryConsume(end)):
        name = tokens.ConsumeIdentifier()
        tokens.TryConsume(":")
        if tokens.TryConsume("["):
            while not tokens.TryConsume("]"):
                found.append((name, _value(tokens)))
                tokens.TryConsume(",")
        else:
            found.append((name, _value(tokens)))
        _ = tokens.TryConsume(",") or tokens.TryConsume(";")
    return found


def _value(tokens: Any) -> Any:
    for begin, end in (("{", "}"), ("<", ">")):
        if tokens.TryConsume(begin):
            return _fields(tokens, end)
    if tokens.AtEnd():
        raise tokens.ParseError("Expected a value.")
    value = tokens.token
    tokens.NextToken()
    while value[:1] in "\"'" and tokens.token[:1] in ('"', "'"):  # literals side by side are one string
        tokens.NextToken()
    return value


def unknown(fields: Fields, descriptor: Any) -> dict[str, Any]:
    """What a message of this descriptor has no field for, by name; of known messages, what is unknown in them.

    Text stays text. A name that is known is left out where everything in it is known too. ParseError for what is
    unknown in one of several messages.
    """
    found: dict[str, Any] = {}
    for name, value in fields:
        field = descriptor.fields_by_name.get(name)
        if field is None:
            found[name] = plain(value)
        elif field.message_type is not None and isinstance(value, list):
            inner = unknown(value, field.message_type)
            if inner and field.is_repeated:  # which of them would have to be told as well
                raise text_format.ParseError(f"{field.message_type.name} has no field named {', '.join(inner)}")
            if inner:
                found[name] = {**found.get(name, {}), **inner}
    return found


def plain(value: Any) -> Any:
    """Pairs as a mapping; of a field that is repeated the last value."""
    return {name: plain(inner) for name, inner in value} if isinstance(value, list) else value
