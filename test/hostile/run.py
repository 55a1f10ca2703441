"""Runs the tools on bad files of every kind that they read: a fixed list, and seeded damage to good files.

Each run ends by itself with an exit code that the docs name, in bounded time and memory, and says what is wrong in one
message at its place, in clean text and without a word of the libraries behind it.

usage: run.py BIN_DIR [--only TEXT] [--show]    NNC_RANDOM_SEED=N chooses the damage, NNC_DAMAGED how many files of each kind
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing

import broken_data
import broken_graphs
import broken_programs
import broken_weights
import damaged


class Bounds(typing.NamedTuple):
    cpu_seconds: int  # which a loaded machine does not stretch
    megabytes: int
    address_space: bool  # whether addresses are bounded, too: AddressSanitizer reserves terabytes


PLAIN, SANITIZED = Bounds(20, 1024, True), Bounds(160, 3072, False)
MOST_OUTPUT = 6000
# What a raw failure of a library, the runtime or a sanitizer looks like.
FORBIDDEN = re.compile(rb"terminate called|what\(\)|Assertion|runtime error:|Sanitizer|LLVM ERROR|antlr|json\.exception|std::|"
                       rb"basic_string|bad_alloc|vector::|[\x00-\x08\x0b-\x1f\x7f]")
MESSAGE = re.compile(rb"^(?:error\[E\d{4}\]|(?:nn|nnc|nnc-opt)): ", re.MULTILINE)


def limited(command, bounds):
    space = ["--as=4294967296"] if bounds.address_space else []
    return ["prlimit", f"--cpu={bounds.cpu_seconds}", "--core=0", *space, "--", *command]


def run(case, tools, bounds, folder):
    """The exit code (negative: a signal), standard error, CPU seconds and megabytes of a case."""
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    # A request for more than there is fails, as it does without the sanitizer.
    environment = {**os.environ, "NO_COLOR": "1", "ASAN_OPTIONS": "allocator_may_return_null=1:max_allocation_size_mb=4096"}
    with open(folder / "stderr", "wb") as err:
        command = limited([tools / case.command[0], *case.command[1:]], bounds)
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, (folder / "stderr").read_bytes(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def faults(case, code, said, megabytes, bounds):
    """What is wrong with how a case ended, one sentence each."""
    if code < 0:
        yield f"ended by {signal.Signals(-code).name}"
    elif code not in case.codes:
        yield f"exit {code}, wanted {' or '.join(map(str, case.codes))}"
    if megabytes > bounds.megabytes:
        yield f"took {megabytes} MB"
    if len(said) > MOST_OUTPUT:
        yield f"said {len(said)} bytes"
    if found := FORBIDDEN.search(said):
        yield f"said {found[0]!r}"
    try:
        text = said.decode()
    except UnicodeDecodeError:
        yield "said bytes that are no UTF-8"
        text = said.decode(errors="replace")
    if code == 0:
        return
    if not 1 <= (count := len(MESSAGE.findall(said))) <= case.errors:
        yield f"{count} messages"
    if not re.search(case.says, text):
        yield f"said nothing like {case.says!r}"


def check(case, arguments, bounds):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        start = time.monotonic()
        code, said, seconds, megabytes = run(case, arguments.tools, bounds, folder)
        wall = time.monotonic() - start
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wrong = list(faults(case, code, said, megabytes, bounds))
    if arguments.show or wrong:
        print(f"{case.name}: exit {code}, {seconds:.2f} s of {wall:.2f}, {megabytes} MB{''.join(f'; {w}' for w in wrong)}")
        print("   ", said[:600].decode(errors="backslashreplace").replace("\n", "\n    "), flush=True)
    return not wrong, seconds


def check_library(tools, bounds):
    """The reader of weights inside a compiled library, on the same files."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = pathlib.Path(name)
        (folder / "m.nn").write_bytes(broken_weights.MODEL)
        subprocess.run([tools / "nnc", "m.nn", "--mcpu=x86-64", "-o", "m.so"], cwd=folder, check=True)
        files = []
        for i, content in enumerate(broken_weights.FILES.values()):
            files.append(f"w{i}.safetensors")
            (folder / files[-1]).write_bytes(content)
        command = [sys.executable, pathlib.Path(__file__).with_name("load_weights.py"), "./m.so", "m", *files]
        return subprocess.run(limited(command, bounds), cwd=folder).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tools", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--only", default="")
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    seed = int(os.environ.get("NNC_RANDOM_SEED") or time.time() // 3600)
    print(f"NNC_RANDOM_SEED={seed}")
    bounds = SANITIZED if b"__asan_init" in (arguments.tools / "nnc").read_bytes() else PLAIN
    cases = [*broken_programs.cases(), *broken_graphs.cases(), *broken_weights.cases(), *broken_data.cases()]
    fixed = len(cases)
    cases += damaged.cases(random.Random(seed), int(os.environ.get("NNC_DAMAGED") or 8))
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    cases = [case for case in cases if arguments.only in case.name]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda case: check(case, arguments, bounds), cases))
    bad = sum(not right for right, _ in results)
    if not arguments.only:
        bad += not check_library(arguments.tools, bounds)
    print(f"{len(cases)} bad files ({fixed} kinds in all), {bad} taken wrongly, {sum(s for _, s in results):.1f} s of CPU")
    return 1 if bad or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
