"""What weights of symbols.nn hold of their data.

statistics.py FILE                       prints the vocabularies, as nnc_abi.h says they lie; checks the statistics against the rows
statistics.py FILE OTHER                 checks that another file holds the same
statistics.py FILE --scaled FILE.csv     checks the fields of the weights 4 and 20
"""
import csv
import itertools
import json
import struct
import sys

ROWS = [4, 20, 600, 5, 30, 700, 3, 9, 500]


VOCABULARIES = ["animals.species.category", "text.text.chars", "verse.text.words"]


def symbols(data):
    found, at = [data[0]], 1
    while at < len(data) and data[at]:
        found.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return found


def read(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    names = ["weight.mean", "weight.deviation", "size.min", "size.max"]
    values = [struct.unpack("<f", data[slice(*header[f"animals.{n}"]["data_offsets"])])[0] for n in names]
    return {n: symbols(data[slice(*header[n]["data_offsets"])]) for n in VOCABULARIES}, values


def near(a, b):
    return all(abs(x - y) <= 1e-4 * max(abs(y), 1e-2) for x, y in zip(a, b, strict=True))


def statistics_of(rows):
    mean = sum(rows) / len(rows)
    return [mean, (sum((x - mean) ** 2 for x in rows) / len(rows)) ** 0.5, min(rows), max(rows)]


vocabularies, values = read(sys.argv[1])
if len(sys.argv) == 2:
    for name, v in sorted(vocabularies.items()):
        print(name, *v)
    # Which three rows the fold leaves out is not for the test to say; the statistics tell.
    if sum(near(values, statistics_of(rows)) for rows in itertools.combinations(ROWS, 6)) == 1:
        print("statistics of 6 rows")
elif sys.argv[2] == "--scaled":
    mean, deviation, least, most = values
    with open(sys.argv[3]) as f:
        found = [[float(x) for x in row] for row in list(csv.reader(f))[1:]]
    wanted = [[(x - mean) / deviation, (x - least) / (most - least)] for x in (4, 20)]
    print("4 and 20 as they should be" if len(found) == 2 and all(map(near, found, wanted)) else found)
else:
    print("the same statistics and vocabularies" if (vocabularies, values) == read(sys.argv[2]) else "others")
