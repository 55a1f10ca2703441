"""What the Keras recipes share: the helpers of bench/examples, their tensors as arrays.

They run with KERAS_BACKEND=torch, which the helpers need too; only the two GANs name the backend.
"""

import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent))

import torch

import common
import tables
import text
from common import arguments, report, steps_of
from text import characters, words


def arrays(tensors):
    return [t.numpy() for t in tensors]


def fashion(folder, valid=5000):
    train, test = common.fashion(folder, valid)
    return arrays(train), arrays(test)


def table(name):
    return arrays(tables.table(name))


def folds(x, y, count=5):
    return map(arrays, tables.folds(torch.from_numpy(x), torch.from_numpy(y), count))


def standardised(train, *others):
    mean, deviation = train.mean(0), train.std(0)
    return [(x - mean) / deviation for x in (train, *others)]


def split(symbols, window, stride, share=0.05, part=1.0):
    return arrays(text.split(symbols, window, stride, share, part))
