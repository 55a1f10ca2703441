"""Writes the tables of docs/ that come from the code: ops.md, diagnostics.md, passes.md.

usage: generate.py [--check]    With --check nothing is written; exits 1 if a table is out of date.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by docs/generate.py; do not edit. -->\n"
STRING = r'"((?:[^"\\]|\\.)*)"'


def cell(text):
    return text.replace('\\"', '"').replace("|", "\\|")


def ops():
    lines = [NOTE, "# Graph primitives\n",
             "From [`ir/ops.def`](../ir/ops.def). g is the incoming gradient, y the result; *none*: the gradient stops here by definition.\n",
             "| op | class | inputs | results | attributes | meaning | gradient |", "|---|---|---|---|---|---|---|"]
    rule = re.compile(r"^OP\((\w+), (\w+), (\w+), (-?\d+), (-?\d+), " + STRING + ", " + STRING + r"\)")
    for line in (ROOT / "ir/ops.def").read_text().splitlines():
        match = rule.match(line)
        if not match:
            continue
        _, text, cls, inputs, results, attrs, meaning = match.groups()
        does, _, gradient = meaning.partition(" · ")
        count = lambda n: "any" if n == "-1" else n
        lines.append(f"| `{text}` | {cls} | {count(inputs)} | {count(results)} | {cell(attrs)} | {cell(does)} | {cell(gradient)} |")
    return "\n".join(lines) + "\n"


def diagnostics():
    lines = [NOTE, "# Diagnostics\n", "From [`ir/diagnostics.def`](../ir/diagnostics.def). Codes are stable.\n",
             "| code | name | what it says |", "|---|---|---|"]
    text = (ROOT / "ir/diagnostics.def").read_text()
    for code, name, summary in re.findall(r"^DIAG\((\w+),\s*(\w+),\s*" + STRING + r"\)", text, re.M):
        lines.append(f"| {code} | {name} | {cell(summary)} |")
    return "\n".join(lines) + "\n"


def passes():
    lines = [NOTE, "# Passes\n", "From [`passes/passes.def`](../passes/passes.def); the order they run in is in `passes/pipeline.cpp`.\n",
             "| pass | results | what it does |", "|---|---|---|"]
    text = (ROOT / "passes/passes.def").read_text()
    for name, exactness, summary in re.findall(r'^PASS\("([\w-]+)",\s*\w+,\s*(\w+),\s*' + STRING + r"\)", text, re.M):
        lines.append(f"| `{name}` | {'the same bits' if exactness == 'Exact' else 'may reassociate'} | {cell(summary)} |")
    return "\n".join(lines) + "\n"


def main():
    stale = []
    for name, make in {"ops.md": ops, "diagnostics.md": diagnostics, "passes.md": passes}.items():
        path = ROOT / "docs" / name
        text = make()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text)
    if "--check" in sys.argv and stale:
        print("out of date, run docs/generate.py:", ", ".join(stale))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
