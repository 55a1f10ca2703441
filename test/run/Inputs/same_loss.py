"""Whether the last validation loss of a run is the loss that `nn eval` printed.

usage: same_loss.py METRICS_JSONL EVAL_OUTPUT
"""
import json
import re
import sys

rows = [json.loads(line) for line in open(sys.argv[1])]
trained = [row["loss"] for row in rows if row.get("split") == "valid"][-1]
printed = float(re.search(r"valid loss (\S+)", open(sys.argv[2]).read())[1])
print(trained, printed)
sys.exit(0 if abs(trained - printed) <= 1e-5 * abs(trained) else 1)
