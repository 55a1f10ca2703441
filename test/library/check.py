#!/usr/bin/env python3
"""Fails unless every public fn and layer of stdlib/ stands in the table of fixtures or below with a reason, and the fixtures are the table's.

Needs no torch. What a fixture's program says is compared, not its numbers.
"""
import pathlib
import re
import sys

import entries
import table

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DRAW = "a draw: moments in test/unit/library/draws_test.cpp"
REASONS = {
    **dict.fromkeys("uniform normal truncated_normal bernoulli randint gumbel permutation glorot glorot_normal he he_uniform lecun lecun_uniform fan_in_uniform "
                    "orthogonal categorical gumbel_softmax".split(), DRAW),
    **dict.fromkeys("interpolation recur".split(), "a part of others that are tested"),
    "generate": "draws: test/unit/frontend/elaborate_value_test.cpp, where they are certain",
    **dict.fromkeys("standardised rescaled".split(), "of the training rows of a data block: test/run/symbols.test"),
}


def library():
    """The file of each public definition: what is internal is a part of others that are tested."""
    found = {}
    for path in sorted((ROOT / "stdlib").glob("*.nn")):
        for comment, name in re.findall(r"^((?:#.*\n)*)(?:fn|layer) (\w+)", path.read_text(), re.M):
            if not comment.startswith("# Internal:"):
                found[name] = path.name
    return found


def main():
    mistakes = []
    names = library()
    tested = set()
    for area, rows in table.AREAS.items():
        for entry in rows:
            tested |= entries.names(entry)
        path = ROOT / f"test/library/fixtures/{area}.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        if [line[2:] for line in lines if line.startswith("| ")] != entries.program(rows).splitlines():
            mistakes.append(f"fixtures/{area}.txt is not of this table: run make_fixtures.py {area}")
        if f'"{area}"' not in (ROOT / "test/unit/library/fixtures_test.cpp").read_text():
            mistakes.append(f"fixtures_test.cpp does not read {area}")
    for name, file in names.items():
        if name not in tested and name not in REASONS:
            mistakes.append(f"{file}: `{name}` has no line in test/library/table.py and no reason in check.py")
    for name in REASONS:
        if name not in names:
            mistakes.append(f"check.py gives a reason for `{name}`, which the library has not")
        elif name in tested:
            mistakes.append(f"check.py excuses `{name}`, which the table tests")
    print("\n".join(mistakes))
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
