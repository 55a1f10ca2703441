"""Walks the documents as a new user would: takes the model from README.md, runs every command on it as it stands there and
in docs/, compiles the C fragments against its header, and follows the links.

usage: walk.py ROOT BUILD FOLDER    Prints what fails and exits 1 if something does.
"""
import os
import pathlib
import re
import stat
import subprocess
import sys

ROOT, BUILD, FOLDER = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(nnc|nn [a-z]+) model\.nn\b.*")
failures = []


def blocks(text):
    """Fenced blocks as (language, lines)."""
    return [(m[1], m[2].splitlines()) for m in re.finditer(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)]


def commands(text):
    """Whole commands on model.nn: lines of fenced blocks and inline code, without their comments."""
    lines = [line for _, block in blocks(text) for line in block]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    found = [re.split(r"\s+#", line)[0].strip().replace("\\|", "|") for line in lines + spans]
    return [c for c in found if COMMAND.fullmatch(c) and "…" not in c]


def run(command, where):
    result = subprocess.run(["bash", "-ec", command], cwd=FOLDER, capture_output=True, text=True,
                            env={**os.environ, "PATH": f"{FOLDER}/bin:{os.environ['PATH']}"})
    if result.returncode != 0:
        failures.append(f"{where}: `{command}` ends with {result.returncode}: {result.stderr.strip()[-500:]}")


def tools():
    """nn and nnc on the path. Training is one epoch here; all else is as written."""
    (FOLDER / "bin").mkdir()
    shorter = {"train": "--epochs 1 ", "bench": "--steps 5 --repeat 1 "}
    cases = "".join(f'  {name}) shift; exec {BUILD}/bin/nn {name} {options}"$@" ;;\n' for name, options in shorter.items())
    for name, script in {"nn": f'case "$1" in\n{cases}esac\nexec {BUILD}/bin/nn "$@"\n', "nnc": f'exec {BUILD}/bin/nnc "$@"\n'}.items():
        file = FOLDER / "bin" / name
        file.write_text("#!/bin/bash\n" + script)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)


def c_fragments(document):
    """Each C block compiles inside a function, with the names it uses declared before it."""
    declared = ("int64_t rows = 0, seed = 1; int threads = 1; unsigned char image[1], label[1]; float loss, probabilities[1]; double accuracy;"
                "(void)rows, (void)seed, (void)threads, (void)image, (void)label, (void)loss, (void)probabilities, (void)accuracy;")
    for language, lines in blocks(document.read_text()):
        if language != "c":
            continue
        body = "\n".join(line for line in lines if not line.startswith("#") and line.strip() != "...")
        (FOLDER / "fragment.c").write_text(f'#include "model.h"\nvoid f(void);\nvoid f(void) {{ {declared}\n{body}\n}}\n')
        run("cc -std=c99 -Wall -Werror -Wno-unused -fsyntax-only fragment.c", document.name)


def links(document):
    prose = re.sub(r"^```.*?^```|`[^`\n]+`", "", document.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", prose):
        if "://" not in target and not (document.parent / target).exists():
            failures.append(f"{document.name}: a link leads to {target}, which is not there")


def main():
    FOLDER.mkdir(parents=True)
    tools()
    readme = (ROOT / "README.md").read_text()
    models = [lines for _, lines in blocks(readme) if any(line.startswith("layer ") for line in lines)]
    (FOLDER / "model.nn").write_text("\n".join(models[0]) + "\n")
    subprocess.run([sys.executable, ROOT / "test/run/Inputs/rows.py", "3", FOLDER / "images.npy"], check=True)
    done = []
    for document in DOCUMENTS:
        for command in commands(document.read_text()):
            if command not in done:
                run(command, document.name)
                done.append(command)
    for document in DOCUMENTS:
        c_fragments(document)
        links(document)
    for script in re.findall(r"^\./(\w+)", readme, re.M):
        if not os.access(ROOT / script, os.X_OK):
            failures.append(f"README.md: ./{script} cannot be run")
    print("\n".join(failures))
    print(f"{len(done)} commands, {len(failures)} failures")
    return 1 if failures or len(done) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
