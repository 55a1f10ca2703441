"""Each example is shorter than the same in PyTorch and in Keras, counted as docs/examples.md counts: without blanks and comments.

usage: example_lines.py ROOT
"""
import pathlib
import sys

root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root / "bench/examples"))
from report import nn_lines, python_lines  # noqa: E402

wrong = 0
examples = sorted((root / "examples").glob("*.nn"))
for example in examples:
    ours = nn_lines(example)
    for folder in ("bench/examples", "bench/examples/keras"):
        twin = root / folder / f"{example.stem}.py"
        theirs = python_lines(twin) if twin.exists() else 0
        if ours >= theirs:
            wrong += 1
            print(f"{example.name}: {ours} lines; {twin.relative_to(root)}: {theirs or 'not there'}")
print(f"{len(examples)} examples, {wrong} wrong")
sys.exit(wrong > 0 or not examples)
