"""Vocabularies and statistics of weights: statistics.py FILE [FILE that must have the same ones]"""
import json
import struct
import sys

WEIGHTS = {"cat": [4, 5, 3], "dog": [20, 30, 9], "cow": [600, 700, 500]}


def read(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    value = lambda name: struct.unpack("<f", data[slice(*header[name]["data_offsets"])])[0]
    return json.loads(header["__metadata__"]["vocabularies"]), [value("animals.weight.mean"), value("animals.weight.deviation")]


vocabularies, statistics = read(sys.argv[1])
if len(sys.argv) > 2:
    print("the same statistics and vocabularies" if (vocabularies, statistics) == read(sys.argv[2]) else "others")
    sys.exit()
for name, v in sorted(vocabularies.items()):
    print(name, v["kind"], *v["symbols"])
# The rows of two of three folds: some three are left out.
rows = sum(WEIGHTS.values(), [])
from itertools import combinations
for kept in combinations(rows, 6):
    mean = sum(kept) / 6
    deviation = (sum((x - mean) ** 2 for x in kept) / 6) ** 0.5
    if all(abs(a - b) < 1e-4 * b for a, b in zip(statistics, (mean, deviation))):
        print("mean and deviation of 6 rows")
