"""The library that a run leaves."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "python"))
from nncmodel import Model  # noqa: E402


def library(run, name, seed=0):
    return Model(run / "model.so", name, seed)
