"""Calls everything that an example exports twice, by `nn predict` and in the library of its run, with the same weights and inputs: the
results must be the same bytes, the texts those of the numbers, and the pictures those of the images."""
import json
import math
import pathlib
import subprocess
import sys
import zlib

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "python"))
from nncmodel import Model  # noqa: E402

SIZE = 7  # of each axis that the caller chooses
TEXT = "light was God"  # in characters and in words that the little text has


def library(run, name, seed=0):
    return Model(run / "model.so", name, seed)


def png_pixels(path):
    """The pixels of a grey PNG of 8 bits, by the filters of its rows (the PNG specification, section 9)."""
    raw = path.read_bytes()
    at, packed = 8, b""
    while at < len(raw):
        length, kind = int.from_bytes(raw[at:at + 4], "big"), raw[at + 4:at + 8]
        body = raw[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"), body[8], body[9]
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    assert (depth, colour) == (8, 0), "not a grey PNG of 8 bits"
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, width + 1).astype(int)
    pixels = np.zeros((height + 1, width + 1), int)  # with zeros above and on the left
    for y in range(height):
        for x in range(width):
            left, up, corner = pixels[y + 1, x], pixels[y, x + 1], pixels[y, x]
            nearest = min((left, up, corner), key=lambda v: abs(left + up - corner - v))  # of equals the first: Paeth
            pixels[y + 1, x + 1] = (rows[y, x + 1] + (0, left, up, (left + up) // 2, nearest)[rows[y, 0]]) % 256
    return pixels[1:, 1:]


def pictured(images, pixels):
    """Whether a grid of pixels shows the images, one pixel apart."""
    height, width = images.shape[-2:]
    columns = (pixels.shape[1] + 1) // (width + 1)
    for i, image in enumerate(np.rint(images.reshape(-1, height, width).astype(float).clip(0, 1) * 255)):
        y, x = i // columns * (height + 1), i % columns * (width + 1)
        if (abs(pixels[y:y + height, x:x + width] - image) > 0).any():
            return False
    return math.prod(images.shape[:-2]) > 0


class Call:
    """One export with inputs made up for it: `arrays` and `sizes` for the library, `options` for `nn predict`."""

    def __init__(self, model, name, texts, run):
        self.name, self.run, self.arrays, self.sizes, self.options = name, run, [], {}, []
        self.text = texts.get((name, "0"))  # the vocabulary of the result
        names, rng = list(model.sizes(name)), np.random.default_rng(1)
        for size in names:
            if model.inputs(name) == model.inputs(name, **{size: 2}):  # no array tells it
                self.sizes[size] = SIZE
                self.options += ["--input", f"{size}={SIZE}"]
        for given in model.inputs(name, **dict.fromkeys(names, SIZE)):
            self.add(model, *given, texts, rng)

    def add(self, model, name, dtype, shape, bound, texts, rng):
        if (self.name, name) in texts:
            numbers = model.encode(texts[self.name, name], TEXT)
            self.arrays.append(numbers if len(shape) == 1 else numbers[None])
            self.options += ["--input", f"{name}={TEXT}"]
        elif not shape:
            self.arrays.append(dtype.type(0.5))
            self.options += ["--input", f"{name}=0.5"]
        else:
            drawn = rng.normal(5, 2, shape) if dtype.kind == "f" else rng.integers(0, bound or 256, shape)
            self.arrays.append(drawn.astype(dtype))
            np.save(self.run / f"{name}.npy", self.arrays[-1])
            self.options += ["--input", f"{name}={self.run / name}.npy"]

    def predicted(self, nn, source, suffix):
        out = self.run / f"{self.name}.{suffix}"
        subprocess.run([nn, "predict", source, self.name, "--weights", self.run / "checkpoint.safetensors", *self.options, "-o", out], check=True)
        return out

    def differences(self, nn, source, model):
        results = model.call(self.name, *self.arrays, **self.sizes)
        if len(results) > 1:  # side by side, a row for each
            table = np.loadtxt(self.predicted(nn, source, "csv"), delimiter=",", skiprows=1, ndmin=2)
            results = [np.concatenate([r.reshape(len(r), -1) for r in results], 1)]
            same = results[0].tobytes() == table.astype(results[0].dtype).tobytes()
        else:
            numbers = np.load(self.predicted(nn, source, "npy"))
            same = (numbers.shape, numbers.dtype) == (results[0].shape, results[0].dtype) and numbers.tobytes() == results[0].tobytes()
        found = [] if same else [f"`{self.name}` is not the same by nn predict and in the library"]
        if self.text:
            lines = [model.decode(self.text, row) for row in results[0]]
            if self.predicted(nn, source, "txt").read_text() != "\n".join(lines) + "\n":
                found.append(f"`{self.name}` is another text by nn predict than in the library")
        if results[0].ndim > 2 and min(results[0].shape[-2:]) >= 28 and not pictured(results[0], png_pixels(self.predicted(nn, source, "png"))):
            found.append(f"the picture of `{self.name}` is not that of its images")
        return found


def differing(nn, source, run):
    """What of the exports of an example is not the same by `nn predict` and in the library, after a run."""
    model = library(run, source.stem)
    model.load(run / "checkpoint.safetensors")
    texts = {(t["entry"], t["port"]): t["vocabulary"] for t in model.description.get("texts", [])}
    found = [] if model.exports else ["exports nothing"]
    for name in model.exports:
        found += Call(model, name, texts, run).differences(nn, source, model)
    return found
