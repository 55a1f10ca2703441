"""Resumes runs from checkpoints that lie, each in another way, and expects exit 4, one line naming the file, and the file as it was.

usage: lies.py NN MODEL RUN FOLDER
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys


def packed(header, data):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main():
    nn, model, run, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
    good = (run / "checkpoint.safetensors").read_bytes()
    length = struct.unpack("<Q", good[:8])[0]
    header, data = json.loads(good[8:8 + length]), good[8 + length:]

    def metadata(**changes):
        return packed({**header, "__metadata__": {**header["__metadata__"], **changes}}, data)

    def state(**changes):
        return metadata(state=json.dumps({**json.loads(header["__metadata__"]["state"]), **changes}))

    lies = {
        "hypers are numbers": metadata(hypers='{"width": 128}'),
        "state is no JSON": metadata(state="{"),
        "epoch below 1": state(epoch=-5),
        "step of an epoch beyond its end": state(epoch_step=10**9, step=10**9),
        "step below 0": state(epoch_step=-3),
        "another epoch than the steps say": state(epoch=2),
        "a train block too many": state(train=7),
        "metrics are missing": state(sums={"rows": "0" * 16, "loss": "0" * 16, "metrics": []}),
        "cut in the middle": good[:len(good) // 2],
        "one bit differs": good[:-100] + bytes([good[-100] ^ 1]) + good[-99:],
    }
    failed = 0
    for name, content in lies.items():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(run, folder)
        file = folder / "checkpoint.safetensors"
        file.write_bytes(content)
        result = subprocess.run([nn, "train", model, "--resume", folder, "--stop-after", "1"], capture_output=True, text=True)
        right = result.returncode == 4 and str(file) in result.stderr and file.read_bytes() == content
        if not right:
            print(f"{name}: exit {result.returncode}, {result.stderr}")
            failed += 1
    print(f"{len(lies)} lies, {failed} believed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
