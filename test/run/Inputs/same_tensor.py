"""same_tensor.py A B NAME: says whether two safetensors files hold the same bytes under a name."""
import json
import struct
import sys


def tensor(path, name):
    with open(path, "rb") as f:
        data = f.read()
    (length,) = struct.unpack("<Q", data[:8])
    begin, end = json.loads(data[8 : 8 + length])[name]["data_offsets"]
    return data[8 + length + begin : 8 + length + end]


print("equal" if tensor(sys.argv[1], sys.argv[3]) == tensor(sys.argv[2], sys.argv[3]) else "different")
