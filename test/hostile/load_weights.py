"""A library reads files of weights: each must be refused with an error that names it, and change nothing; or, where the
reader is content with what it needs, be taken.

usage: load_weights.py LIBRARY NAME FILE…    Prints and counts what went wrong; NAME is the prefix of the library's functions.
"""
import ctypes
import sys

OK, IO, FORMAT = 0, 4, 5


def main():
    library, name, files = ctypes.CDLL(sys.argv[1]), sys.argv[2], sys.argv[3:]
    call = {f: getattr(library, f"{name}_{f}") for f in ("create", "load", "error", "get_tensor", "destroy")}
    call["error"].restype = ctypes.c_char_p
    context = ctypes.c_void_p()
    assert call["create"](ctypes.byref(context), ctypes.c_uint64(1), 1) == OK
    tensor = (ctypes.c_float * 3)()

    def weights():
        assert call["get_tensor"](context, b"net.dense.w", tensor, ctypes.c_uint64(ctypes.sizeof(tensor))) == OK
        return bytes(tensor)

    before, wrong, refused = weights(), 0, 0
    for file in files:
        code = call["load"](context, file.encode())
        said = call["error"](context) or b""
        if code == OK:
            before = weights()
        elif code not in (IO, FORMAT) or file.encode() not in said or weights() != before:
            print(f"{file}: code {code}, {said!r}{', and the weights changed' if weights() != before else ''}")
            wrong += 1
        refused += code != OK
    call["destroy"](context)
    print(f"{len(files)} files of weights, {refused} refused by a library")
    return 1 if wrong or refused < len(files) * 3 // 4 else 0


if __name__ == "__main__":
    sys.exit(main())
