"""Writes FOLDER/NAME.npy, numbers in half precision: half.py FOLDER NAME NUMBER..."""
import os
import struct
import sys

folder, name, *numbers = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': ({len(numbers)},), }}".ljust(117) + "\n"
with open(f"{folder}/{name}.npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    file.write(struct.pack(f"<{len(numbers)}e", *map(float, numbers)))
