"""Writes the first N test images of Fashion-MNIST as npy. usage: rows.py N FILE"""
import gzip
import sys

count = int(sys.argv[1])
with gzip.open("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz") as f:
    pixels = f.read()[16:16 + count * 784]
header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 28, 28), }}"
header += " " * (64 - (len(header) + 11) % 64) + "\n"
with open(sys.argv[2], "wb") as f:
    f.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + pixels)
