"""Data that are damaged, lie about their size, or do not fit what the program declares: one small program for each reader."""
import gzip
import io
import struct
import zipfile
import zlib

from case import Case

TAIL = """
let net = m
train fit on d(batch = 2, epochs = 1) {
  let loss = mean(net(x))
  net = sgd(net, grad(loss, net), lr = 0.01)
}
export fn f(x: f32[B <= 4, 3]) { net(x) }
"""
LAYER = "layer m(x: [B, 3]) { x |> dense[1] }"
PROGRAMS = {
    "idx": 'data d from idx("d") {\n  x: f32[3] = f32(raw.image)\n  y: i32 < 4 = i32(raw.label)\n}\n' + LAYER +
           TAIL.replace("mean(net(x))", "mean(net(x)) + 0 * mean(f32(y))"),
    "npy": 'data d from npy("d.npz") { x: f32[3] = raw.x }\n' + LAYER + TAIL,
    "csv": 'data d from csv("d.csv") { x: f32[3] = raw["a".."c"] }\n' + LAYER + TAIL,
    "symbols": 'data d from csv("d.csv") {\n  let s: i32 < 3 = category(raw.s)\n  x: f32[3] = raw["a".."c"] + f32(s)\n}\n' + LAYER + TAIL,
    "text": 'data d from text("d.txt", window = 3) {\n  let t: i32[3] < 4 = chars(raw.text)\n  x: f32[3] = f32(t)\n}\n' + LAYER + TAIL,
    "words": 'data d from text("d.txt", window = 3, by = word) {\n  let t: i32[3] < 9 = words(raw.text)\n  x: f32[3] = f32(t)\n}\n' + LAYER + TAIL,
    "images": 'data d from images("d") { x: f32[3] = f32(raw.image |> view[1 3 -> 3]) }\n' + LAYER + TAIL,
}


def idx(code, *extents, data=b"", magic=b"\0\0"):
    return magic + bytes([code, len(extents)]) + b"".join(struct.pack(">I", e & 0xFFFFFFFF) for e in extents) + data


IMAGES, LABELS = idx(8, 4, 3, data=bytes(range(12))), idx(8, 4, data=bytes([0, 1, 2, 3]))
ZIPPED = gzip.compress(IMAGES, mtime=0)
BOMB = gzip.compress(bytes(1 << 28), 9, mtime=0)  # a quarter of a gigabyte in 256 KB
IDX = {
    "nothing": b"",
    "three bytes": IMAGES[:3],
    "half an extent": IMAGES[:6],
    "no elements": IMAGES[:12],
    "one element too few": IMAGES[:-1],
    "one element too many": IMAGES + b"\0",
    "little-endian": struct.pack("<IIIB", 0x0802, 4, 3, 0) + bytes(12),
    "another magic": idx(8, 4, 3, data=bytes(12), magic=b"\x01\0"),
    "an unknown type": idx(10, 4, 3, data=bytes(12)),
    "a rank of 0": idx(8),
    "a rank of 255": idx(8, *[1] * 255, data=b"\0"),
    "extents of 2^32 - 1": idx(8, -1, -1, -1, data=bytes(12)),
    "extents that overflow": idx(14, *[1 << 31] * 9, data=bytes(12)),
    "extents that overflow to 0": idx(8, *[1 << 16] * 4, data=b""),
    "no rows": idx(8, 0, 3),
    "rows of nothing": idx(8, 4, 0),
    "more rows than labels": idx(8, 5, 3, data=bytes(15)),
    "rows of another shape": idx(8, 4, 4, data=bytes(16)),
    "floats": idx(13, 4, 3, data=bytes(48)),
    "a gzip header alone": ZIPPED[:10],
    "a gzip file cut off": ZIPPED[:-12],
    "a gzip file without its checksum": ZIPPED[:-8],
    "a gzip file with another checksum": ZIPPED[:-8] + bytes(4) + ZIPPED[-4:],
    "a gzip file with another length": ZIPPED[:-4] + b"\xff" * 4,
    "a gzip file with a damaged block": ZIPPED[:12] + b"\xff\xff" + ZIPPED[14:],
    "a gzip file of an unknown method": ZIPPED[:2] + b"\x07" + ZIPPED[3:],
    "a gzip file with reserved flags": ZIPPED[:3] + b"\xe0" + ZIPPED[4:],
    "a gzip file in a gzip file": gzip.compress(ZIPPED, mtime=0),
    "a gzip file and other bytes": ZIPPED + b"hello",
    "a bomb": BOMB,
    "a bomb that lies": gzip.compress(idx(8, 4, 3, data=bytes(1 << 26)), 9, mtime=0),
    "a bomb that promises more": gzip.compress(idx(8, 1 << 28, 3, data=bytes(1 << 26)), 9, mtime=0),
    "text": b"a,b,c\n1,2,3\n",
}


def npy(descr="<f4", shape="(4, 3)", order="False", data=bytes(48), version=1, header=None, length=None):
    text = (header or f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}").encode("latin-1")
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size) + text + data


def npz(array=npy(), name="x.npy", method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo(name), array, method)
    return out.getvalue()


def put(content, at, form, value):
    """`content` with a number packed at a place (from the end if negative)."""
    changed = bytearray(content)
    struct.pack_into(form, changed, at % len(content), value)
    return bytes(changed)


def central(content):
    """Where the first entry of a zip file's directory stands."""
    return content.rindex(b"PK\x01\x02")


STORED, DEFLATED = npz(), npz(npy(data=bytes(range(48))), method=zipfile.ZIP_DEFLATED)
NPY = {
    "nothing": b"", "no magic": npy()[1:], "magic alone": b"\x93NUMPY", "version 0": npy(version=0), "version 9": npy(version=9),
    "half a header": npy()[:30], "a header length of 65535": npy(length=65535), "a header length of 2^32 - 1": npy(version=2, length=2**32 - 1),
    "a header length one too short": npy(length=30), "an empty header": npy(header=" "), "no dict": npy(header="[1, 2]"),
    "an open text": npy(header="{'descr"), "an open dict": npy(header="{'descr': '<f4',"), "a key twice": npy(header="{'shape': (3,), 'shape': (3,)}"),
    "an unknown key": npy(header="{'size': 3}"), "no shape": npy(header="{'descr': '<f4', 'fortran_order': False}"),
    "text after the dict": npy(header="{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3)} import os"),
    "an expression": npy(header="{'descr': '<f4', 'fortran_order': False, 'shape': (2 ** 4, 3)}"),
    "an order that is no bool": npy(order="1"), "objects": npy("|O"), "texts": npy("<U5"), "dates": npy("<M8[s]"), "complex numbers": npy("<c8"),
    "floats of 3 bytes": npy("<f3"), "long doubles": npy("<f16"), "an empty type": npy(""), "a type of a million letters": npy("<f4" + "x" * 60_000),
    "records": npy(header="{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}"), "no axis": npy(shape="()", data=bytes(4)),
    "an extent below zero": npy(shape="(-4, 3)"), "a fraction": npy(shape="(4.5, 3)"), "an extent of 2^64": npy(shape="(18446744073709551616, 3)"),
    "extents that overflow": npy(shape="(4294967296, 4294967296)"), "extents that overflow to 0": npy(shape="(4294967296, 4294967296, 4294967296)", data=b""),
    "a hundred axes": npy(shape=f"({'1, ' * 100})", data=bytes(4)), "tuples in tuples": npy(shape="(" * 60_000), "no data": npy(data=b""),
    "a byte too few": npy(data=bytes(47)), "a byte too many": npy(data=bytes(49)), "a NUL in the header": npy(header="{\0'descr': '<f4'}"),
    "no rows": npy(shape="(0, 3)", data=b""), "rows of another shape": npy(shape="(3, 4)"), "pickled": npy("|O", data=b"\x80\x04."),
}
at = central(STORED)
ZIP = {
    "nothing": b"", "no zip file": b"x" * 100, "an array alone": npy(), "an empty archive": b"PK\x05\x06" + bytes(18), "no directory": STORED[:at],
    "half a directory": STORED[:at + 20], "a directory without its end": STORED[:-22], "an end cut off": STORED[:-4],
    "a comment that lies": put(STORED, -2, "<H", 65535), "entries that lie": put(put(STORED, -12, "<H", 9), -14, "<H", 9),
    "a directory beyond the file": put(STORED, -6, "<I", 2**32 - 2),
    "a local header beyond the file": put(STORED, at + 42, "<I", 2**32 - 2), "a local header inside itself": put(STORED, at + 42, "<I", 7),
    "a size of 2^32 - 2": put(put(STORED, at + 20, "<I", 2**32 - 2), at + 24, "<I", 2**32 - 2),
    "a size that lies": put(STORED, at + 24, "<I", 5), "a name beyond the directory": put(STORED, at + 28, "<H", 65535),
    "an extra field beyond the directory": put(STORED, at + 30, "<H", 65535), "an unknown method": put(put(STORED, at + 10, "<H", 99), 8, "<H", 99),
    "encrypted": put(put(STORED, at + 8, "<H", 1), 6, "<H", 1), "another checksum": put(put(STORED, at + 16, "<I", 7), 14, "<I", 7),
    "another array": npz(name="y.npy"), "a name that climbs": npz(name="../../x.npy"), "a name of NULs": STORED.replace(b"x.npy", b"\0\0\0\0\0"),
    "damaged deflate": DEFLATED[:40] + b"\xff\xff\xff" + DEFLATED[43:],
    "a bomb": npz(npy(data=bytes(1 << 28)), method=zipfile.ZIP_DEFLATED),
    "a bomb with a small size": put(npz(npy(data=bytes(1 << 26)), method=zipfile.ZIP_DEFLATED), central(npz(npy(data=bytes(1 << 26)), method=zipfile.ZIP_DEFLATED)) + 24, "<I", 176),
    "two arrays of other lengths": None,  # made below
}
out = io.BytesIO()
with zipfile.ZipFile(out, "w") as archive:
    archive.writestr("x.npy", npy())
    archive.writestr("y.npy", npy(shape="(5, 3)", data=bytes(60)))
ZIP["two arrays of other lengths"] = out.getvalue()

# Name → text, and the place that the message names.
CSV = {
    "nothing": ("", "line 1"), "a header alone": ("a,b,c\n", ""), "an empty line": ("\n\n\n", "line 1"),
    "a cell missing": ("a,b,c\n1,2,3\n4,5\n", "line 3"), "a cell too many": ("a,b,c\n1,2,3\n4,5,6,7\n", "line 3"),
    "an empty cell": ("a,b,c\n1,2,3\n4,,6\n", "row 2, column `b`"), "a word": ("a,b,c\n1,2,3\n4,five,6\n", "row 2, column `b`"),
    "NaN": ("a,b,c\n1,2,3\n4,nan,6\n", "row 2, column `b`"), "NA": ("a,b,c\n1,2,3\n4,NA,6\n", "row 2, column `b`"),
    "a signed NaN": ("a,b,c\n1,-nan,3\n", "row 1, column `b`"), "a NaN with a word": ("a,b,c\n1,nan(x),3\n", "row 1, column `b`"),
    "infinity": ("a,b,c\n1,2,3\n4,5,-inf\n", "row 2, column `c`"), "a number beyond f64": ("a,b,c\n1,1e999,3\n", "row 1, column `b`"),
    "a number beyond f32": ("a,b,c\n1,1e300,3\n", "row 1, column `b`"), "a number in hex": ("a,b,c\n1,0x10,3\n", "row 1, column `b`"),
    "a decimal comma": ('a,b,c\n1,"2,5",3\n', "row 1, column `b`"), "a number with a unit": ("a,b,c\n1,2kg,3\n", "row 1, column `b`"),
    "two signs": ("a,b,c\n1,+-2,3\n", "row 1, column `b`"), "a number of a million digits": ("a,b,c\n1," + "9" * 1_000_000 + ",3\n", "row 1, column `b`"),
    "a NUL": ("a,b,c\n1,2\0,3\n", "row 1, column `b`"), "a megabyte of NUL": ("\0" * (1 << 20), ""),
    "an escape sequence": ("a,b,c\n1,\x1b[2J,3\n", "row 1, column `b`"), "an open quote": ('a,b,c\n1,"2,3\n4,5,6\n', "line 2"),
    "text after a quote": ('a,b,c\n1,"2"x,3\n', "line 2"), "a quote inside": ('a,b,c\n1,2"3,3\n', "row 1, column `b`"),
    "two columns of one name": ("a,b,b\n1,2,3\n", "line 1"), "a column missing": ("a,b\n1,2\n", "`c`"), "columns backwards": ("c,b,a\n1,2,3\n", "`a`"),
    "a column between": ("a,x,b,c\n1,9,2,3\n", ""), "semicolons": ("a;b;c\n1;2;3\n", "`a`"), "old line ends": ("a,b,c\r1,2,3\r", ""),
    "a hundred thousand columns": (",".join(f"k{i}" for i in range(100_000)) + "\n" + ",".join(["1"] * 100_000) + "\n", "`a`"),
    "a hundred thousand commas": ("a,b,c\n" + "," * 100_000, "line 2"), "a million quotes": ("a,b,c\n" + '"' * 1_000_001, "line 2"),
    "UTF-16": ("a,b,c\n1,2,3\n".encode("utf-16"), ""),
    "a gzip file": (ZIPPED, ""),
}
SYMBOLS = {
    "too many symbols": "a,b,c,s\n1,2,3,p\n1,2,3,q\n1,2,3,r\n1,2,3,t\n", "a column missing": "a,b,c\n1,2,3\n",
    "bytes that are no UTF-8": b"a,b,c,s\n1,2,3,\xff\n1,2,3,\xfe\n1,2,3,\xfd\n1,2,3,\xfc\n",
    "a symbol of a megabyte": "a,b,c,s\n1,2,3," + "x" * (1 << 20) + "\n1,2,3,q\n1,2,3,r\n1,2,3,t\n",
}
TEXT = {"nothing": b"", "shorter than a window": b"ab", "too many characters": b"abcdefgh" * 4, "bytes that are no UTF-8": b"abc\xff\xfeabc" * 9,
        "a character cut off": b"aaabbb\xe2\x82", "a surrogate": b"aaabbb\xed\xa0\x80"}
WORDS = {"nothing": b"", "blanks": b" \n" * 1000, "too many words": b"one two three four five six seven eight nine ten eleven",
         "bytes that are no UTF-8": b"one \xff\xfe two " * 9}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=3, height=1, depth=8, color=0, pixels=None, extra=b""):
    rows = zlib.compress(b"\0" * ((width + 1) * height) if pixels is None else pixels)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)) + extra +
            chunk(b"IDAT", rows) + chunk(b"IEND", b""))


JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
PICTURES = {
    "nothing": b"", "a signature alone": png()[:8], "half a header": png()[:20], "no pixels": png()[:33], "half the pixels": png()[:45],
    "a width of 2^31 - 1": png()[:16] + struct.pack(">I", 2**31 - 1) + png()[20:],
    "a picture of 2^16 times 2^16": png()[:16] + struct.pack(">II", 1 << 16, 1 << 16) + png()[24:],
    "16 bits a channel": png(depth=16, pixels=bytes(7)), "a width of 0": png(width=0), "a depth of 3": png(depth=3), "an unknown color": png(color=5), "a palette without colors": png(color=3),
    "a chunk of 2^31 - 1": png(extra=struct.pack(">I", 2**31 - 1) + b"tEXt"), "a bomb": png(pixels=bytes(1 << 26)),
    "a chunk whose name is no UTF-8": png(extra=chunk(b"\x8bKh\xff", b"")),
    "a picture of another size": png(width=4), "too few pixels": png(pixels=b"\0"), "a JPEG cut off": JPEG, "a JPEG of noise": JPEG + bytes(range(1, 255)) * 9,
    "a GIF": b"GIF89a" + bytes(50), "a text": b"hello", "a BMP": b"BM" + bytes(60),
}


# Harmless: pixels that nobody asks for; bytes of a text that are no UTF-8, each a symbol of its own; words beyond the
# bound, which are all the unknown word.
TAKEN = ("images: a bomb", "text: a character cut off", "words: bytes that are no UTF-8", "words: too many words")


def cases():
    def case(reader, name, files, place, codes=(4,)):
        codes = (0,) if f"{reader}: {name}" in TAKEN else codes
        files = {"m.nn": PROGRAMS[reader].encode(), **{n: c if isinstance(c, bytes) else c.encode() for n, c in files.items()}}
        says = rf"^nn: d[^\n]*: [^\n]*{place}[^\n]+\n"
        return Case(f"{reader}: {name}", files, ["nn", "train", "m.nn", "--out", "run", "--threads", "1"], codes, says)

    for name, content in IDX.items():
        zipped = ".gz" if content[:2] == b"\x1f\x8b" else ""
        yield case("idx", name, {f"d/train-images-idx3-ubyte{zipped}": content, "d/train-labels-idx1-ubyte": LABELS}, "")
    yield case("idx", "a label beyond its bound", {"d/train-image-idx": IMAGES, "d/train-label-idx": idx(8, 4, data=bytes([0, 1, 2, 4]))}, "")
    yield case("idx", "no labels", {"d/train-image-idx": IMAGES}, "")
    yield case("idx", "no images of the training split", {"d/test-image-idx": IMAGES, "d/test-label-idx": LABELS}, "")
    yield case("idx", "a file for a folder", {"d": IMAGES}, "", (3,))
    for name, content in NPY.items():
        yield case("npy", name, {"d.npz": npz(content)}, "")
    for name, content in ZIP.items():
        yield case("npy", f"zip, {name}", {"d.npz": content}, "")
    for name, (text, place) in CSV.items():
        yield case("csv", name, {"d.csv": text}, place)
    for reader, table in (("symbols", SYMBOLS), ("text", TEXT), ("words", WORDS)):
        for name, content in table.items():
            yield case(reader, name, {"d.csv" if reader == "symbols" else "d.txt": content}, "")
    for name, content in PICTURES.items():
        yield case("images", name, {"d/a/0.png": png(), "d/a/1.png": content, "d/b/0.png": png()}, "")
