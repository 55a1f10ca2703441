"""What the scripts of the peers share: their options, and the timing that bench/steps.py pairs with `nn bench`."""
import argparse
import os
import statistics
import time

# Where set, these hold OpenBLAS to another CPU's kernels; a peer runs at its best. It reads them when it is loaded: import this first.
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.pop("OPENBLAS_L2_SIZE", None)


def options(models=None, **more):
    """MODEL [--rows N] [--steps N] [--repeat N] [--threads N], and more options by name, as add_argument takes them."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model", choices=models)
    arguments.add_argument("--rows", type=int, default=0)
    arguments.add_argument("--steps", type=int, default=50)
    arguments.add_argument("--repeat", type=int, default=1)
    arguments.add_argument("--threads", type=int, default=2)
    for name, settings in more.items():
        arguments.add_argument(f"--{name}", **settings)
    return arguments.parse_args()


def report(run, o):
    """Prints the median time of a run in milliseconds, one line a repetition. With one thread CPU time counts."""
    clock = time.process_time if o.threads == 1 else time.perf_counter
    for _ in range(10):
        run()
    for _ in range(o.repeat):
        times = []
        for _ in range(o.steps):
            start = clock()
            run()
            times.append((clock() - start) * 1e3)
        print(f"{statistics.median(times):.3f}", flush=True)
