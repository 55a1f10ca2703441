"""Runs a command and fails if one of its processes held more memory than allowed. usage: memory.py MEGABYTES COMMAND…"""
import resource
import subprocess
import sys

code = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{used:.0f} MB resident at most")
sys.exit(1 if used > float(sys.argv[1]) or code not in (0, 130) else 0)
