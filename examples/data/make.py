#!/usr/bin/env python3
"""Writes the data that no Debian package carries as a file into this folder.

usage: make.py [bible] [breast_cancer] [diabetes]      (none: all)

bible          the King James Bible as the Debian package bible-kjv prints it, without the references: 4 MB of text
breast_cancer  scikit-learn's table, 569 rows: 30 features of cell nuclei, benign or not
diabetes       scikit-learn's table, 442 rows: ten measurements of patients, progression after a year

The tables come from the Python package scikit-learn; where it is missing, it is installed into build/data-python.
"""
import csv
import pathlib
import re
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = HERE.parent.parent / "build/data-python"


def bible():
    printed = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True, text=True).stdout
    verses = [re.sub(r"^\S+ ", "", line) for line in printed.splitlines()]
    (HERE / "bible.txt").write_text("\n".join(verses) + "\n")


def write_table(name, header, rows):
    with open(HERE / f"{name}.csv", "w", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def breast_cancer():
    from sklearn.datasets import load_breast_cancer
    table = load_breast_cancer()
    write_table("breast_cancer", [*table.feature_names, "benign"],
                [[*map(float, x), int(y)] for x, y in zip(table.data, table.target)])


def diabetes():
    from sklearn.datasets import load_diabetes
    table = load_diabetes(scaled=False)
    write_table("diabetes", [*table.feature_names, "progression"],
                [[*map(float, x), float(y)] for x, y in zip(table.data, table.target)])


def with_scikit_learn(names):
    """Runs this script again in an environment that has scikit-learn."""
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "scikit-learn"], check=True)
    sys.exit(subprocess.run([python, __file__, *names]).returncode)


def main():
    makers = {"bible": bible, "breast_cancer": breast_cancer, "diabetes": diabetes}
    names = sys.argv[1:] or list(makers)
    for name in names:
        if name not in makers:
            sys.exit(f"make.py: unknown data `{name}`; there are {', '.join(makers)}")
        try:
            makers[name]()
        except ImportError:
            with_scikit_learn(names[names.index(name):])
        print(f"made {name}")


if __name__ == "__main__":
    main()
