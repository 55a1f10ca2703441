"""What the recipes share: arguments, data in memory, batches and the line that examples.py reads.

A recipe is the network, loss and optimizer of the example of the same name as PyTorch's users write them.
"""

import argparse
import gzip
import os
import random

# Where set, these hold OpenBLAS to another CPU's kernels; a peer runs at its best.
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.pop("OPENBLAS_L2_SIZE", None)

import numpy
import torch


def arguments(epochs, **more):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    numpy.random.seed(o.seed)
    random.seed(o.seed)
    return o


def idx(path):
    with gzip.open(path) as f:
        raw = f.read()
    rank = raw[3]
    extents = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
    return torch.frombuffer(bytearray(raw[4 + 4 * rank :]), dtype=torch.uint8).reshape(
        extents
    )


def fashion(folder, valid=5000):
    """(image in 0..1, label) of training rows without `valid` of them, and of the test rows."""

    def split(name):
        image = idx(f"{folder}/{name}-images-idx3-ubyte.gz").float() / 255
        return image, idx(f"{folder}/{name}-labels-idx1-ubyte.gz").long()

    image, label = split("train")
    keep = torch.randperm(len(image))[valid:]
    return (image[keep], label[keep]), split("t10k")


def batches(size, *fields):
    order = torch.randperm(len(fields[0]))
    for at in range(0, len(order), size):
        rows = order[at : at + size]
        yield tuple(f[rows] for f in fields) if len(fields) > 1 else fields[0][rows]


def steps_of(rows, size, epochs):
    return -(-rows // size) * epochs


@torch.no_grad()
def over_rows(f, x, size=1000):
    """f of all rows of x, in pieces."""
    return torch.cat([f(x[at : at + size]) for at in range(0, len(x), size)])


def accuracy(net, image, label):
    net.eval()
    right = (over_rows(net, image).argmax(1) == label).float().mean().item()
    net.train()
    return right


def report(name, value):
    print(f"{name} {value:.6f}", flush=True)
