"""Little data of each kind that the examples read, made in a folder: a part of Fashion-MNIST, tables, and a text."""
import csv
import gzip
import pathlib
import random

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


def idx_rows(path, rows):
    """The first rows of an IDX file, as an IDX file."""
    raw = gzip.decompress(path.read_bytes())
    header = 4 + 4 * raw[3]
    size = (len(raw) - header) // int.from_bytes(raw[4:8], "big")
    return raw[:4] + rows.to_bytes(4, "big") + raw[8:header + rows * size]


def fashion(folder, rows):
    """A folder with the first `rows` training images (5,000 of them validate where an example says so) and 1,000 test images."""
    to = folder / f"fashion-{rows}"
    if not to.exists():
        to.mkdir()
        for path in FASHION.glob("*.gz"):
            (to / path.stem).write_bytes(idx_rows(path, rows if path.name.startswith("train") else 1000))
    return to


def table(path, columns, target):
    """300 rows of normal deviates; the target, in the last column, is a function of the mean of the others' deviations, with noise."""
    rng = random.Random(1)
    with open(path, "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(columns)
        for _ in range(300):
            x = [rng.gauss(5, 2) for _ in columns[:-1]]
            writer.writerow([*x, target(sum(x) / len(x) - 5 + rng.gauss(0, 0.1))])
    return path


def text(path):
    """A chain of words: two may follow each, so that the words around one say much about it, and its letters more."""
    rng = random.Random(1)
    words = ["light", "dark", "water", "earth", "was", "and", "the", "of", "in", "God", "said", "let", "there", "be"]
    follow = {word: rng.sample(words, 2) for word in words}
    chain = ["light"]
    for _ in range(20000):
        chain.append(rng.choice(follow[chain[-1]]))
    path.write_text(" ".join(chain) + ".\n")
    return path


def make(folder):
    """(data block, file) of all data but the images."""
    cancer = ["mean radius", *(f"f{i}" for i in range(28)), "worst fractal dimension", "benign"]
    diabetes = ["age", *(f"f{i}" for i in range(8)), "s6", "progression"]
    return {"bible": text(folder / "bible.txt"),
            "cancer": table(folder / "cancer.csv", cancer, lambda x: int(x > 0)),
            "diabetes": table(folder / "diabetes.csv", diabetes, lambda x: 100 * abs(x))}
