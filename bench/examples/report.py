"""docs/examples.md from results.json, recipes.py and the sources."""
import io
import json
import pathlib
import tokenize

from recipes import RECIPES, shortfalls

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

HEAD = """# Examples

Made by `bench/examples/run.py report` from what `run.py full` and `run.py compare` measured; nothing in it is written by hand.
Each example is one file in [`examples/`](../examples); `examples/data/make.py` writes the data that are no Debian package.

- **result**: of one full run, `nn train examples/FILE.nn SETTINGS`, by its final weights on the test rows (where there are none, on the
  validation rows), with the bar that it must reach. Accuracy and R² are better when larger; losses and Fréchet distances when smaller.
- **CPU s**: seconds of user CPU time of that training, compilation and reading included, on one thread of a machine that was busy with other work:
  a measure of the work, not a benchmark. Idle cores are faster, and two threads take about half of it by the clock.
- **beside PyTorch**: the same recipe, written as its users write it ([`bench/examples/`](../bench/examples)), with as many epochs on the
  same part of the data, both on one thread: means over the seeds ± the standard error of the difference; then the median ratio of CPU seconds, ours to
  PyTorch's. Where it says so, the runs were shorter than the full one (a run of more than two minutes on either side), and values are not those of
  the full run. Ours may be at most two standard errors and half a point of accuracy behind, Fréchet distances 1.1 times theirs.
- **rarest**: of 1,000 generated images, the share of the class that a trained classifier ([`judge.nn`](../bench/examples/judge.nn)) sees least
  often (bar 0.03). **pairs**: of 40 pairs of words ([`pairs.py`](../bench/examples/pairs.py)), how many lie within the ten nearest.
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


PICTURES = [
    ("autoencoder.png", "Test images, each beside what the autoencoder makes of it"),
    ("denoising_autoencoder.png", "The same of the denoising one"),
    ("variational_autoencoder.png", "Samples of the variational autoencoder"),
    ("DCGAN.png", "of the DCGAN"),
    ("WGAN_gradient_penalty.png", "of the WGAN with gradient penalty"),
    ("optimizers.svg", "The optimizers side by side"),
]


def picture(name, text):
    return f"\n{text}, by `nn {'plot' if name.endswith('.svg') else 'predict'}`:\n\n![{text}](pictures/{name})"


def also(result):
    """Further measurements of a run, or of both sides."""
    show = lambda x: " and ".join(map(str, x)) if isinstance(x, list) else str(x)
    return [f"{name} {show(result[name])}" for name in ("rarest", "pairs") if name in result]


def shortened(pair):
    """By how much the runs of a comparison were shorter than the full one."""
    epochs = f" of {pair['epochs']} epoch{'s' if pair['epochs'] > 1 else ''}" if pair["epochs"] else ""
    return epochs + (f" on {pair['part']:.0%} of the data" if pair["part"] < 1 else "")


def row(recipe, result):
    full, pair = result.get("full"), result.get("compare")
    bar = "" if recipe.bar is None else f" (bar {recipe.bar})"
    reached = ", ".join([f"{recipe.metric} {full['value']}{bar}", *also(full)]) if full else "–"
    seconds = full.get("seconds", "–") if full else "–"
    beside = ", ".join([f"{pair['ours']} and {pair['theirs']} ± {pair['error']}, {pair['seeds']} seeds{shortened(pair)}", *also(pair),
                        f"time {pair['time_ratio']}", *(f"**{x}**" for x in shortfalls(recipe, pair))]) if pair else "–"
    ours = nn_lines(ROOT / f"examples/{recipe.file}.nn")
    theirs = [python_lines(ROOT / folder / f"{recipe.file}.py") for folder in ("bench/examples", "bench/examples/keras")]
    return (f"| {recipe.name} | [`{recipe.file}.nn`](../examples/{recipe.file}.nn) {settings(recipe)} | {recipe.data} | {reached} | {seconds} | "
            f"{beside} | {ours} / {theirs[0]} / {theirs[1]} |")


def write(results_file, output):
    results = json.loads(results_file.read_text()) if results_file.exists() else {}
    table = ["| example | file and settings | data | result | CPU s | ours and PyTorch's | lines: ours / PyTorch / Keras |", "|---" * 7 + "|"]
    table += [row(r, results.get(r.name, {})) for r in RECIPES]
    pictures = [picture(name, text) for name, text in PICTURES if (output.parent / "pictures" / name).exists()]
    output.write_text("\n".join([HEAD, *table, *(["\n## Pictures", *pictures] if pictures else [])]) + "\n")
    return 0
