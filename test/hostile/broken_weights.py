"""Weights and checkpoints (safetensors) that lie, read by the compiler and by a library itself."""
import json
import struct

from case import Case

# 3·1 + 1 numbers: net.dense.w and net.dense.b.
MODEL = b"""layer m(x: [B, 3]) -> [B, 1] { x |> dense[1] }
let net = m
train fit(steps = 2) {
  let z: [4, 3] = normal
  let loss = mean(net(z))
  net = sgd(net, grad(loss, net), lr = 0.1)
}
export fn f(x: f32[B <= 4, 3]) { net(x) }
"""
DATA = struct.pack("<4f", 1, 2, 3, 4)
W, B = "net.dense.w", "net.dense.b"


def entry(begin, end, *shape, dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


GOOD = {W: entry(0, 12, 3, 1), B: entry(12, 16, 1)}


def packed(header, data=DATA, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def with_w(**changes):
    return packed({**GOOD, W: {**GOOD[W], **changes}})


def raw(text, data=DATA):
    return packed(text if isinstance(text, bytes) else text.encode(), data)


HEADER = json.dumps(GOOD)
# Name → bytes of the file; refused with exit code 4 and the file's name.
FILES = {
    "nothing": b"",
    "seven bytes": b"\x10\0\0\0\0\0\0",
    "a length alone": struct.pack("<Q", 100),
    "a length of 0": struct.pack("<Q", 0) + DATA,
    "a length of 2^63": packed(GOOD, length=2**63),
    "a length of 2^64 - 1": packed(GOOD, length=2**64 - 1),
    "a length one too long": packed(GOOD, b"", length=len(HEADER) + 1),
    "a length one too short": packed(GOOD, length=len(HEADER) - 1),
    "a length that takes the data": packed(GOOD, length=len(HEADER) + 16),
    "a length in big-endian": struct.pack(">Q", len(HEADER)) + HEADER.encode() + DATA,
    "a gzip file": b"\x1f\x8b\x08\0" + bytes(60),
    "a pickle": b"\x80\x04\x95" + bytes(60),
    "an empty header": raw("{}"),
    "a header of spaces": raw(" " * 64),
    "a list": raw("[1, 2]"),
    "a number": raw("17"),
    "a null": raw("null"),
    "two objects": raw(HEADER + HEADER),
    "a comma at the end": raw(HEADER[:-1] + ",}"),
    "a comment": raw("/* */" + HEADER),
    "single quotes": raw(HEADER.replace('"', "'")),
    "a byte order mark twice": raw("\ufeff\ufeff" + HEADER),
    "UTF-16": raw(HEADER.encode("utf-16")),
    "bytes that are no UTF-8": raw(HEADER.replace("dense.w", "dense.\udcff").encode("utf-8", "surrogateescape")),
    "a lone surrogate": raw(HEADER.replace("dense.w", "dense.\\ud800")),
    "a NUL in a name": raw(HEADER.replace("dense.w", "dense.w\\u0000")),
    "a NUL in the header": raw(HEADER.replace(", ", "\0 ", 1)),
    "an escape sequence in a name": raw(HEADER.replace("dense.w", "dense.\\u001b[2J")),
    "an open text": raw('{"net'),
    "brackets a hundred thousand deep": raw("[" * 100_000),
    "objects a hundred thousand deep": raw('{"a":' * 100_000),
    "a shape a hundred thousand deep": raw('{"net.dense.w": {"shape": ' + "[" * 100_000),
    "a name of a million letters": packed({**GOOD, "x" * 1_000_000: entry(16, 16, 0)}),
    "a hundred thousand empty tensors": packed({**GOOD, **{f"t{i}": entry(16, 16, 0) for i in range(100_000)}}),
    "a key twice": raw(HEADER[:-1] + f', "{W}": ' + json.dumps(GOOD[W]) + "}"),
    "one tensor twice and another missing": raw(f'{{"{W}": {json.dumps(GOOD[W])}, "{W}": {json.dumps(GOOD[W])}}}', DATA[:12]),
    "a dtype twice": raw(HEADER.replace('"dtype": "F32",', '"dtype": "F32", "dtype": "F32",', 1)),
    "no dtype": raw(HEADER.replace('"dtype": "F32", ', "", 1)),
    "no shape": raw(HEADER.replace('"shape": [3, 1], ', "", 1)),
    "no offsets": raw(HEADER.replace(', "data_offsets": [0, 12]', "", 1)),
    "a key too many": raw(HEADER.replace('"dtype": "F32",', '"dtype": "F32", "x": 1,', 1)),
    "an unknown dtype": with_w(dtype="F33"),
    "a dtype that is a number": with_w(dtype=7),
    "another dtype": with_w(dtype="I32"),
    "a dtype of another size": with_w(dtype="F64"),
    "a dtype of a million letters": with_w(dtype="F" * 1_000_000),
    "a shape that is a number": with_w(shape=3),
    "a shape of texts": with_w(shape=["3", "1"]),
    "a shape of fractions": with_w(shape=[3.0, 1.0]),
    "a shape below zero": with_w(shape=[-3, -1]),
    "a shape of 2^64": raw(HEADER.replace("[3, 1]", "[18446744073709551616, 1]")),
    "a shape of 1e400": raw(HEADER.replace("[3, 1]", "[1e400, 1]")),
    "a shape of NaN": raw(HEADER.replace("[3, 1]", "[NaN, 1]")),
    "a shape that overflows": with_w(shape=[2**32, 2**32]),
    "a shape that overflows to its size": with_w(shape=[2**32, 2**32, 0, 3]),
    "a shape of a thousand axes": with_w(shape=[1] * 1000 + [3]),
    "a shape of no axes": with_w(shape=[]),
    "a shape transposed": with_w(shape=[1, 3]),
    "a larger shape": packed({**GOOD, W: entry(0, 12, 3, 2)}),
    "offsets backwards": with_w(data_offsets=[12, 0]),
    "offsets below zero": with_w(data_offsets=[-4, 8]),
    "offsets of 2^64 - 1": with_w(data_offsets=[2**64 - 4, 2**64 - 1]),
    "offsets past the end": with_w(data_offsets=[12, 24]),
    "one offset": with_w(data_offsets=[0]),
    "three offsets": with_w(data_offsets=[0, 12, 12]),
    "a text for offsets": with_w(data_offsets="0, 12"),
    "tensors that overlap": packed({W: entry(0, 12, 3, 1), B: entry(8, 12, 1)}, DATA[:12]),
    "a hole": packed({W: entry(0, 12, 3, 1), B: entry(16, 20, 1)}, DATA + bytes(4)),
    "bytes after the last": packed(GOOD, DATA + b"\0"),
    "too few bytes": packed(GOOD, DATA[:-1]),
    "no bytes": packed(GOOD, b""),
    "a tensor missing": packed({W: GOOD[W]}, DATA[:12]),
    "a tensor of another model": packed({**GOOD, "net.other.w": entry(16, 20, 1)}, DATA + bytes(4)),
    "a tensor without a name": packed({**GOOD, "": entry(16, 20, 1)}, DATA + bytes(4)),
    "metadata that are no texts": packed({"__metadata__": {"a": 1}, **GOOD}),
    "metadata that are a list": packed({"__metadata__": ["a"], **GOOD}),
    "metadata in metadata": packed({"__metadata__": {"a": {"b": "c"}}, **GOOD}),
    "a checksum that is wrong": packed({"__metadata__": {"crc32": "00000000"}, **GOOD}),
    "hypers that are no JSON": packed({"__metadata__": {"hypers": "{"}, **GOOD}),
    "hypers that are a list": packed({"__metadata__": {"hypers": "[1]"}, **GOOD}),
    "hypers a hundred thousand deep": packed({"__metadata__": {"hypers": "[" * 100_000}, **GOOD}),
    **{f"cut off after {cut} of {8 + len(HEADER) + 16} bytes": packed(GOOD)[:cut]
       for cut in (9, 20, 8 + len(HEADER) // 2, 7 + len(HEADER), 8 + len(HEADER), 23 + len(HEADER))},
}

# The compiler takes what it needs of a file; a checkpoint holds the state of its run, too.
SPARE = ("a name of a million letters", "a hundred thousand empty tensors", "a tensor of another model", "a tensor without a name")


def cases():
    for name, content in FILES.items():
        files = {"m.nn": MODEL, "w.safetensors": content}
        yield Case(f"weights: {name}", files, ["nnc", "m.nn", "--weights", "w.safetensors"], (0,) if name in SPARE else (4,), r"^nnc: w\.safetensors: .+\n")
    # As checkpoints of a run: the runs's own state is refused, too.
    for name in ("nothing", "a length of 2^63", "brackets a hundred thousand deep", "a key twice", "tensors that overlap",
                 "a checksum that is wrong", "hypers that are no JSON", "too few bytes"):
        files = {"m.nn": MODEL, "run/checkpoint.safetensors": FILES[name]}
        yield Case(f"checkpoint: {name}", files, ["nn", "train", "m.nn", "--resume", "run"], (4,), r"^nn: run/checkpoint\.safetensors: .+\n")
    states = {"no state": None, "a state that is a list": "[]", "a state of texts": '{"epoch": "one"}', "a state of fractions": '{"epoch": 1.5}',
              "a state a hundred thousand deep": "[" * 100_000, "a state with an epoch of 2^63": '{"epoch": 9223372036854775808}',
              "a state that is no JSON": "{"}
    for name, state in states.items():
        header = {"__metadata__": {} if state is None else {"state": state, "hypers": "{}"}, **GOOD}
        files = {"m.nn": MODEL, "run/checkpoint.safetensors": packed(header)}
        yield Case(f"checkpoint: {name}", files, ["nn", "train", "m.nn", "--resume", "run"], (4,), r"^nn: run/checkpoint\.safetensors: .+\n")
