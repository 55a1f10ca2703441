"""Runs clang-tidy with the project's checks over the sources of some folders, on all CPUs.

usage: tidy.py BUILD_DIR FOLDER…    Prints findings and exits 1 if there are any.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Flags of GCC that clang does not know, and GCC's precompiled headers.
FOREIGN = {"-fpch-preprocess", "-Winvalid-pch", "-Wno-restrict", "-Wno-stringop-overflow", "-Wno-stringop-overread"}


def for_clang(command):
    words, result = shlex.split(command), []
    while words:
        word = words.pop(0)
        if word == "-include":
            words.pop(0)
        elif word not in FOREIGN:
            result.append(word)
    return result


def unity_of(entry):
    """The text of a file that includes several sources, which are compiled at once; None for a source."""
    path = pathlib.Path(entry["file"])
    return path.read_text() if "Unity" in path.parts else None


def first_source(entry):
    text = unity_of(entry)
    return pathlib.Path(re.search('#include "(.*)"', text)[1] if text else entry["file"])


def main():
    build, folders = pathlib.Path(sys.argv[1]), [ROOT / f for f in sys.argv[2:]]
    entries = [e for e in json.loads((build / "compile_commands.json").read_text())
               if any(first_source(e).is_relative_to(f) for f in folders)]
    with tempfile.TemporaryDirectory() as database:
        for number, e in enumerate(entries):
            e["arguments"] = for_clang(e.pop("command"))
            if text := unity_of(e):  # the analyzer looks into included sources only where the file is called so
                renamed = pathlib.Path(database) / f"UnifiedSource{number}.cpp"
                renamed.write_text(text)
                e["arguments"] = [str(renamed) if a == e["file"] else a for a in e["arguments"]]
                e["file"] = str(renamed)
        (pathlib.Path(database) / "compile_commands.json").write_text(json.dumps(entries))
        shutil.copy(ROOT / ".clang-tidy", database)

        def check(entry):
            return subprocess.run(["clang-tidy-19", "--quiet", "-p", database, entry["file"]], capture_output=True, text=True)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(check, entries))
    bad = [r for r in results if r.returncode != 0]
    for r in bad:
        print(r.stdout)
    print(f"{len(entries)} compilations, {len(bad)} with findings")
    return 1 if bad or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
