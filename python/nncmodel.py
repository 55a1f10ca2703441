"""Use a compiled model from Python by its C interface: predict, and go on training. Needs numpy and nothing else.

    from nncmodel import Model
    net = Model("build/fashion_cnn.so")
    p, = net.call("classify", images)                       # u8[B, 28, 28] -> [f32[B, 10]]
    net.set_scalar("steps", 1000)                           # what the step's schedule reads
    loss, accuracy = net.call("fit.step", images, labels)   # one training step
    net.save("tuned.safetensors")

    text, = writer.call("write", prompt, 0.8, m=200)        # sizes that no array tells go by name

    net.exports, net.sizes("classify"), net.inputs("classify", B=5)     # what there is to call, and with what
"""
import ctypes as c
import json
import pathlib
import re

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
        ("scratch_bytes", c.c_uint64), ("conditions", c.c_uint64), ("condition", c.c_void_p),
        ("reads_derived", c.c_uint32), ("changes_derived", c.c_uint32)]


class Variable(c.Structure):
    _fields_ = [("path", c.c_char_p), ("kind", c.c_uint32), ("dtype", c.c_uint32), ("rank", c.c_uint32), ("digits", c.c_uint32),
                ("extents", c.POINTER(c.c_int64)), ("digit", c.c_void_p), ("offset", c.c_uint64)]


class Tables(c.Structure):
    _fields_ = [("abi_version", c.c_uint32), ("entries", c.c_uint32), ("kernels", c.c_uint32), ("variables", c.c_uint32),
                ("scalars", c.c_uint32), ("targets", c.c_uint32), ("name", c.c_char_p), ("compiler", c.c_char_p),
                ("description", c.c_char_p), ("entry", c.POINTER(Entry)), ("target", c.c_void_p),
                ("variable", c.POINTER(Variable))]


Context = c.c_void_p
Text, Bytes = c.c_char_p, c.c_uint64


def function(*arguments, result=c.c_int):
    return c.CFUNCTYPE(result, *arguments)


class Api(c.Structure):
    """The table of functions of nnc_abi.h, in its order."""
    _fields_ = [("abi_version", c.c_uint32), ("reserved", c.c_uint32), ("model", c.POINTER(Tables)),
                ("create", function(c.POINTER(Context), c.c_int64, c.c_int)),
                ("create_on", c.c_void_p), ("target", c.c_void_p), ("context_bytes", c.c_void_p), ("create_at", c.c_void_p),
                ("destroy", function(Context, result=None)),
                ("error", function(Context, result=Text)),
                ("set_threads", function(Context, c.c_int)),
                ("set_executor", c.c_void_p), ("set_probe", c.c_void_p),
                ("set_nan_check", function(Context, c.c_int)),
                ("run", function(Context, c.c_uint32, c.POINTER(c.c_int64), c.POINTER(c.c_void_p), c.POINTER(c.c_void_p))),
                ("set_scalar", function(Context, Text, c.c_double)),
                ("get_scalar", function(Context, Text, c.POINTER(c.c_double))),
                ("get_tensor", function(Context, Text, c.c_void_p, Bytes)),
                ("set_tensor", function(Context, Text, c.c_void_p, Bytes)),
                ("get_store", c.c_void_p), ("set_store", c.c_void_p),
                ("init", function(Context, c.c_int64)),
                ("load", function(Context, Text)),
                ("save", function(Context, Text)),
                ("load_checkpoint", function(Context, Text)),
                ("save_checkpoint", function(Context, Text)),
                ("encode", function(Context, Text, Text, Bytes, c.c_void_p, Bytes, c.POINTER(c.c_uint64))),
                ("decode", function(Context, Text, c.c_void_p, Bytes, c.c_void_p, Bytes, c.POINTER(c.c_uint64)))]


class ModelError(Exception):
    """A call failed; the text says why."""


class Model:
    """A context of a compiled model. `name` is that of the .nn file, if the library is called otherwise."""

    def __init__(self, path, name=None, seed=0, threads=0):
        path = pathlib.Path(path).resolve()
        self._library = c.CDLL(str(path))
        name = re.sub(r"\W", "_", name or path.stem, flags=re.ASCII)
        api = getattr(self._library, name + "_api", None)
        if api is None:
            raise ModelError(f"{path} has no model `{name}`: give the name of its .nn file")
        api.restype = c.POINTER(Api)
        self._api = api().contents
        if self._api.abi_version != 7:
            raise ModelError(f"{path} was made by another version of nnc")
        tables = self._api.model.contents
        self._context = Context()
        self._numbers = {tables.entry[i].name.decode(): i for i in range(tables.entries)}
        self._entries = {name: tables.entry[i] for name, i in self._numbers.items()}
        self._variables = {tables.variable[i].path.decode(): tables.variable[i] for i in range(tables.variables)}
        self._check(self._api.create(c.byref(self._context), seed, threads))

    def __del__(self):
        if getattr(self, "_context", None):
            self._api.destroy(self._context)

    def _check(self, code):
        if code:
            raise ModelError(self._api.error(self._context).decode() if self._context else f"error {code}")

    @property
    def entries(self):
        return list(self._entries)

    @property
    def exports(self):
        return [name for name, entry in self._entries.items() if entry.kind == b"export"]

    @property
    def description(self):
        """What the model says of itself: data, train blocks, hyperparameters, and which inputs and results are texts."""
        return json.loads(self._api.model.contents.description)

    def sizes(self, entry):
        """The sizes that an entry's shapes depend on, by name, with the largest each may be."""
        e = self._entry(entry)
        return {e.symbol[s].name.decode(): e.symbol[s].bound for s in range(e.symbols)}

    def inputs(self, entry, **sizes):
        """(name, element type, shape, bound of an index or 0) of each input, for sizes by name; those not given are 1."""
        e = self._entry(entry)
        symbols = (c.c_int64 * max(1, e.symbols))(*(sizes.get(name, 1) for name in self.sizes(entry)))
        ports = [e.input[i] for i in range(e.inputs)]
        return [(p.name.decode(), np.dtype(DTYPES[p.dtype]), p.shape(symbols), p.bound) for p in ports]

    @property
    def paths(self):
        return list(self._variables)

    def _entry(self, name):
        if name not in self._entries:
            raise ModelError(f"there is no `{name}`; there are {', '.join(self._entries)}")
        return self._entries[name]

    def call(self, entry, *inputs, **sizes):
        """Runs an entry on arrays and numbers and returns its results. Sizes follow from the arrays' shapes; those that do not
        (a count `m: int <= 64`) go by name."""
        e = self._entry(entry)
        if len(inputs) != e.inputs:
            raise ModelError(f"{entry} takes {e.inputs} inputs: {', '.join(e.input[i].name.decode() for i in range(e.inputs))}")
        arrays = [np.asarray(x, DTYPES[e.input[i].dtype], order="C") for i, x in enumerate(inputs)]
        symbols = self._solve(entry, e, arrays, sizes)
        for i, array in enumerate(arrays):
            if array.shape != e.input[i].shape(symbols):
                raise ModelError(f"{entry}: {e.input[i].name.decode()} is {array.shape}, wanted {e.input[i].shape(symbols)}")
        results = [np.empty(e.output[i].shape(symbols), DTYPES[e.output[i].dtype]) for i in range(e.outputs)]

        def pointers(list_):
            return (c.c_void_p * max(1, len(list_)))(*[a.ctypes.data for a in list_])
        self._check(self._api.run(self._context, self._numbers[entry], symbols, pointers(arrays), pointers(results)))
        return results

    def _solve(self, entry, e, arrays, sizes):
        symbols = (c.c_int64 * max(1, e.symbols))(*([1] * e.symbols))
        values = [sizes.pop(e.symbol[s].name.decode(), None) for s in range(e.symbols)]
        if sizes:
            raise ModelError(f"{entry} has no size `{next(iter(sizes))}`")
        for s in range(e.symbols):
            for i, array in enumerate(arrays):
                base = e.input[i].shape(symbols)
                symbols[s] = 2
                slopes = [b - a for a, b in zip(base, e.input[i].shape(symbols))]
                symbols[s] = 1
                for k, slope in enumerate(slopes):
                    if slope and k < array.ndim and values[s] is None:
                        values[s] = (array.shape[k] - base[k]) // slope + 1
            if values[s] is None:
                raise ModelError(f"{entry}: no array tells the size `{e.symbol[s].name.decode()}`: give it by name")
        return (c.c_int64 * max(1, e.symbols))(*values)

    def _variable(self, path):
        if path not in self._variables:
            raise ModelError(f"there is no variable `{path}`")
        return self._variables[path]

    def __getitem__(self, path):
        v = self._variable(path)
        array = np.empty([v.extents[i] for i in range(v.rank)], DTYPES[v.dtype])
        self._check(self._api.get_tensor(self._context, path.encode(), array.ctypes.data, array.nbytes))
        return array

    def __setitem__(self, path, value):
        v = self._variable(path)
        array = np.asarray(value, DTYPES[v.dtype], order="C")
        if list(array.shape) != [v.extents[i] for i in range(v.rank)]:
            raise ModelError(f"{path} is {[v.extents[i] for i in range(v.rank)]}, not {list(array.shape)}")
        self._check(self._api.set_tensor(self._context, path.encode(), array.ctypes.data, array.nbytes))

    def encode(self, vocabulary, text):
        """The numbers of a text in the vocabulary at a path ("bible.text.chars"), as an array."""
        data, count = text.encode(), c.c_uint64()
        numbers = np.empty(len(data) + 1, np.int32)  # a number stands for a byte or more; for a category, one for all
        self._check(self._api.encode(self._context, vocabulary.encode(), data, len(data), numbers.ctypes.data, len(numbers),
                                     c.byref(count)))
        return numbers[:count.value]

    def decode(self, vocabulary, numbers):
        """The text of an array of numbers."""
        numbers, count = np.ascontiguousarray(numbers, np.int32), c.c_uint64()
        text = c.create_string_buffer(256 * numbers.size + 1)
        self._check(self._api.decode(self._context, vocabulary.encode(), numbers.ctypes.data, numbers.size, text, len(text),
                                     c.byref(count)))
        return text.raw[:count.value].decode(errors="replace")

    def set_scalar(self, name, value):
        self._check(self._api.set_scalar(self._context, name.encode(), value))

    def get_scalar(self, name):
        value = c.c_double()
        self._check(self._api.get_scalar(self._context, name.encode(), c.byref(value)))
        return value.value

    def set_threads(self, threads):
        self._check(self._api.set_threads(self._context, threads))

    def init(self, seed=0):
        """Draws the parameters anew; what is fitted stays."""
        self._check(self._api.init(self._context, seed))

    def load(self, file):
        self._check(self._api.load(self._context, str(file).encode()))

    def save(self, file):
        self._check(self._api.save(self._context, str(file).encode()))

    def load_checkpoint(self, file):
        self._check(self._api.load_checkpoint(self._context, str(file).encode()))

    def save_checkpoint(self, file):
        """All that the next step depends on; `save` writes the weights alone."""
        self._check(self._api.save_checkpoint(self._context, str(file).encode()))
