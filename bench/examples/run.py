#!/usr/bin/env python3
"""Trains the examples to their bars, and beside PyTorch; writes what it measured into results.json and docs/examples.md.

usage: run.py full [NAME…]                     one full run of each; fails if a bar is missed
       run.py compare [--seeds N] [NAME…]      the same number of epochs on the same part of the data, N seeds each; fails if ours is worse
       run.py report                           docs/examples.md from results.json

NAME is a file of examples/ without its suffix, or a row of the table; examples/data/make.py must have made its data. --python names an interpreter with numpy (and torch, for compare).
"""
import argparse
import dataclasses
import gzip
import json
import math
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys

from pairs import PAIRS, near
from recipes import FASHION, RECIPES, shortfalls

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NN = ROOT / "build/bin/nn"
RUNS = ROOT / "build/examples"
RESULTS = HERE / "results.json"
PICTURES = ROOT / "docs/pictures"
THREADS = len(os.sched_getaffinity(0))  # of both sides
FASHION_FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")


@dataclasses.dataclass
class Run:
    value: float  # of the recipe's metric
    seconds: float  # user CPU time of the training process: what else runs on the machine does not count
    also: dict = dataclasses.field(default_factory=dict)  # further measurements, by name


def call(*command):
    """(standard output, seconds of user CPU time) of a command; its messages are shown if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    return done.stdout, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def text(value):
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


# ---- Parts of the data


def fashion_part(part):
    """A folder with the first rows of the training images, the test images whole."""
    if part == 1:
        return FASHION_FOLDER
    folder = RUNS / f"fashion-{part}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for path in FASHION_FOLDER.glob("*.gz"):
            raw = gzip.decompress(path.read_bytes())
            if path.name.startswith("train"):
                raw = first_rows(raw, part)
            (folder / path.name).write_bytes(gzip.compress(raw, 1))
        (folder / "done").touch()
    return folder


def first_rows(raw, part):
    """An IDX file with its first rows only: magic number, extents, data."""
    rank = raw[3]
    extents = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(rank)]
    rows = int(extents[0] * part)
    size = math.prod(extents[1:])
    return raw[:4] + rows.to_bytes(4, "big") + raw[8:4 + 4 * rank] + raw[4 + 4 * rank:4 + 4 * rank + rows * size]


def bible_part(part):
    path = RUNS / f"bible-{part}.txt"
    whole = (ROOT / "examples/data/bible.txt").read_text()
    path.write_text(whole[:int(len(whole) * part)])
    return path


def part_of(recipe, part):
    """Options that give both sides the part: (ours, theirs)."""
    if recipe.data == FASHION:
        folder = fashion_part(part)
        return ["--data", f"fashion={folder}"], ["--data", folder]
    if part < 1:
        return ["--data", f"bible={bible_part(part)}"], ["--part", part]
    return [], []


# ---- Our side


def predict(recipe, export, weights, *options):
    return call(NN, "predict", f"examples/{recipe.file}.nn", export, "--weights", weights, *options)[0]


def train(recipe, out, options, sets):
    return call(NN, "train", f"examples/{recipe.file}.nn", "--out", out, "--threads", THREADS, *options, *sets)[1]


def evaluated(recipe, weights, data, sets):
    printed, _ = call(NN, "eval", f"examples/{recipe.file}.nn", "--weights", weights, "--split", recipe.split, *data, *sets)
    return float(re.search(rf"^\S+ {recipe.split} {recipe.metric} (\S+)$", printed, re.M)[1])


def sets_of(recipe):
    return [x for name, value in recipe.sets.items() for x in ("--set", f"{name}={text(value)}")]


def slug(recipe):
    return re.sub(r"\W+", "_", recipe.name)


def folder_of(recipe):
    return RUNS / slug(recipe)


def ours(recipe, seed=None, epochs=None, part=1.0):
    """One training run; its final weights count, as they do for PyTorch."""
    data, _ = part_of(recipe, part)
    sets, out = sets_of(recipe), folder_of(recipe)
    options = [*data, *(["--seed", seed] if seed is not None else []), *(["--epochs", epochs] if epochs else [])]
    weights = out / "checkpoint.safetensors"
    if recipe.measure == "folds":
        values, seconds = [], 0
        for fold in range(5):
            chosen = [*sets, "--set", f"fold={fold}"]
            seconds += train(recipe, out, options, chosen)
            values.append(evaluated(recipe, weights, data, chosen))
        return Run(statistics.mean(values), seconds)
    seconds = train(recipe, out, options, sets)
    if recipe.measure == "strings":
        return Run(strings_right(recipe, weights), seconds)
    if recipe.measure == "samples":
        samples = out / "samples.npy"
        predict(recipe, "sample", weights, "--input", "count=1000", "-o", samples)
        return judged(samples, seconds)
    value = evaluated(recipe, weights, data, sets)
    return Run(value, seconds, {"pairs": near(nearest(recipe, weights))} if recipe.measure == "pairs" else {})


def nearest(recipe, weights):
    """The first words of the pairs, each with its neighbours as the exported function names them."""
    rows = predict(recipe, "nearest", weights, "--input", " ".join(a for a, _ in PAIRS)).splitlines()
    return {row.split()[0]: row.split() for row in rows}


def judged(samples, seconds):
    """Of 1,000 generated images: their distance from real ones, and how many a classifier sees in the rarest class."""
    import frechet
    return Run(frechet.distance(samples), seconds, {"rarest": round(float(min(frechet.class_shares(samples))), 3)})


def strings_right(recipe, weights):
    """The share of 10,000 random strings of ten digits that the exported function sorts."""
    import numpy
    digits = numpy.random.default_rng(0).integers(0, 10, (10000, 10), dtype=numpy.int32)
    asked, answer = RUNS / "digits.npy", RUNS / "sorted.npy"
    numpy.save(asked, digits)
    predict(recipe, "sorted", weights, "--data", asked, "-o", answer)
    return float((numpy.load(answer) == numpy.sort(digits, 1)).all(1).mean())


# ---- PyTorch's side


def theirs(recipe, python, seed, epochs, part):
    _, data = part_of(recipe, part)
    sets = [x for name, value in recipe.sets.items() for x in (f"--{name}", int(value) if isinstance(value, bool) else value)]
    written = {"samples": RUNS / "theirs.npy", "pairs": RUNS / "theirs.json"}.get(recipe.measure)
    out = ["--out", written] if written else []
    epochs = ["--epochs", epochs] if epochs else []
    printed, seconds = call(python, HERE / f"{recipe.file}.py", "--seed", seed, "--threads", THREADS, *epochs, *data, *sets, *out)
    if recipe.measure == "samples":
        return judged(written, seconds)
    also = {"pairs": near(json.loads(written.read_text()))} if recipe.measure == "pairs" else {}
    return Run(float(printed.split()[1]), seconds, also)


# ---- Pictures


def draw(recipe):
    """A grid of what the trained network makes, for docs/examples.md."""
    options = ["--data", first_images(32)] if recipe.picture == "beside" else ["--input", "count=64"]
    predict(recipe, recipe.picture, folder_of(recipe) / "checkpoint.safetensors", *options, "-o", PICTURES / f"{slug(recipe)}.png")


def first_images(count):
    """The first test images as a file."""
    raw = gzip.decompress((FASHION_FOLDER / "t10k-images-idx3-ubyte.gz").read_bytes())
    path = RUNS / "images-ubyte"
    path.write_bytes(raw[:4] + count.to_bytes(4, "big") + raw[8:16 + count * 28 * 28])
    return path


def draw_curves():
    """The curves of all optimizers that have run."""
    folders = [folder_of(r) for r in RECIPES if r.file == "optimizers" and (folder_of(r) / "metrics.jsonl").exists()]
    call(NN, "plot", *folders, "-o", PICTURES / "optimizers.svg")


# ---- Commands


def chosen(names):
    unknown = set(names) - {name for r in RECIPES for name in (r.file, r.name)}
    if unknown:
        sys.exit(f"run.py: no example is named {', '.join(sorted(unknown))}")
    return [r for r in RECIPES if not names or r.file in names or r.name in names]


def keep(name, kind, result):
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results.setdefault(name, {})[kind] = result
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


def full(names):
    missed = []
    for recipe in chosen(names):
        run = ours(recipe)
        keep(recipe.name, "full", {"value": round(run.value, 4), "seconds": round(run.seconds), **run.also})
        if recipe.picture:
            draw(recipe)
        if recipe.file == "optimizers":
            draw_curves()
        reached = (recipe.bar is None or run.value >= recipe.bar) and run.also.get("rarest", 1) >= 0.03
        print(f"{recipe.name}: {recipe.metric} {run.value:.4f} {run.also or ''} in {run.seconds:.0f} s"
              f"{'' if reached else ', below its bar'}", flush=True)
        if not reached:
            missed.append(recipe.name)
    return f"missed: {', '.join(missed)}" if missed else 0


def compare(names, python, seeds):
    short = []
    for recipe in chosen(names):
        pairs = []
        for seed in range(1, seeds + 1):
            pairs.append((ours(recipe, seed, recipe.epochs, recipe.part), theirs(recipe, python, seed, recipe.epochs, recipe.part)))
        result = summary([a.value for a, _ in pairs], [b.value for _, b in pairs])
        for name in pairs[0][0].also:
            result[name] = [round(statistics.mean(run.also[name] for run in side), 3) for side in zip(*pairs)]
        result.update(epochs=recipe.epochs, part=recipe.part)
        result["time_ratio"] = round(statistics.median(a.seconds / b.seconds for a, b in pairs), 2)
        keep(recipe.name, "compare", result)
        found = shortfalls(recipe, result)
        print(f"{recipe.name}: {result}{''.join(f'; {x}' for x in found)}", flush=True)
        if found:
            short.append(recipe.name)
    return f"short of PyTorch's: {', '.join(short)}" if short else 0


def summary(a, b):
    """Means of both sides and the standard error of their difference."""
    spread = lambda x: statistics.stdev(x) if len(x) > 1 else 0.0
    error = math.sqrt(spread(a) ** 2 / len(a) + spread(b) ** 2 / len(b))
    short = lambda x: float(f"{x:.4g}")
    return {"ours": short(statistics.mean(a)), "theirs": short(statistics.mean(b)), "error": float(f"{error:.2g}"), "seeds": len(a)}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("command", choices=["full", "compare", "report"])
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--python", default=sys.executable)
    arguments.add_argument("--seeds", type=int, default=5)
    o = arguments.parse_intermixed_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    PICTURES.mkdir(exist_ok=True)
    if o.command == "full":
        return full(o.names)
    if o.command == "compare":
        return compare(o.names, o.python, o.seeds)
    import report
    return report.write(RESULTS, ROOT / "docs/examples.md")


if __name__ == "__main__":
    sys.exit(main())
