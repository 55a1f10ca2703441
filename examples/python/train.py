"""Goes on training the compiled model from Python, with nothing but the standard library (ctypes), and saves the weights.

usage: train.py build/fashion_cnn.so [STEPS] [tuned.safetensors]
For numpy arrays in and out see python/nncmodel.py.
"""
import ctypes
import gzip
import sys

DATA = "/usr/share/datasets/fashion-mnist"
PIXELS, BATCH = 28 * 28, 128


def read(name, header):
    with gzip.open(f"{DATA}/{name}") as f:
        return f.read()[header:]


def main():
    library = ctypes.CDLL(sys.argv[1])
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    images, labels = read("train-images-idx3-ubyte.gz", 16), read("train-labels-idx1-ubyte.gz", 8)
    library.fashion_cnn_error.restype = ctypes.c_char_p
    net = ctypes.c_void_p()

    def check(code):
        if code:
            sys.exit(library.fashion_cnn_error(net).decode() if net else f"error {code}")

    check(library.fashion_cnn_create(ctypes.byref(net), ctypes.c_int64(1), 0))
    check(library.fashion_cnn_set_scalar(net, b"steps", ctypes.c_double(steps)))
    loss, accuracy = ctypes.c_float(), ctypes.c_double()
    for step in range(steps):
        at = step * BATCH % (len(labels) - BATCH)
        check(library.fashion_cnn_set_scalar(net, b"step", ctypes.c_double(step)))
        check(library.fashion_cnn_fit_step(net, ctypes.c_int64(BATCH), images[at * PIXELS:(at + BATCH) * PIXELS],
                                           labels[at:at + BATCH], ctypes.byref(loss), ctypes.byref(accuracy)))
        if step % 20 == 19 or step + 1 == steps:
            print(f"step {step + 1}: loss {loss.value:.4f}, accuracy {accuracy.value:.3f}")
    if len(sys.argv) > 3:
        check(library.fashion_cnn_save(net, sys.argv[3].encode()))
    library.fashion_cnn_destroy(net)


if __name__ == "__main__":
    main()
