"""Writes the pages of docs/ that come from the code: ops.md, diagnostics.md, passes.md, library.md.

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


LIBRARY = ["math", "activations", "layers", "convolution", "sequence", "attention", "losses", "optimizers", "schedules", "initializers", "metrics",
           "augment", "data"]


def paragraph(comment):
    """The text of comment lines: one line, what stands apart as code set as code."""
    return " ".join(line.lstrip("# ").rstrip() for line in comment)


def entries(name, lines):
    """(signature, comment) of each public definition of a file, which must have a comment; `lines` without the file's head. What only the
    library itself uses says so: its comment begins with "Internal:"."""
    comment = []
    for number, line in enumerate(lines):
        if line.startswith("#"):
            comment.append(line)
            continue
        if line.startswith(("fn ", "layer ")) and not paragraph(comment[:1]).startswith("Internal:"):
            if not comment:
                raise SystemExit(f"stdlib/{name}.nn: a public definition has no comment: {line}")
            signature, end = line, number
            while not (signature.endswith("{") or signature.endswith("}")):
                end += 1
                signature += " " + lines[end].strip()
            yield re.match(r"(.*?) \{(?: |$)", signature).group(1), paragraph(comment)
        comment = []


def library():
    files = {path.stem: path.read_text().splitlines() for path in (ROOT / "stdlib").glob("*.nn")}
    if set(files) != set(LIBRARY):
        raise SystemExit(f"docs/generate.py does not order {sorted(set(files) ^ set(LIBRARY))}")
    lines = [NOTE, "# The library\n",
             "From the comments of [`stdlib/*.nn`](../stdlib), where each definition stands whole, in the language; `nn doc NAME` prints one. What is in `[…]`",
             "is known when compiling, what is in `(…)` are values ([language.md](language.md), section 7). `...S` stands for any axes.\n",
             " · ".join(f"[{name}](#{name})" for name in LIBRARY) + "\n"]
    for name in LIBRARY:
        text = files[name]
        blank = text.index("")
        lines += [f"## {name}\n", paragraph(text[:blank]) + f" ([source](../stdlib/{name}.nn))\n"]
        for signature, comment in entries(name, text[blank:]):
            lines.append(f"- `{signature}`  \n  {comment}")
        lines.append("")
    return "\n".join(lines)


def main():
    stale = []
    for name, make in {"ops.md": ops, "diagnostics.md": diagnostics, "passes.md": passes, "library.md": library}.items():
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
