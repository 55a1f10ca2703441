#!/usr/bin/env python3
"""Writes fixtures/<area>.txt: the program of each area of table.py, its inputs, and what PyTorch finds for them in f64.

usage: make_fixtures.py [area …]       needs torch; the tests read the files and do not

A file holds the program, each line behind `| `, then for each entry:
  case NAME STEPS EXPRESSION      function NAME if STEPS is 0, else NAME.step run STEPS times
  rough                           no finite differences
  in LEAF DTYPE [SHAPE] VALUES
  value|state OUTPUT [SHAPE] VALUES
  gradient|second LEAF OUTPUT [SHAPE] VALUES     first and second derivative (entries.py says of what) by LEAF
"""
import pathlib
import sys

import torch
import torch.nn.functional as F

import references
import table

HERE = pathlib.Path(__file__).resolve().parent
DTYPES = {"float": torch.float64, "int": torch.int64, "bool": torch.bool}


def weighted(y):
    if isinstance(y, (tuple, list)):
        return sum(weighted(part) for part in y)
    return (y * torch.cos(torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape)).sum()


def tensors(entry):
    """Inputs and parameters by name."""
    found = {}
    for name, spec in {**entry.inputs, **entry.params}.items():
        t = torch.tensor(entry.values[name], dtype=DTYPES[spec.kind]).reshape(spec.shape)
        differentiated = name in entry.targets or (entry.owns and name in entry.params and entry.differentiable(name))
        found[name] = t.requires_grad_() if differentiated else t
    return found


def number(x):
    return repr(int(x)) if float(x).is_integer() and abs(x) < 1e15 else f"{float(x):.12g}"


def line(word, *names, value):
    t = value.detach()
    shape = "[" + ",".join(map(str, t.shape)) + "]"
    return " ".join([word, *names, shape, *(number(x) for x in t.double().reshape(-1).tolist())])


def outputs(value, name):
    if isinstance(value, (tuple, list)):
        for k, part in enumerate(value):
            yield from outputs(part, f"{name}.{k}" if name else str(k))
    else:
        yield name, value


def curvature(first, leaves):
    """The Hessian times the gradient `first`; 0 where that is constant."""
    half = 0.5 * sum((g * g).sum() for g in first)
    found = torch.autograd.grad(half, leaves, allow_unused=True) if half.requires_grad else [None] * len(leaves)
    return [torch.zeros_like(x) if g is None else g + torch.zeros_like(x) for g, x in zip(found, leaves)]  # a ZeroTensor holds none


def case(entry):
    given = tensors(entry)
    below = lambda path: {n.removeprefix(path + "."): t for n, t in given.items() if n.startswith(path + ".")}
    scope = {**vars(references), "p": below, "torch": torch, "F": F, **{n.replace(".", "_"): t for n, t in given.items()}}
    value = eval(entry.reference, scope)
    states = {}
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict):
        value, states = value
    stepped = entry.training or entry.steps
    lines = [f"case {entry.name} {entry.steps or (1 if entry.training else 0)} {entry.nn}"]
    if not entry.smooth:
        lines.append("rough")
    instance = f"m_{entry.name}"

    def leaf(name):
        return f"{instance}.{name}" if name in entry.params else f"{entry.name}.{name}" if stepped else name

    for name, t in given.items():
        spec = entry.inputs.get(name) or entry.params[name]
        lines.append(line("in", leaf(name), {"float": "f32", "int": "i32", "bool": "bool"}[spec.kind], value=t))
    alone = not (entry.targets or entry.owns)    # the results are the value, not (value, gradients)
    for name, t in outputs(value, f"{entry.name}.result" if stepped else "" if alone and isinstance(value, tuple) else "0"):
        lines.append(line("value", name, value=t))
    for name, t in states.items():
        lines.append(line("state", f"{instance}.{name}", value=t))

    names = entry.targets + ([n for n, s in entry.params.items() if given[n].requires_grad] if entry.owns else [])
    if not names:
        return lines

    def place(name, order):
        if stepped:
            return f"{entry.name}.{order}_" + (f"own.{name}" if name in entry.params else name)
        path = [str(["value", "first", "second"].index(order))]
        if len(entry.targets) + entry.owns > 1:    # the gradient is a tuple
            path.append(str(entry.targets.index(name) if name in entry.targets else len(entry.targets)))
        return ".".join(path + [name] if name in entry.params else path)

    leaves = [given[n] for n in names]
    first = torch.autograd.grad(weighted(value), leaves, create_graph=True)
    for kind, order, found in ("gradient", "first", first), ("second", "second", curvature(first, leaves)):
        lines += [line(kind, leaf(n), place(n, order), value=g) for n, g in zip(names, found)]
    return lines


def main():
    torch.set_default_dtype(torch.float64)
    for fused in torch.backends.cuda.enable_flash_sdp, torch.backends.cuda.enable_mem_efficient_sdp:
        fused(False)    # they are not differentiated twice; the CPU's go by the same switches
    for area in sys.argv[1:] or table.AREAS:
        entries = table.AREAS[area]
        lines = ["# Made by test/library/make_fixtures.py; do not edit."]
        lines += ["| " + text for text in table.program(entries).splitlines()]
        for entry in entries:
            try:
                lines += case(entry)
            except Exception as e:
                raise RuntimeError(f"{area}: {entry.nn}") from e
        (HERE / "fixtures").mkdir(exist_ok=True)
        (HERE / "fixtures" / f"{area}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
