# lit configuration: tests say in RUN lines what is run and in CHECK lines what is expected.
import os
import shutil
import sys

import lit.formats

config.name = "nnc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".nn", ".nnir", ".test"]
config.excludes = ["unit", "Inputs", "samples", "library"]
config.test_source_root = os.path.dirname(__file__)

build = os.path.abspath(lit_config.params.get("build", os.environ.get("NNC_BUILD", os.path.join(os.path.dirname(__file__), "..", "build"))))
config.test_exec_root = os.path.join(build, "test", "lit")
tools = os.path.join(build, "bin")

# A tool that is not built leaves its tests unsupported, not failed.
for tool in ("nnc-opt", "nnc", "nn"):
    if os.path.exists(os.path.join(tools, tool)):
        config.available_features.add(tool)

# Other CPUs than this machine's, emulated.
if shutil.which("qemu-x86_64"):
    config.available_features.add("qemu")

# In this order: the longer names first, so that none is replaced inside another. A path or suffix is no command.
for name, command in (
    ("nnc-opt", os.path.join(tools, "nnc-opt")),
    ("nnc", os.path.join(tools, "nnc")),
    ("nn", os.path.join(tools, "nn")),
    ("FileCheck", lit_config.params.get("filecheck", "FileCheck-19")),
):
    config.substitutions.append((r"(?<![\w./-])%s(?![\w./-])" % name, command))
config.substitutions.append(("%build", build))
config.substitutions.append(("%python", sys.executable))
config.environment["NO_COLOR"] = "1"
if "NNC_RANDOM_SEED" in os.environ:  # which of the random tests are run
    config.environment["NNC_RANDOM_SEED"] = os.environ["NNC_RANDOM_SEED"]
