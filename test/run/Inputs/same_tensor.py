"""same_tensor.py A B [NAME…]: says whether two safetensors files hold the same bytes under a name (NAME=OTHER: A under NAME, B
under OTHER); without it, whether B has every tensor of A."""
import json
import struct
import sys


def tensors(path):
    with open(path, "rb") as f:
        data = f.read()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    return {name: body[slice(*t["data_offsets"])] for name, t in header.items() if name != "__metadata__"}


a, b = tensors(sys.argv[1]), tensors(sys.argv[2])
pairs = [name.partition("=") for name in sys.argv[3:] or a]
print("equal" if all(a[name] == b[other or name] for name, _, other in pairs) else "different")
