"""Prints what arrives at CloudWatch, a line for each window of the demo (../compose.yaml)."""

import datetime
import time

import boto3

METRICS = ["CPUUtilization", "MaxCPUUtilization", "MemoryUtilization", "MaxMemoryUtilization"]
PERIOD_SECONDS = 10
# How far back and ahead it looks for windows.
HORIZON = datetime.timedelta(minutes=5)
POLL_SECONDS = 2


def stored(cloudwatch, metric: str) -> dict[datetime.datetime, float]:
    """The metric's newest values, by the start of their windows."""
    now = datetime.datetime.now(datetime.timezone.utc)
    answer = cloudwatch.get_metric_statistics(
        Namespace="Demo",
        MetricName=metric,
        Dimensions=[{"Name": "ServiceName", "Value": "demo-service"}],
        StartTime=now - HORIZON,
        EndTime=now + HORIZON,
        Period=PERIOD_SECONDS,
        Statistics=["Average"],
    )
    return {point["Timestamp"]: point["Average"] for point in answer["Datapoints"]}


def main() -> None:
    cloudwatch = boto3.client("cloudwatch")
    print("waiting for the first window")
    shown: set[datetime.datetime] = set()
    while True:
        windows = {metric: stored(cloudwatch, metric) for metric in METRICS}
        complete = set.intersection(*map(set, windows.values()))
        for start in sorted(complete - shown):
            values = (f"{metric} {windows[metric][start]:.1f} %" for metric in METRICS)
            print(f"{start:%H:%M:%S}", *values, sep="  ")
        shown |= complete
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
