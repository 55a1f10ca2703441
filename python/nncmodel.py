"""Use a compiled model from Python by its C interface: predict, and go on training. Needs numpy and nothing else.

    from nncmodel import Model
    net = Model("build/fashion_cnn.so", "fashion_cnn")
    p, = net.call("classify", images)                       # u8[B, 28, 28] -> [f32[B, 10]]
    loss, accuracy = net.call("fit.step", images, labels)   # one training step
    net.save("tuned.safetensors")
"""
import ctypes as c

import numpy as np

DTYPES = [np.float64, np.float32, np.uint16, np.float16, np.int64, np.int32, np.int8, np.uint8, np.bool_]
ExtentFn = c.CFUNCTYPE(c.c_int64, c.POINTER(c.c_int64))


class Symbol(c.Structure):
    _fields_ = [("name", c.c_char_p), ("bound", c.c_int64)]


class Port(c.Structure):
    _fields_ = [("name", c.c_char_p), ("role", c.c_char_p), ("dtype", c.c_uint32), ("rank", c.c_uint32),
                ("extents", c.POINTER(ExtentFn)), ("bound", c.c_int64)]

    def shape(self, symbols):
        return tuple(self.extents[k](symbols) for k in range(self.rank))


class Entry(c.Structure):
    _fields_ = [("name", c.c_char_p), ("kind", c.c_char_p)] + [
        (n, c.c_uint32) for n in ("symbols", "inputs", "outputs", "buffers", "launches", "phases", "steps", "slices")] + [
        ("symbol", c.POINTER(Symbol)), ("input", c.POINTER(Port)), ("output", c.POINTER(Port))] + [
        (n, c.c_void_p) for n in ("buffer", "bind", "launch", "phase", "step", "slice")] + [("arena_bytes", c.c_uint64),
        ("scratch_bytes", c.c_uint64), ("conditions", c.c_uint64), ("condition", c.c_void_p)]


class Variable(c.Structure):
    _fields_ = [("path", c.c_char_p), ("kind", c.c_uint32), ("dtype", c.c_uint32), ("rank", c.c_uint32), ("digits", c.c_uint32),
                ("extents", c.POINTER(c.c_int64)), ("digit", c.c_void_p), ("offset", c.c_uint64)]


class Tables(c.Structure):
    _fields_ = [("abi_version", c.c_uint32), ("entries", c.c_uint32), ("kernels", c.c_uint32), ("variables", c.c_uint32),
                ("scalars", c.c_uint32), ("targets", c.c_uint32), ("name", c.c_char_p), ("compiler", c.c_char_p),
                ("description", c.c_char_p), ("entry", c.POINTER(Entry)), ("target", c.c_void_p),
                ("variable", c.POINTER(Variable))]


class Api(c.Structure):
    _fields_ = [("abi_version", c.c_uint32), ("reserved", c.c_uint32), ("model", c.POINTER(Tables))]


class ModelError(Exception):
    """A call failed; the text says why."""


class Model:
    def __init__(self, path, name, seed=0, threads=0):
        self._library = c.CDLL(path)
        self._name = name
        api = getattr(self._library, name + "_api")
        api.restype = c.POINTER(Api)
        self._tables = api().contents.model.contents
        if self._tables.abi_version != 5:
            raise ModelError(f"{path} was made by another version of nnc")
        self._context = c.c_void_p()
        self._entries = {self._tables.entry[i].name.decode(): self._tables.entry[i] for i in range(self._tables.entries)}
        self._variables = {self._tables.variable[i].path.decode(): self._tables.variable[i] for i in range(self._tables.variables)}
        self._error = self._function("error")
        self._error.restype = c.c_char_p
        self._check(self._function("create")(c.byref(self._context), c.c_int64(seed), c.c_int(threads)))

    def __del__(self):
        if getattr(self, "_context", None):
            self._function("destroy")(self._context)

    def _function(self, suffix):
        return getattr(self._library, f"{self._name}_{suffix}")

    def _check(self, code):
        if code:
            raise ModelError(self._error(self._context).decode() if self._context else f"error {code}")

    @property
    def entries(self):
        return list(self._entries)

    @property
    def paths(self):
        return list(self._variables)

    def call(self, entry, *inputs):
        """Runs an entry on arrays and returns its results. Run-time sizes follow from the arrays' shapes."""
        e = self._entries[entry]
        if len(inputs) != e.inputs:
            raise ModelError(f"{entry} takes {e.inputs} inputs")
        arrays = [np.ascontiguousarray(x, DTYPES[e.input[i].dtype]) for i, x in enumerate(inputs)]
        symbols = self._solve(e, arrays)
        for i, array in enumerate(arrays):
            if array.shape != e.input[i].shape(symbols):
                raise ModelError(f"{entry}: {e.input[i].name.decode()} is {array.shape}, wanted {e.input[i].shape(symbols)}")
        results = [np.empty(e.output[i].shape(symbols), DTYPES[e.output[i].dtype]) for i in range(e.outputs)]
        pointers = [c.c_void_p(a.ctypes.data) for a in arrays + results]
        sizes = [c.c_int64(symbols[i]) for i in range(e.symbols)]
        self._check(self._function(entry.replace(".", "_"))(self._context, *sizes, *pointers))
        return results

    def _solve(self, e, arrays):
        symbols = (c.c_int64 * max(1, e.symbols))(*([1] * e.symbols))
        values = list(symbols)
        for s in range(e.symbols):
            for i, array in enumerate(arrays):
                base = e.input[i].shape(symbols)
                symbols[s] = 2
                slopes = [b - a for a, b in zip(base, e.input[i].shape(symbols))]
                symbols[s] = 1
                for k, slope in enumerate(slopes):
                    if slope and k < array.ndim:
                        values[s] = (array.shape[k] - base[k]) // slope + 1
        return (c.c_int64 * max(1, e.symbols))(*values[:e.symbols])

    def __getitem__(self, path):
        v = self._variables[path]
        array = np.empty([v.extents[i] for i in range(v.rank)], DTYPES[v.dtype])
        self._check(self._function("get_tensor")(self._context, path.encode(), c.c_void_p(array.ctypes.data), c.c_uint64(array.nbytes)))
        return array

    def __setitem__(self, path, value):
        array = np.ascontiguousarray(value, DTYPES[self._variables[path].dtype])
        self._check(self._function("set_tensor")(self._context, path.encode(), c.c_void_p(array.ctypes.data), c.c_uint64(array.nbytes)))

    def encode(self, vocabulary, text):
        """The numbers of a text in the vocabulary at a path ("bible.text.chars"), as an array."""
        data, count = text.encode(), c.c_uint64()
        numbers = np.empty(len(data) + 1, np.int32)  # a number stands for a byte or more; for a category, one for all
        self._check(self._function("encode")(self._context, vocabulary.encode(), data, c.c_uint64(len(data)),
                                             c.c_void_p(numbers.ctypes.data), c.c_uint64(len(numbers)), c.byref(count)))
        return numbers[:count.value]

    def decode(self, vocabulary, numbers):
        """The text of an array of numbers."""
        numbers, count = np.ascontiguousarray(numbers, np.int32), c.c_uint64()
        text = c.create_string_buffer(256 * numbers.size + 1)
        self._check(self._function("decode")(self._context, vocabulary.encode(), c.c_void_p(numbers.ctypes.data),
                                             c.c_uint64(numbers.size), text, c.c_uint64(len(text)), c.byref(count)))
        return text.raw[:count.value].decode(errors="replace")

    def set_scalar(self, name, value):
        self._check(self._function("set_scalar")(self._context, name.encode(), c.c_double(value)))

    def load(self, file):
        self._check(self._function("load")(self._context, file.encode()))

    def save(self, file):
        self._check(self._function("save")(self._context, file.encode()))
