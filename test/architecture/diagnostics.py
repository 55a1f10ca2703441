"""Every diagnostic is pinned by a unit test: its code or name with the line and column where it is reported.

usage: diagnostics.py SOURCE_DIR    Prints each code of ir/diagnostics.def without such a test and exits 1 if there is any.
"""
import pathlib
import re
import sys

ENTRY = re.compile(r"^DIAG\(([EW]\d{4}), (\w+),", re.MULTILINE)
# "E0203 2:7" as the tests of elaboration write it, `DiagCode::SyntaxError, 2, 14` as those of the parsers do.
PINNED = re.compile(r"\b([EW]\d{4}) \d+:\d+|\bDiagCode::(\w+), \d+, \d+")


def main():
    root = pathlib.Path(sys.argv[1])
    entries = ENTRY.findall((root / "ir/diagnostics.def").read_text())
    pinned = set()
    for path in (root / "test/unit").rglob("*.cpp"):
        pinned.update(code or name for code, name in PINNED.findall(path.read_text()))
    missing = [f"{code} {name}" for code, name in entries if not {code, name} & pinned]
    for entry in missing:
        print(f"{entry}: no unit test pins its line and column")
    print(f"{len(entries)} diagnostics, {len(missing)} without a test")
    return 1 if missing or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
