"""Tables of examples/data as tensors."""

import csv
import pathlib

import torch

FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "examples/data"


def table(name):
    """(features, last column)"""
    with open(FOLDER / f"{name}.csv", newline="") as f:
        rows = torch.tensor([[float(x) for x in row] for row in list(csv.reader(f))[1:]])
    return rows[:, :-1], rows[:, -1]


def standardised(train, *others):
    mean, deviation = train.mean(0), train.std(0, correction=0)
    return [(x - mean) / deviation for x in (train, *others)]


def folds(x, y, count=5):
    """(training x, training y, x, y) for each fold."""
    order = torch.randperm(len(x))
    for k in range(count):
        out = order[k::count]
        keep = torch.ones(len(x), dtype=torch.bool)
        keep[out] = False
        yield x[keep], y[keep], x[out], y[out]
