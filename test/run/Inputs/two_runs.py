"""Two runs in one folder: the second is refused while the first is at work, and the first ends as if it were alone, though its
library is replaced under it.

usage: two_runs.py NN NNC MODEL FOLDER
"""
import pathlib
import signal
import subprocess
import sys
import time

nn, nnc, model, folder = *sys.argv[1:4], pathlib.Path(sys.argv[4])


def train(*more):
    return subprocess.Popen([nn, "train", model, *more], stderr=subprocess.PIPE, text=True)


train("--out", folder / "alone").communicate()
first = train("--out", folder / "shared")
while not (folder / "shared/checkpoint.safetensors").exists() and first.poll() is None:
    time.sleep(0.001)
first.send_signal(signal.SIGSTOP)  # it is at work for as long as the others take
second = train("--out", folder / "shared")
print("second:", second.communicate()[1].strip(), "exit", second.returncode)
resumed = train("--resume", folder / "shared")
print("resumed:", resumed.communicate()[1].strip(), "exit", resumed.returncode)
print("running" if first.poll() is None else "ended too early")
subprocess.run([nnc, model, "-o", folder / "shared/model.so"], check=True)
first.send_signal(signal.SIGCONT)
first.communicate()
print("first: exit", first.returncode)
same = [(folder / run / "best.safetensors").read_bytes() for run in ("alone", "shared")]
print("identical" if same[0] == same[1] else "DIFFERENT")
