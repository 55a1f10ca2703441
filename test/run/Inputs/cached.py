"""The logits of examples/gpt.nn in one pass and through the cache. usage: cached.py LIBRARY"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "python"))
from nncmodel import Model  # noqa: E402

net = Model(sys.argv[1], seed=1)
draw = np.random.default_rng(1)
for rows, length in ((1, 1), (1, 7), (3, 40), (8, 128)):
    tokens = draw.integers(0, 80, (rows, length), dtype=np.int32)
    (whole,), (cached,) = net.call("logits", tokens), net.call("cached_logits", tokens)
    assert whole.std() > 0.01 and whole.tobytes() == cached.tobytes(), (rows, length, abs(whole - cached).max())
print("equal")
