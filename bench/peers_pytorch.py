"""The same two training steps in PyTorch eager, as its users write them: same layers, dropout, Adam, data in memory.

usage: peers_pytorch.py mlp|cnn [--steps N] [--threads N]
Prints the median of the step times in milliseconds, one line a repetition, so that bench/steps.py can pair them with ours.
"""
import argparse
import gzip
import os
import statistics
import time

# Where set, these hold OpenBLAS to another CPU's kernels; a peer runs at its best.
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.pop("OPENBLAS_L2_SIZE", None)

import torch
from torch import nn

DATA = "/usr/share/datasets/fashion-mnist"


def images(name):
    with gzip.open(f"{DATA}/{name}-images-idx3-ubyte.gz") as f:
        raw = torch.frombuffer(bytearray(f.read()[16:]), dtype=torch.uint8)
    with gzip.open(f"{DATA}/{name}-labels-idx1-ubyte.gz") as f:
        labels = torch.frombuffer(bytearray(f.read()[8:]), dtype=torch.uint8)
    return raw.reshape(-1, 1, 28, 28), labels.long()


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2),
                         nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, 10))


def stage(before, channels):
    return [nn.Conv2d(before, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]


def cnn():
    return nn.Sequential(*stage(1, 32), *stage(32, 64), nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(),
                         nn.Dropout(0.3), nn.Linear(128, 10))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model", choices=["mlp", "cnn"])
    arguments.add_argument("--steps", type=int, default=50)
    arguments.add_argument("--repeat", type=int, default=1)
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    x, y = images("train")
    net = {"mlp": mlp, "cnn": cnn}[options.model]()
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    order = torch.randperm(len(x))

    def step(i):
        rows = order[i * 128 % 59904: i * 128 % 59904 + 128]
        image = x[rows].float() / 255
        optimizer.zero_grad()
        loss = loss_of(net(image), y[rows])
        loss.backward()
        optimizer.step()
        return loss

    for i in range(10):
        step(i)
    for r in range(options.repeat):
        times = []
        for i in range(options.steps):
            start = time.perf_counter()
            step(r * options.steps + i).item()
            times.append((time.perf_counter() - start) * 1e3)
        print(f"{statistics.median(times):.3f}", flush=True)


if __name__ == "__main__":
    main()
