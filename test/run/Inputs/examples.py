"""Trains each example for two epochs on little data of its kind and says which of them fail or do not learn.

usage: examples.py NN EXAMPLES FOLDER
"""
import csv
import gzip
import json
import pathlib
import random
import subprocess
import sys

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
ROWS = 6000  # training images; 5,000 of them validate
GAMES = {"dcgan", "wgan_gp"}  # two networks against each other have no loss that must fall


def fashion(folder):
    folder.mkdir()
    for path in FASHION.glob("*.gz"):
        raw = gzip.decompress(path.read_bytes())
        if path.name.startswith("train"):
            rank = raw[3]
            size = (len(raw) - 4 - 4 * rank) // 60000
            raw = raw[:4] + ROWS.to_bytes(4, "big") + raw[8:4 + 4 * rank] + raw[4 + 4 * rank:4 + 4 * rank + ROWS * size]
        (folder / path.name).write_bytes(gzip.compress(raw, 1))
    return folder


def table(path, columns, target):
    """A table whose target is a linear function of its columns, with noise."""
    random.seed(1)
    with open(path, "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(columns)
        for _ in range(300):
            x = [random.gauss(5, 2) for _ in columns[:-1]]
            writer.writerow([*x, target(sum(x) / len(x) + random.gauss(0, 0.1))])
    return path


def text(path):
    random.seed(1)
    words = ["light", "dark", "water", "earth", "was", "and", "the", "of", "in", "God", "said", "let", "there", "be"]
    path.write_text(" ".join(random.choice(words) for _ in range(20000)) + ".\n")
    return path


def losses(run):
    with open(run / "metrics.jsonl") as f:
        return [r["loss"] for r in map(json.loads, f) if r["split"] == "train"]


def problem(nn, example, data, folder):
    """What is wrong with an example, or nothing."""
    run = folder / example.stem
    command = [nn, "train", example, "--out", run, "--epochs", "2", *data]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return done.stderr[-500:]
    seen = losses(run)
    if example.stem not in GAMES and not seen[-1] < seen[0]:
        return f"the loss went from {seen[0]} to {seen[-1]}"
    return None


def main():
    nn, examples, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    from_data = {
        "fashion": fashion(folder / "fashion"),
        "bible": text(folder / "bible.txt"),
        "cancer": table(folder / "cancer.csv", ["mean radius", *(f"f{i}" for i in range(28)), "worst fractal dimension", "benign"],
                        lambda x: int(x > 5)),
        "diabetes": table(folder / "diabetes.csv", ["age", *(f"f{i}" for i in range(8)), "s6", "progression"],
                          lambda x: 100 * x),
    }
    wrong = 0
    files = sorted(examples.glob("*.nn"))
    for example in files:
        source = example.read_text()
        data = [x for name, path in from_data.items() if f"data {name} " in source for x in ("--data", f"{name}={path}")]
        found = problem(nn, example, data, folder)
        if found:
            wrong += 1
            print(f"{example.name}: {found}")
    if subprocess.run([nn, "fmt", "--check", *files]).returncode:
        wrong += 1
    print(f"{len(files)} examples, {wrong} wrong")


if __name__ == "__main__":
    main()
