"""Prints a line for each window that fake-cloudwatch takes, whose output it reads, for scripts/demo.sh."""

import json
import sys
import time
from itertools import groupby

# As show.py prints them of the local CloudWatch of ../compose.yaml.
METRICS = ["CPUUtilization", "MaxCPUUtilization", "MemoryUtilization", "MaxMemoryUtilization"]


def main() -> None:
    address = sys.stdin.readline().strip()
    if not address:
        sys.exit("demo: the local CloudWatch does not start")
    print(f"the local CloudWatch at {address} waits for the first window", flush=True)
    for line in sys.stdin:
        # A request may have several windows.
        for start, datums in groupby(json.loads(line)["datums"], lambda datum: datum["timestamp"]):
            # Those of checks are statistic sets, without values.
            all_of_it = list(datums)
            values = {datum["name"]: datum["values"][-1] for datum in all_of_it if datum["values"]}
            shown = [f"{name} {values[name]:.1f} %" for name in METRICS if name in values]
            begin = time.strftime("%H:%M:%S", time.localtime(start))
            print(begin, *shown, f"and {len(all_of_it) - len(shown)} more", sep="  ", flush=True)


if __name__ == "__main__":
    main()
