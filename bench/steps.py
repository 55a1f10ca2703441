"""Training steps and predictions beside PyTorch eager (JAX; for predictions ONNX Runtime) on this machine, in alternating
pairs: medians and the ratio ours / theirs.

usage: steps.py [--python PYTHON_WITH_PEER] [--peer pytorch|jax|onnx] [--pairs N] [--threads N] [--steps N] [WORKLOAD…]
A workload is a model of bench/models for its training step, or MODEL:ROWS for a prediction of so many rows.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRAINING = ["mlp", "cnn", "resnet", "separable", "lstm", "gpt", "vit", "ae", "dcgan"]
INFERENCE = [f"{model}:{rows}" for model in ("mlp", "cnn", "resnet", "lstm", "gpt") for rows in (1, 128)]


def step_time(command):
    # Where set, these hold OpenBLAS to another CPU's kernels.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    return float(output.split()[0])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--python", default=sys.executable)
    arguments.add_argument("--peer", default="pytorch", choices=["pytorch", "jax", "onnx"])
    arguments.add_argument("--pairs", type=int, default=10)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--steps", type=int, default=50)
    arguments.add_argument("workloads", nargs="*", default=TRAINING + INFERENCE)
    o = arguments.parse_intermixed_args()
    for workload in o.workloads:
        model, _, rows = workload.partition(":")
        common = ["--threads", str(o.threads), "--steps", str(o.steps)] + (["--rows", rows] if rows else [])
        ours = [str(ROOT / "build/bin/nn"), "bench", str(ROOT / f"bench/models/{model}.nn"), *common]
        theirs = [o.python, str(ROOT / f"bench/peers_{o.peer}.py"), model, *common]
        pairs = [(step_time(ours), step_time(theirs)) for _ in range(o.pairs)]
        ratios = sorted(a / b for a, b in pairs)
        print(f"{workload:13} {o.threads} threads, {o.pairs} pairs: "
              f"ours {statistics.median(a for a, _ in pairs):.3f} ms, {o.peer} {statistics.median(b for _, b in pairs):.3f} ms, "
              f"ratio median {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


if __name__ == "__main__":
    main()
