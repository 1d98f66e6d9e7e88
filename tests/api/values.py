"""Claims about metrics and their points."""

from __future__ import annotations

import os
import time
from pathlib import Path

from service import equal, near, true, until
from world import HOUR_MS, TYPES, World

MIN5_MS = 300_000
MIN60_MS = 3_600_000


def metrics_are_those_of_the_check(world: World) -> None:
    for check in ("cpus", "load", "memory", "root-disk"):
        expected = world.metrics_of(TYPES[check])

        def names() -> list[str]:
            return [metric.name for metric in world.driver.list_metrics("self", check)]

        # Rates are there with the second run only.
        until(
            lambda: set(names()) == set(expected),
            lambda: f"metrics of {check}: {names()} and not {sorted(expected)}",
        )
        equal(names(), sorted(expected), f"the order of the metrics of {check}")
        listed = world.service.get(f"/entities/self/checks/{check}/metrics")["values"]
        for metric in listed:
            of_type = expected[metric["name"]]
            what = f"{metric['name']} of {check}"
            equal(metric["unit"], of_type["unit"], f"the unit of {what}")
            if of_type["type"] == "string":
                equal(metric["type"], "s", f"the type of {what}")
            else:
                true(metric["type"] in list("iIlLnD"), f"the type of {what} is {metric['type']}")
                equal(metric["kind"], of_type["kind"], f"the kind of {what}")


def utilization_has_cpu_and_memory_in_percent(world: World) -> None:
    def units() -> dict:
        listed = world.service.get("/v1.0/self/entities/self/checks/utilization/metrics")["values"]
        return {metric["name"]: (metric["unit"], metric["kind"]) for metric in listed}

    expected = {"cpu": ("percent", "gauge"), "memory": ("percent", "gauge")}
    until(lambda: expected.items() <= units().items(), lambda: f"{units()} and not {expected}")
    for metric in expected:
        for point in world.points("utilization", metric, 1000):
            true(0 <= point.average <= 100, f"{metric} is {point.average}")


def a_check_that_is_off_has_no_metrics(world: World) -> None:
    equal([metric.name for metric in world.driver.list_metrics("self", "idle")], [], "metrics of idle")


def values_are_those_of_the_machine(world: World) -> None:
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    disk = os.statvfs("/")
    cpus = sum(line[:3] == "cpu" and line[3] != " " for line in Path("/proc/stat").read_text().splitlines())
    for check, metric, expected in [
        ("memory", "total", 1024 * int(memory["MemTotal"].split()[0])),
        ("root-disk", "total", disk.f_blocks * disk.f_frsize / 1024),
        ("cpus", "cpu_count", cpus),
    ]:
        # FULL, MIN5 and MIN60 of an hour.
        for points in (1000, 12, 1):
            plotted = until(lambda: world.points(check, metric, points), f"points of {metric} of {check}")
            for point in plotted:
                near(point.average, expected, f"{metric} of {check} with points={points}")


def full_points_are_single_values_in_order(world: World) -> None:
    def three() -> list:
        plotted = world.points("utilization", "cpu", 1000)
        return plotted if len(plotted) >= 3 else []

    plotted = until(three, "three points of cpu")
    now = int(time.time() * 1000)
    times = [point.name for point in plotted]
    equal(times, sorted(set(times)), "the times")
    true(now - HOUR_MS - 1000 <= times[0] and times[-1] < now, f"times from {times[0]} to {times[-1]} at {now}")
    equal({point.numPoints for point in plotted}, {1}, "numPoints at full resolution")
    for point in world.full("utilization", "cpu", times[0], times[-1] + 1):
        equal(
            (point["average"], point["average"], 0), (point["min"], point["max"], point["variance"]),
            f"average, average and 0 of the point of {point['timestamp']} are min, max, variance",
        )


def a_range_has_its_begin_and_not_its_end(world: World) -> None:
    def three() -> list:
        plotted = world.points("utilization", "cpu", 1000)
        return plotted if len(plotted) >= 3 else []

    times = [point.name for point in until(three, "three points of cpu")]
    found = [point["timestamp"] for point in world.full("utilization", "cpu", times[0], times[2])]
    equal(found, times[:2], f"from={times[0]}, to={times[2]}")


def rollups_are_made_of_the_full_points(world: World) -> None:
    for check, metric in [("utilization", "cpu"), ("load", "1m"), ("memory", "actual_used")]:
        for points, length in [(12, MIN5_MS), (1, MIN60_MS)]:
            buckets = until(lambda: world.points(check, metric, points), f"points of {metric} of {check}")
            now = int(time.time() * 1000)
            full = world.full(check, metric, buckets[0].name, now)
            for bucket in buckets:
                what = f"{metric} of {check}, bucket {bucket.name} with points={points}"
                equal(bucket.name % length, 0, f"{what}: the start")
                # The last one is still open, and got more since; points only come at its end.
                inside = [point for point in full if 0 <= point["timestamp"] - bucket.name < length]
                true(1 <= bucket.numPoints <= len(inside), f"{what}: {bucket.numPoints} of {len(inside)} points")
                first = [point["average"] for point in inside[: bucket.numPoints]]
                near(bucket.average, sum(first) / len(first), what)


def following_the_pages_gives_every_point_once(world: World) -> None:
    plotted = until(lambda: world.points("utilization", "memory", 1000), "points of memory")
    begin, end = plotted[0].name, plotted[-1].name + 1
    path = "/v1.0/self/entities/self/checks/utilization/metrics/memory/plot"
    query = f"from={begin}&to={end}&resolution=FULL"
    whole = [point["timestamp"] for point in world.full("utilization", "memory", begin, end)]
    for limit in (1, 2, 7):
        pages = list(world.service.pages(f"{path}?{query}&limit={limit}"))
        equal([point["timestamp"] for page in pages for point in page["values"]], whole, f"pages of {limit}")
        for page in pages:
            true(1 <= len(page["values"]) <= limit, f"a page of {len(page['values'])} with limit={limit}")
            equal(page["metadata"]["count"], len(page["values"]), "count")
            equal(page["metadata"]["resolution"].upper(), "FULL", "resolution")


def following_the_pages_gives_every_metric_once(world: World) -> None:
    path = "/v1.0/self/entities/self/checks/cpus/metrics"
    whole = [metric["name"] for metric in world.service.get(path)["values"]]
    pages = list(world.service.pages(f"{path}?limit=3"))
    equal([metric["name"] for page in pages for metric in page["values"]], whole, "pages of 3")
    equal(len(pages), -(-len(whole) // 3), "the number of pages")
    equal(pages[0]["metadata"]["next_marker"], whole[3], "the marker, the first of the next page")
    equal(pages[-1]["metadata"]["next_marker"], None, "the marker of the last page")


CLAIMS = [
    metrics_are_those_of_the_check,
    utilization_has_cpu_and_memory_in_percent,
    a_check_that_is_off_has_no_metrics,
    values_are_those_of_the_machine,
    full_points_are_single_values_in_order,
    a_range_has_its_begin_and_not_its_end,
    rollups_are_made_of_the_full_points,
    following_the_pages_gives_every_point_once,
    following_the_pages_gives_every_metric_once,
]
