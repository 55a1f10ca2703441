"""What every entry of the library is held to: its expression in the language beside PyTorch's.

A line is `E(expression, reference, name = input, …)`. The expression is a body of the language over the inputs; the reference is Python
over the same names as f64 tensors, with `torch`, `F` (torch.nn.functional) and the functions of references.py at hand. Parameters that the
expression makes are inputs too, named by their paths (`"dense.w"`); the reference sees them as `dense_w`, and p("dense") as a dict of all
below a path. From a line come an entry of a program, values for its inputs, and, by make_fixtures.py, the values that PyTorch finds, the
gradients g of their weighted sum, and, of second order, H g: the Hessian in the direction of the gradient. Options:

  grad = False    no gradient (integers, draws)
  still = "a b"   floats by which nothing is differentiated: targets, states
  training = True the expression in training mode, in a step of a train block; the reference gives (value, {state: value})
  smooth = False  finite differences say nothing: the gradient stops on purpose, or a kink or an overflow is near
  steps = n       the expression in n steps of a train block, in which `step` counts from 0; the value of the last one
"""
import random
import re
import zlib

AREAS = {}


class Entry:
    def __init__(self, area, number, nn, reference, grad=True, still="", training=False, steps=0, smooth=True, **inputs):
        self.nn, self.reference, self.training, self.steps, self.smooth = nn, reference, training, steps, smooth
        self.name = f"{area}{number}"
        self.inputs = {}    # name -> (kind, shape, bound)
        self.params = {}    # path below the instance -> the same
        self.values = {}
        for name, spec in inputs.items():
            (self.params if "." in name else self.inputs)[name] = spec
            self.values[name] = spec.draw(random.Random(zlib.crc32(f"{nn} {name}".encode())))
        self.still = still.split()
        self.targets = [n for n in self.inputs if self.differentiable(n)] if grad and not steps else []
        self.owns = any(map(self.differentiable, self.params)) and grad and not steps

    def differentiable(self, name):
        return (self.inputs.get(name) or self.params[name]).kind == "float" and name not in self.still

    def program(self):
        return self.step() if self.training or self.steps else self.export()

    def layer(self):
        """The expression as a layer (or fn, if it owns nothing) of its inputs."""
        args = ", ".join(f"{n}: {s.declared()}" for n, s in self.inputs.items())
        return f"layer body_{self.name}({args}) {{ {self.nn} }}\nlet m_{self.name} = body_{self.name}\n"

    def gradients(self):
        return "(" + ", ".join(self.targets + ([f"m_{self.name}"] if self.owns else [])) + ")"

    def export(self):
        args = ", ".join(f"{n}: {s.typed()}" for n, s in self.inputs.items())
        call = f"m_{self.name}({', '.join(self.inputs)})"
        if not (self.targets or self.owns):
            return self.layer() + f"export fn {self.name}({args}) {{ {call} }}\n"
        lines = [f"let value = {call}", f"let first = grad(weighted(value), {self.gradients()})", self.second(), "(value, first, second)"]
        return self.layer() + f"export fn {self.name}({args}) {{\n  " + "\n  ".join(lines) + "\n}\n"

    def second(self):
        """Also where the gradient is constant, whose gradient is an error otherwise."""
        return f"let second = grad(0.5 * sum(first * first) + 0 * sum({self.gradients()}), {self.gradients()})"

    def places(self, order):
        """The states of a step that keep the parts of `first` or `second`: by each input, and by the parameters."""
        names = self.targets + ["own"] * self.owns
        return [(f"{order}_{n}", f"{order}.{k}" if len(names) > 1 else order) for k, n in enumerate(names)]

    def step(self):
        lines = [f"state {n}: {s.typed(bound=False)} = 0" for n, s in self.inputs.items()]
        lines += [f"let {n} = clamp({n}, {s.bound})" for n, s in self.inputs.items() if s.bound]
        if self.training:
            lines += [f"let value = m_{self.name}({', '.join(self.inputs)})",
                      "let loss = weighted(value)", f"let first = grad(loss, {self.gradients()})", self.second()]
            for order in "first", "second":
                for place, part in self.places(order):
                    lines += [f"state {place} = 0 * {part}", f"{place} = {part}"]
            if self.owns:
                lines.append(f"m_{self.name} = 1 * m_{self.name}")    # what the block assigns is in training
        else:
            *before, last = self.nn.split("; ")
            lines += before + [f"let value = {last}"]
        lines += ["state result = 0 * value", "result = value"]
        head = self.layer() if self.training else ""
        return head + f"train {self.name}(steps = {self.steps or 1}, batch = 1) {{\n  " + "\n  ".join(lines) + "\n}\n"


class Spec:
    """A tensor of an entry: floats as multiples of 1/64, so that text and binary agree and sums of few are exact."""

    def __init__(self, kind, shape, draw, bound=None):
        self.kind, self.shape, self.draw, self.bound = kind, shape, draw, bound

    def dims(self):
        return "[" + ", ".join(map(str, self.shape)) + "]"

    def declared(self):
        return {"float": self.dims(), "int": f"i32{self.dims()}", "bool": f"bool{self.dims()}"}[self.kind] + self.limit()

    def typed(self, bound=True):
        return {"float": "f32", "int": "i32", "bool": "bool"}[self.kind] + self.dims() + (self.limit() if bound else "")

    def limit(self):
        return f" < {self.bound}" if self.bound else ""


def count(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def f(*shape, lo=-2.0, hi=2.0):
    """Floats between lo and hi, none closer than 1/128 to a whole number: there the kinks are."""
    def draw(r):
        return [(r.randrange(round(lo * 64), round(hi * 64)) + 0.5) / 64 for _ in range(count(shape))]
    return Spec("float", shape, draw)


def distinct(*shape):
    """Floats that all differ by at least 1/16: for maxima and sorting."""
    def draw(r):
        values = [(k - count(shape) / 2 + 0.5) / 16 for k in range(count(shape))]
        r.shuffle(values)
        return values
    return Spec("float", shape, draw)


def values(*given, shape=None):
    return Spec("float", shape or (len(given),), lambda r: list(map(float, given)))


def i(n, *shape):
    """Integers below n."""
    return Spec("int", shape, lambda r: [r.randrange(n) for _ in range(count(shape))], n)


def ints(*given, bound=None):
    return Spec("int", (len(given),), lambda r: list(given), bound)


def bools(*given):
    return Spec("bool", (len(given),), lambda r: list(given))


def mask(*shape):
    return Spec("bool", shape, lambda r: [r.randrange(3) != 0 for _ in range(count(shape))])


def probabilities(*shape):
    """Along the last axis, 64ths that sum to 1, none of them 0."""
    def draw(r):
        out = []
        for _ in range(count(shape[:-1])):
            cuts = sorted(r.sample(range(1, 64), shape[-1] - 1))
            out += [(b - a) / 64 for a, b in zip([0] + cuts, cuts + [64])]
        return out
    return Spec("float", shape, draw)


def area(name):
    """Starts an area of the table; gives its `E`."""
    entries = AREAS.setdefault(name, [])
    return lambda *args, **inputs: entries.append(Entry(name, len(entries), *args, **inputs))


HEAD = """# The sum of a tensor's, or of a tuple's tensors' elements, each times the cosine of its number.
fn weighted(y) {
  if is_tuple(y) {
    if rank(y) == 1 { weighted(y[0]) } else { weighted(y[0]) + weighted(y[1..]) }
  } else { sum(y * op.reshape[shape(y)](cos(f32(iota(count(y)))))) }
}
"""


def program(entries):
    return HEAD + "".join(e.program() for e in entries)


def names(entry):
    return set(re.findall(r"[A-Za-z_]\w*", entry.nn))
