"""Includes run one way: each folder may include only what docs/architecture.md allows it. The verifier of plans, which is to
find the planner's mistakes, sees the plan and nothing of the planner.

usage: includes.py SOURCE_DIR    Prints each violation as file:line and exits 1 if there is any.
"""
import pathlib
import re
import sys

ALLOWED = {
    "grammar": set(),
    "ir": set(),
    "stdlib": set(),
    "frontend": {"ir", "grammar", "stdlib"},
    "passes": {"ir"},
    "plan": {"ir"},
    "codegen": {"plan", "ir", "runtime/core"},
    "runtime/core": set(),
    "runtime/train": {"runtime/core"},
    "tools": {"ir", "frontend", "stdlib", "passes", "plan", "codegen", "runtime/core", "runtime/train"},
}
LLVM_ALLOWED = {"codegen"}
VERIFIER = re.compile(r"plan/verify\w*\.(h|cpp)")
SEEN_BY_VERIFIER = {"plan/plan.h", "plan/ix.h"}
INCLUDE = re.compile(r'\s*#\s*include\s+(["<])([^">]+)[">]')


def folder_of(path):
    for folder in sorted(ALLOWED, key=len, reverse=True):
        if path.startswith(folder + "/"):
            return folder
    return None


def violations(root):
    for folder, allowed in ALLOWED.items():
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".h", ".c", ".cpp"} or folder_of(str(path.relative_to(root))) != folder:
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                quote, name = match.groups()
                target = folder_of(name) if quote == '"' else None
                if target and target != folder and target not in allowed:
                    yield f"{path.relative_to(root)}:{number}: {folder} may not include {target} ({name})"
                if target == "plan" and VERIFIER.fullmatch(str(path.relative_to(root))) and not (VERIFIER.fullmatch(name) or name in SEEN_BY_VERIFIER):
                    yield f"{path.relative_to(root)}:{number}: the verifier of plans may not include the planner ({name})"
                if name.startswith(("llvm/", "lld/")) and folder not in LLVM_ALLOWED:
                    yield f"{path.relative_to(root)}:{number}: only codegen sees LLVM ({name})"


def main():
    found = list(violations(pathlib.Path(sys.argv[1])))
    print("\n".join(found) if found else "all includes run one way")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
