"""Training steps beside PyTorch eager on this machine, in alternating pairs: medians and the ratio ours / theirs.

usage: steps.py [--python PYTHON_WITH_TORCH] [--pairs N] [--threads N] [mlp] [cnn]
"""
import argparse
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def step_time(command):
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--python", default=sys.executable)
    arguments.add_argument("--pairs", type=int, default=10)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("models", nargs="*", default=["mlp", "cnn"])
    o = arguments.parse_args()
    for model in o.models:
        common = ["--threads", str(o.threads), "--steps", "50"]
        ours = [str(ROOT / "build/bin/nn"), "bench", str(ROOT / f"bench/models/{model}.nn"), *common]
        theirs = [o.python, str(ROOT / "bench/peers_pytorch.py"), model, *common]
        pairs = [(step_time(ours), step_time(theirs)) for _ in range(o.pairs)]
        ratios = sorted(a / b for a, b in pairs)
        print(f"{model} training step, batch 128, {o.threads} threads, {o.pairs} pairs: "
              f"ours {statistics.median(a for a, _ in pairs):.2f} ms, PyTorch {statistics.median(b for _, b in pairs):.2f} ms, "
              f"ratio median {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


if __name__ == "__main__":
    main()
