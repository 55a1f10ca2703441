"""Runs a command and fails unless it ends with the wanted code. usage: exit_code.py CODE COMMAND…"""
import subprocess
import sys

code = subprocess.run(sys.argv[2:]).returncode
print(f"exit {code}, wanted {sys.argv[1]}")
sys.exit(code != int(sys.argv[1]))
