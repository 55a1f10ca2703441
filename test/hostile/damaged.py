"""Good files with seeded damage: bytes changed, cut out, doubled and moved. They may still be right; they may do no harm."""
import pathlib

from broken_data import IMAGES, LABELS, PROGRAMS, ZIPPED, DEFLATED, STORED, png
from broken_graphs import GOOD as GRAPH
from broken_weights import DATA, GOOD as TENSORS, MODEL, packed
from case import Case

ROOT = pathlib.Path(__file__).resolve().parents[2]
CSV = b"a,b,c\n" + b"".join(b"%d,%d.5,\"-%de1\"\n" % (i, i, i) for i in range(9))


def damage(content, random):
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        at, end = sorted((random.randrange(len(data) + 1), min(len(data), random.randrange(len(data) + 1))))
        kind = random.randrange(6)
        if kind == 0 and data:
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        elif kind == 1 and data:
            data[random.randrange(len(data))] = random.choice(b"\0\xff\x7f\x80 \n\"(){}[]<>=,:;|0-")
        elif kind == 2:
            del data[at:min(end, at + random.choice((1, 4, 64)))]
        elif kind == 3:
            data[at:at] = data[at:min(end, at + 64)]
        elif kind == 4:
            data[at:at] = bytes(random.randrange(256) for _ in range(random.choice((1, 4, 16))))
        elif random.random() < 0.2:
            del data[at:]
    return bytes(data)


def cases(random, count):
    programs = sorted((ROOT / "examples").glob("*.nn")) + sorted((ROOT / "test/models").glob("*.nn"))
    train = ["nn", "train", "m.nn", "--out", "run", "--threads", "1"]
    reads = {"idx": "d/train-image-idx", "npy": "d.npz", "csv": "d.csv", "text": "d.txt", "images": "d/a/0.png"}
    goods = {"idx": [IMAGES, ZIPPED], "npy": [STORED, DEFLATED], "csv": [CSV], "text": [b"abca" * 20], "images": [png()]}
    for i in range(count):
        path = random.choice(programs)
        yield Case(f"damaged nn {i} ({path.name})", {"m.nn": damage(path.read_bytes(), random)}, ["nnc", "m.nn"], (0, 1), r"^(error|warning)\[", 51)
        yield Case(f"damaged nnir {i}", {"m.nnir": damage(GRAPH.encode(), random)}, ["nnc-opt", "m.nnir", "--passes=default", "--plan"], (0, 1),
                   r"^error\[E", 51)
        yield Case(f"damaged weights {i}", {"m.nn": MODEL, "w": damage(packed(TENSORS, DATA), random)}, ["nnc", "m.nn", "--weights", "w"], (0, 4),
                   r"^nnc: w: ")
        reader = random.choice(sorted(reads))
        files = {"m.nn": PROGRAMS[reader].encode(), reads[reader]: damage(random.choice(goods[reader]), random)}
        if reader == "idx":
            files["d/train-label-idx"] = LABELS
        # 5: numbers that are right for the reader may diverge.
        yield Case(f"damaged {reader} {i}", files, train, (0, 4, 5), r"^nn: ")
