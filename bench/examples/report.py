"""docs/examples.md from results.json, recipes.py and the sources."""
import io
import json
import pathlib
import tokenize

from recipes import RECIPES

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

HEAD = """# Examples

Made by `bench/examples/run.py report` from what `run.py full` and `run.py compare` measured; nothing in it is written by hand.
Each example is one file in [`examples/`](../examples); `examples/data/make.py` writes the data that are no Debian package.

- **result**: of one full run, `nn train examples/FILE.nn SETTINGS`, by its final weights on the test rows (where there are none, on the
  validation rows), with the bar that it must reach. Accuracy and R² are better when larger; losses and Fréchet distances when smaller.
- **beside PyTorch**: the same recipe, written as its users write it ([`bench/examples/`](../bench/examples)), with as many epochs on the
  same part of the data: means over the seeds, and the standard error of the difference.
- **lines**: of our file, of PyTorch's and of Keras's, the latter two without what they import from their neighbours (data, batches,
  schedules); without blank lines and comments, as `nn fmt` and `black` write them.
"""


def nn_lines(path):
    return sum(1 for line in path.read_text().splitlines() if line.split("#")[0].strip())


def python_lines(path):
    """Lines that hold a token other than a comment or a text that stands alone."""
    source = path.read_text()
    lines, previous = set(), None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            previous = token.type if token.type != tokenize.NL else previous
            continue
        alone = token.type == tokenize.STRING and previous in (None, tokenize.NEWLINE, tokenize.INDENT)
        previous = token.type
        if not alone:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines)


def settings(recipe):
    return " ".join(f"--set {k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in recipe.sets.items())


def row(recipe, result):
    full, pair = result.get("full"), result.get("compare")
    bar = "" if recipe.bar is None else f" (bar {recipe.bar})"
    reached = f"{recipe.metric} {full['value']}{bar}, {full['seconds']} s" if full else "–"
    beside = (f"{pair['ours']} and {pair['theirs']} ± {pair['error']}, {pair['seeds']} seeds" if pair else "–")
    ours = nn_lines(ROOT / f"examples/{recipe.file}.nn")
    theirs = [python_lines(ROOT / folder / f"{recipe.file}.py") for folder in ("bench/examples", "bench/examples/keras")]
    return (f"| {recipe.name} | [`{recipe.file}.nn`](../examples/{recipe.file}.nn) {settings(recipe)} | {recipe.data} | {reached} | "
            f"{beside} | {ours} / {theirs[0]} / {theirs[1]} |")


def write(results_file, output):
    results = json.loads(results_file.read_text()) if results_file.exists() else {}
    table = ["| example | file and settings | data | result | ours and PyTorch's | lines: ours / PyTorch / Keras |", "|---|---|---|---|---|---|"]
    table += [row(r, results.get(r.name, {})) for r in RECIPES]
    output.write_text(HEAD + "\n" + "\n".join(table) + "\n")
    return 0
