"""Gradients of inside.nn beside what they are by hand. usage: inside.py LIBRARY"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "python"))
from nncmodel import Model  # noqa: E402

model = Model(sys.argv[1], seed=1)


def near(name, wanted, *inputs):
    got = model.call(name, *(np.asarray(i, np.float32) for i in inputs))
    for a, b in zip(got, wanted):
        assert a.shape == b.shape and np.allclose(a, b, rtol=2e-5, atol=1e-5), (name, a, b)


def differences(f, x, h=1e-5):
    """The Jacobian of f by central differences, in f64."""
    steps = np.eye(len(x)) * h
    return np.stack([(f(x + s) - f(x - s)) / (2 * h) for s in steps], -1)


x, z = np.linspace(0.3, 1.4, 6), np.linspace(-1, 1, 5)
near("four", [3 * x[:4] ** 2 + 1], x[:4])
near("five", [3 * x[:5] ** 2 + 1], x[:5])
near("jacobian", [differences(lambda x: np.sin(x) * (x**2).sum(), x)], x)
gradient = lambda x: differences(lambda x: (np.sin(x) * x**2).sum() * x.sum(), x, 1e-4)  # noqa: E731
near("hessian", [differences(gradient, x, 1e-3)], x)
a = x[:5]
first = np.arange(5) == 0
rows = [6 * differences(lambda a: (a**2 * a[i] ** 2 * z * 0.5**i).sum(), a) + 15 * first for i in range(5)]
near("nested", [np.stack(rows), z * 0.5**5], a, z)
rows = sum(i * differences(lambda a: a[i] ** 3 * a.sum(), a) for i in range(5))
near("branch", [rows], a, 1)
near("branch", [0 * a], a, 0)
inner = lambda a: 3 * a**2 * (a**2).sum() + (a**3).sum() * 2 * a  # noqa: E731
near("through", [differences(lambda a: (a * (1 - 0.01 * inner(a)) ** 5).sum(), a)], a)
print("all right")
