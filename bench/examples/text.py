"""The King James Bible as windows of characters or words, its last twentieth for validation."""

import collections
import pathlib
import re

import torch

FILE = pathlib.Path(__file__).resolve().parent.parent.parent / "examples/data/bible.txt"


def windows(symbols, window, stride):
    return torch.tensor(symbols).unfold(0, window, stride)


def split(symbols, window, stride, share=0.05, part=1.0):
    """(training windows, validation windows) of the first `part` of the text."""
    symbols = symbols[: int(len(symbols) * part)]
    cut = len(symbols) - int(len(symbols) * share)
    return windows(symbols[:cut], window, stride), windows(
        symbols[cut:], window, stride
    )


def characters():
    text = FILE.read_text()
    numbers = {c: i for i, c in enumerate(sorted(set(text)))}
    return [numbers[c] for c in text]


def words(most):
    """Numbers of the words, 0 for those beyond the `most - 1` most frequent, and the words by number."""
    found = re.findall(r"[a-z]+", FILE.read_text().lower())
    kept = [w for w, _ in collections.Counter(found).most_common(most - 1)]
    numbers = {w: i + 1 for i, w in enumerate(kept)}
    return [numbers.get(w, 0) for w in found], ["", *kept]
