"""How far generated images are from real ones, by the features of a trained classifier (bench/examples/judge.nn).

Fréchet distance of two normal distributions (Heusel et al. 2017): |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).
"""
import gzip
import pathlib
import subprocess
import sys

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "python"))
LIBRARY = ROOT / "build/examples/judge.so"
TEST = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"
MOST = 1000  # images of a call


def judge():
    """The classifier as a compiled library; trained at the first use."""
    from nncmodel import Model
    if not LIBRARY.exists():
        run, source = ROOT / "build/examples/judge", ROOT / "bench/examples/judge.nn"
        subprocess.run([ROOT / "build/bin/nn", "train", source, "--out", run], check=True)
        subprocess.run([ROOT / "build/bin/nnc", source, "--mcpu=native", "--weights", run / "best.safetensors", "-o", LIBRARY], check=True)
    return Model(str(LIBRARY), "judge")


def seen(model, images):
    """(features, classes) of images [N, 1, 28, 28] with values in 0..1."""
    parts = [model.call("judge", numpy.ascontiguousarray(images[at:at + MOST], dtype=numpy.float32))
             for at in range(0, len(images), MOST)]
    return (numpy.concatenate([p[k] for p in parts]) for k in (0, 1))


def normal_of(features):
    return features.mean(0), numpy.cov(features, rowvar=False)


def root_trace(a, b):
    """tr((A B)^(1/2)) of two covariances, by the eigenvalues of A B, which are real and not negative."""
    return numpy.sqrt(numpy.maximum(numpy.linalg.eigvals(a @ b).real, 0)).sum()


def distance(path, most=1000):
    """Of the first `most` images of an .npy file to the test images."""
    model = judge()
    with gzip.open(TEST) as f:
        real = numpy.frombuffer(f.read()[16:], numpy.uint8).reshape(-1, 1, 28, 28) / 255
    (m1, c1), (m2, c2) = (normal_of(next(iter(seen(model, x)))) for x in (real, numpy.load(path)[:most]))
    return float(((m1 - m2) ** 2).sum() + numpy.trace(c1) + numpy.trace(c2) - 2 * root_trace(c1, c2))


def class_shares(path, most=1000):
    """The share of each class among the images of an .npy file, as the classifier sees them."""
    _, classes = seen(judge(), numpy.load(path)[:most])
    return numpy.bincount(classes, minlength=10) / len(classes)


if __name__ == "__main__":
    print(f"distance {distance(sys.argv[1]):.3f}")
    print("shares", *(f"{s:.3f}" for s in class_shares(sys.argv[1])))
