"""ONNX value names <-> Caffe blob names: which value of one side is which of the other, or why that can't be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from converters.names import safe


def match(
    reference: Collection[str], other: Collection[str], names: Mapping[str, str] | None = None, what: str = "output"
) -> tuple[dict[str, str], list[str]]:
    """Pair the names of both sides: by `names` (reference -> other), then equal, then equal once made safe.

    A single value on each side is a pair whatever the names are. What finds no partner is a sentence in the second
    result, extra values of the other side included: a value that is left out has not been compared.
    """
    pairs, problems = _given(reference, other, names or {}, what)
    pairs |= {name: name for name in _left(reference, pairs) if name in other and name not in pairs.values()}
    pairs |= _equal_when_safe(_left(reference, pairs), _left(other, pairs.values()))
    if len(reference) == len(other) == 1 and not pairs and not problems:
        pairs = dict(zip(reference, other, strict=True))
    problems += [f"{what} '{name}' is missing: there {_listed(other)}" for name in _left(reference, pairs)]
    extra = _left(other, pairs.values())
    problems += [f"{what} '{name}' is extra: the reference has none of that name" for name in extra]
    return {name: pairs[name] for name in reference if name in pairs}, problems


def _given(
    reference: Collection[str], other: Collection[str], names: Mapping[str, str], what: str
) -> tuple[dict[str, str], list[str]]:
    """The pairs that the caller's map gives. Entries for values that neither side shows here are of no concern."""
    pairs = {ours: theirs for ours, theirs in names.items() if ours in reference and theirs in other}
    problems = [
        f"the name map sends {what} '{ours}' to '{theirs}', but there {_listed(other)}"
        for ours, theirs in names.items()
        if ours in reference and theirs not in other
    ]
    for theirs, count in Counter(pairs.values()).items():
        if count > 1:
            problems.append(f"the name map sends {count} {what}s to '{theirs}'")
            pairs = {ours: name for ours, name in pairs.items() if name != theirs}
    return pairs, problems


def _equal_when_safe(reference: Collection[str], other: Collection[str]) -> dict[str, str]:
    ours, theirs = _by_safe_name(reference), _by_safe_name(other)
    return {ours[name]: theirs[name] for name in ours if name in theirs}


def _by_safe_name(names: Collection[str]) -> dict[str, str]:
    """Safe name -> name, without those that two names share: they could be swapped unseen."""
    shared = Counter(map(safe, names))
    return {safe(name): name for name in names if shared[safe(name)] == 1}


def _left(names: Collection[str], taken: Collection[str]) -> list[str]:
    return [name for name in names if name not in taken]


def _listed(names: Collection[str]) -> str:
    shown = [f"'{name}'" for name in list(names)[:8]] + (["..."] if len(names) > 8 else [])
    return f"are {', '.join(shown)}" if len(names) > 1 else f"is {shown[0]}" if names else "are none"
