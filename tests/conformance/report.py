"""What the converter does with ONNX's suite, as text: `python -m tests.conformance.report [--dialect D] [--form F]`."""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.conformance.judge import CRASH, DISPUTED, ENGINES, INVALID, REFUSED, RIGHT, WRONG, Verdict, judge
from tests.conformance.suite import examples

FORMS = ("given", "constants", "folders")
KINDS = (RIGHT, DISPUTED, REFUSED, INVALID, WRONG, CRASH)


def run(form: str, dialect: str) -> list[Verdict]:
    """The verdict on every example of one part of the suite, in one dialect."""
    return [judge(example, dialect) for example in examples(form)]


def counts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How many examples got each verdict, zeros included."""
    found = Counter(verdict.kind for verdict in verdicts)
    return {kind: found[kind] for kind in KINDS}


def faults(verdicts: Iterable[Verdict]) -> list[str]:
    """The examples that came out wrong or crashed the converter, one line each."""
    return [f"{v.kind}: {v.name}: {'; '.join(v.reasons)}" for v in verdicts if v.kind in (WRONG, CRASH)]


def disputes(verdicts: Iterable[Verdict]) -> list[str]:
    """The examples for which onnxruntime and the suite expect different numbers."""
    return sorted(verdict.name.removesuffix("+constants") for verdict in verdicts if verdict.kind == DISPUTED)


def refusals(verdicts: Iterable[Verdict]) -> list[str]:
    """What blocks, the blocker of most examples first: in how many it occurs, and which have no other."""
    among: Counter[str] = Counter()
    alone: dict[str, list[str]] = defaultdict(list)
    for verdict in verdicts:
        reasons = list(dict.fromkeys(verdict.reasons))
        among.update(reasons)
        for reason in reasons[:1] if len(reasons) == 1 else ():
            alone[reason].append(verdict.name.removesuffix("+constants"))
    lines = []
    for reason, count in sorted(among.items(), key=lambda item: (-len(alone[item[0]]), -item[1])):
        names = ", ".join(alone[reason][:8]) + (", ..." if len(alone[reason]) > 8 else "")
        lines.append(f"{len(alone[reason]):4} alone, {count:4} in all: {reason[:400]}   [{names}]")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialect", choices=sorted(ENGINES), action="append")
    parser.add_argument("--form", choices=FORMS, action="append")
    options = parser.parse_args()
    print(f"ONNX's backend suite, {time.strftime('%Y-%m-%d %H:%M')}")
    found = {}
    for form in options.form or FORMS:
        for dialect in options.dialect or sorted(ENGINES):
            began = time.perf_counter()
            found[form, dialect] = run(form, dialect)
            tally = ", ".join(f"{kind} {count}" for kind, count in counts(found[form, dialect]).items())
            print(f"{form:9} {dialect:8} {tally}   ({time.perf_counter() - began:.0f} s)", flush=True)
    for (form, dialect), verdicts in found.items():
        print(f"\n== {form}, {dialect}: faults")
        print("\n".join(faults(verdicts)) or "none")
        print("disputed:", ", ".join(disputes(verdicts)) or "none")
    for (form, dialect), verdicts in found.items():
        print(f"\n== {form}, {dialect}: refusals")
        print("\n".join(refusals(verdicts)))


if __name__ == "__main__":
    main()
