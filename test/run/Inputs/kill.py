"""Kills a training run again and again (SIGKILL and SIGINT in turn, at random moments), resumes it each time on another
number of threads, and compares the final checkpoint with that of a run that was left alone.

usage: kill.py NN MODEL FOLDER KILLS [--set name=value …]
"""
import pathlib
import random
import signal
import subprocess
import sys
import time


def main():
    nn, model, folder, kills = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4])
    common = [nn, "train", model, "--epochs", "1", "--checkpoint-every", "5", *sys.argv[5:]]
    start = time.time()
    subprocess.run([*common, "--out", folder / "begun", "--stop-after", "1"], stderr=subprocess.DEVNULL)
    begun = time.time()
    subprocess.run([*common, "--out", folder / "alone", "--threads", "2"], check=True, stderr=subprocess.DEVNULL)
    startup, whole = begun - start, time.time() - begun
    random.seed(whole)  # other moments each time; they are printed below
    killed = 0
    while True:
        resume = ["--resume" if (folder / "killed/checkpoint.safetensors").exists() else "--out", folder / "killed"]
        run = subprocess.Popen([*common, *resume, "--threads", str(1 + killed % 3)], stderr=subprocess.DEVNULL)
        wait = None if killed == kills else startup + random.uniform(0.2, 1) * max(whole - startup, 0.5) / kills
        try:
            if run.wait(wait) != 0:
                sys.exit(f"the resumed run ended with {run.returncode}")
            break
        except subprocess.TimeoutExpired:
            run.send_signal((signal.SIGKILL, signal.SIGINT)[killed % 2])
            run.wait()
            killed += 1
            print(f"killed after {wait:.2f} s")
    same = (folder / "alone/checkpoint.safetensors").read_bytes() == (folder / "killed/checkpoint.safetensors").read_bytes()
    print(f"{killed} times killed, final checkpoint {'identical' if same else 'DIFFERENT'}")
    return 0 if same and killed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
