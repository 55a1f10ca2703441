"""Text in and out of symbols.so, from Python. usage: text.py PYTHON_FOLDER LIBRARY"""
import sys

sys.path.insert(0, sys.argv[1])
from nncmodel import Model

model = Model(sys.argv[2], "symbols")
numbers = model.encode("text.text.chars", "the cat")
back, = model.call("reversed", numbers[None])
print("the cat ->", model.decode("text.text.chars", back[0]))
