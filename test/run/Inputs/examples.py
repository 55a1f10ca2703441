"""Trains each example for a moment on little data of its kind. Says which fail, miss their bar (example_bars.py), take more than 30 s of
CPU time, or export what `nn predict` and the library of the run compute differently.

usage: examples.py NN EXAMPLES FOLDER [NAME…]
       examples.py --seeds N NN EXAMPLES FOLDER [NAME…]        what each reaches with the seeds 1 … N, beside its bars
       examples.py --mutants N NN EXAMPLES FOLDER [NAME…]      N mutants of the bars, drawn by NNC_RANDOM_SEED; all: each of them must miss a bar
"""
import argparse
import json
import os
import pathlib
import random
import resource
import subprocess
import sys

import numpy as np

import example_data
from example_bars import SHORT, mutants, mutated
from example_exports import differing, library

MOST_SECONDS = 30  # of user CPU time for each, on two threads: 20 s by the clock, with room for their waiting on each other
DIVERGED, STOPPED = 5, 130  # exit codes of a loss that is no number, and of --stop-after


class Lab:
    """Where the short runs are made."""

    def __init__(self, nn, folder):
        self.nn, self.folder = nn, folder
        self.data = example_data.make(folder)
        self.pixels = np.frombuffer(example_data.idx_rows(example_data.FASHION / "train-images-idx3-ubyte.gz", 5000)[16:], np.uint8)

    def data_options(self, example, source):
        files = dict(self.data, fashion=None)
        if "data fashion " in source:
            files["fashion"] = example_data.fashion(self.folder, SHORT[example].rows)
        return [x for name, path in files.items() if f"data {name} " in source for x in ("--data", f"{name}={path}")]

    def train(self, source_file, run, seed):
        """(exit code, messages, seconds of user CPU time) of the short run of an example."""
        example = source_file.stem
        command = [self.nn, "train", source_file, "--out", run, "--seed", str(seed), *SHORT[example].options.split(),
                   *self.data_options(example, source_file.read_text())]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stderr, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

    def predict(self, source_file, run, export, *options):
        result = run / "predicted.npy"
        subprocess.run([self.nn, "predict", source_file, export, "--weights", run / "checkpoint.safetensors", *options, "-o", result],
                       check=True)
        return np.load(result)

    def measured(self, metric, source_file, run, seed):
        first, rest = metric.split()[0], metric.split()[1:]
        if first == "strings":  # the share of 1,000 that the exported function sorts
            digits = np.random.default_rng(0).integers(0, 10, (1000, 10), np.int32)
            np.save(run / "digits.npy", digits)
            return (self.predict(source_file, run, "sorted", "--data", run / "digits.npy") == np.sort(digits, 1)).all(1).mean()
        if first == "likeness":  # how far the mean of generated images is from that of real ones
            generated = self.predict(source_file, run, "sample", "--input", "count=256").reshape(256, 784).mean(0)
            return np.sqrt(((generated - self.pixels.reshape(-1, 784).mean(0) / 255)**2).mean())
        if first == "moved":  # how far a parameter is from where it started, relative to its norm there
            model = library(run, source_file.stem, seed)
            start = model[rest[0]]
            model.load(run / "checkpoint.safetensors")
            return np.linalg.norm(model[rest[0]] - start) / np.linalg.norm(start)
        rows = [r for r in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if r["split"] == first]
        return rows[-1]["loss"] if rest == ["loss"] else rows[-1]["metrics"][rest[0]]

    def reached(self, source_file, run, seed=1):
        """(what a short run reaches, one value for each bar, or its messages where it failed; seconds)."""
        code, messages, seconds = self.train(source_file, run, seed)
        if code == DIVERGED:
            return [float("nan")] * len(SHORT[source_file.stem].bars), seconds
        if code and not (code == STOPPED and "--stop-after" in SHORT[source_file.stem].options):
            return messages[-500:], seconds
        return [float(self.measured(metric, source_file, run, seed)) for metric, _, _ in SHORT[source_file.stem].bars], seconds


def missed(example, values):
    """The bars that are missed, as text."""
    return [f"{metric} {x:.4g}, not {sign} {bar}" for x, (metric, sign, bar) in zip(values, SHORT[example].bars)
            if not (x < bar if sign == "<" else x > bar)]


def check(lab, example):
    """What is wrong with an example, as texts."""
    run = lab.folder / example.stem
    values, seconds = lab.reached(example, run)
    if isinstance(values, str):
        return [values]
    wrong = missed(example.stem, values)
    if seconds > MOST_SECONDS:
        wrong.append(f"{seconds:.1f} s of CPU time, more than {MOST_SECONDS}")
    return wrong + differing(lab.nn, example, run)


def show_seeds(lab, examples, seeds):
    for example in examples:
        print(example.stem, *SHORT[example.stem].bars, flush=True)
        for seed in range(1, seeds + 1):
            values, seconds = lab.reached(example, lab.folder / f"{example.stem}-{seed}", seed)
            print("   right", seed, values, f"{seconds:.1f} s", flush=True)


def check_mutants(lab, examples, count):
    """How many mutants pass all bars of their examples."""
    every = [(example, cut, kind) for example in examples for cut, kind in mutants(example.stem)]
    if count != "all":
        every = random.Random(int(os.environ.get("NNC_RANDOM_SEED", "1"))).sample(every, int(count))
    passing = 0
    for example, cut, kind in every:
        folder = lab.folder / f"{cut}-{kind}"
        folder.mkdir(exist_ok=True)
        mutant = folder / example.name
        mutant.write_text(mutated(example.stem, example.read_text(), cut, kind))
        values, seconds = lab.reached(mutant, folder / example.stem)
        if isinstance(values, str):
            sys.exit(f"{mutant}: {values}")
        found = missed(example.stem, values)
        passing += not found
        print(f"{example.name}, {kind} at {cut}: {', '.join(found) or f'passes with {values}'} ({seconds:.1f} s)", flush=True)
    print(f"{len(every)} mutants, {passing} unnoticed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--mutants")
    parser.add_argument("nn")
    parser.add_argument("examples", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    o = parser.parse_args()
    examples = [e for e in sorted(o.examples.glob("*.nn")) if not o.names or e.stem in o.names]
    without = [e.name for e in examples if e.stem not in SHORT]
    if without:
        sys.exit(f"without a bar in example_bars.py: {', '.join(without)}")
    o.folder.mkdir(parents=True, exist_ok=True)
    lab = Lab(o.nn, o.folder)
    if o.seeds:
        return show_seeds(lab, examples, o.seeds)
    if o.mutants:
        return check_mutants(lab, examples, o.mutants)
    wrong = 0
    for example in examples:
        found = check(lab, example)
        wrong += bool(found)
        if found:
            print(f"{example.name}: {'; '.join(found)}")
    if subprocess.run([o.nn, "fmt", "--check", *examples]).returncode:
        wrong += 1
    print(f"{len(examples)} examples, {wrong} wrong")


if __name__ == "__main__":
    main()
