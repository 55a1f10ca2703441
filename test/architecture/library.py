"""No C++ source knows the library: no string in it is the name of a function or layer of stdlib/*.nn.

The library is written in the language, and a user's layers have equal rights; a compiler that looked for "softmax" or "adam" would break
both. Names that are also those of primitives (ir/ops.def) are the primitives' own.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
library = set()
for file in (root / "stdlib").glob("*.nn"):
    library |= set(re.findall(r"^(?:fn|layer) (\w+)", file.read_text(), re.M))
primitives = set(re.findall(r"^OP\(\w+, (\w+),", (root / "ir/ops.def").read_text(), re.M))
# Words that users choose for their metrics: what the default of `maximize` goes by, whatever computes them.
OTHER_SENSE = {("frontend/elab/train.cpp", word) for word in ("mse", "mae", "perplexity")}
# Kinds of statistics of data (`mean_of`), the statement `precision(compute = bf16)`, and `--print-after=all`.
OTHER_SENSE |= {(file, word) for file in ("frontend/elab/builtin.cpp", "frontend/elab/statistics.cpp", "runtime/train/statistics.cpp")
                for word in ("mean", "deviation", "min")}
OTHER_SENSE |= {("frontend/elab/program.cpp", "precision"), ("passes/pipeline.cpp", "all"), ("tools/nnc/main.cpp", "all")}
bad = 0
for folder in ("frontend", "ir", "passes", "plan", "codegen", "runtime", "tools"):
    for file in sorted((root / folder).rglob("*")):
        if file.suffix not in (".cpp", ".h", ".c", ".def"):
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            code = line.split("//")[0]
            for text in re.findall(r'"((?:[^"\\]|\\.)*)"', code):
                if text in library - primitives and (file.relative_to(root).as_posix(), text) not in OTHER_SENSE:
                    print(f"{file.relative_to(root)}:{number}: \"{text}\" is a name of the library")
                    bad += 1
if len(library) < 100:
    sys.exit("the library's names were not found")
sys.exit(bad > 0)
