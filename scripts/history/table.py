"""The figures of all stores as a table in Markdown, with who is best and by how much."""

from __future__ import annotations

import graphite
import points
import prometheus
import rrd

RESOLUTIONS = ["FULL", "MIN5", "MIN20", "MIN60", "MIN240", "MIN1440"]
KEEPS = {
    "ours": "count, average, variance, min, max; FULL 2 days",
    "rrdtool": rrd.KEEPS, "whisper": graphite.KEEPS, "prometheus": prometheus.KEEPS,
}
HOW = {"rrdtool": rrd.HOW, "whisper": graphite.HOW, "prometheus": prometheus.HOW}


def figure(value: float) -> str:
    """Three digits are enough, and more are noise."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"


def best(of: dict[str, float]) -> str:
    """Less is better with everything that is measured here."""
    ranked = sorted(of, key=of.__getitem__)
    if len(ranked) < 2:
        return ""
    first, second = ranked[:2]
    if of[first] == 0:
        return first
    return f"{first}, {of[second] / of[first]:.2g} times better than {second}"


def row(title: str, of: dict[str, float], names: list[str]) -> str:
    ranked = min(of.values(), default=None)
    cells = []
    for name in names:
        if name not in of:
            cells.append("–")
        else:
            text = figure(of[name])
            cells.append(f"**{text}**" if of[name] == ranked and len(of) > 1 else text)
    return f"| {title} | {' | '.join(cells)} | {best(of)} |"


def measured(results: dict[str, dict], of: str, scale: float = 1) -> dict[str, float]:
    return {name: result[of] * scale for name, result in results.items() if of in result}


def markdown(results: dict[str, dict], runs: int) -> str:
    names = list(results)
    slow, days = points.SETS["three-days"]
    counts = {result["points"] for result in results.values()}
    if len(counts) != 1:
        raise SystemExit(f"the stores were not given the same: {results}")
    lines = [
        f"{counts.pop():,} points of {slow + points.FAST_SERIES} series over {days} days ({slow} every 30 s, "
        f"{points.FAST_SERIES} every 0.9 s); medians of {runs} run{'s' if runs > 1 else ''}, bold is best:",
        "",
        f"| | {' | '.join(names)} | best |",
        f"| --- |{' --: |' * len(names)} --- |",
        row("on disk, MB", measured(results, "bytes", 1e-6), names),
        row(
            "bytes a point that was inserted",
            {name: result["bytes"] / result["points"] for name, result in results.items()}, names,
        ),
        row("insert, ns a point", measured(results, "insert_ns_a_point"), names),
        row("insert, ns of CPU a point", measured(results, "insert_cpu_ns_a_point"), names),
    ]
    for resolution in RESOLUTIONS:
        of = {
            name: result["plots_ms"][resolution] for name, result in results.items() if resolution in result["plots_ms"]
        }
        lines.append(row(f"plot {resolution}, ms", of, names))
    lines.append(f"| keeps | {' | '.join(KEEPS[name] for name in names)} | |")
    lines += ["", *(f"- {name}: {HOW[name]}." for name in names if name in HOW)]
    lines.append(
        "- RRDtool and whisper have a step of 1 s for the two fast series, because they have none of 0.9 s. All but "
        "Prometheus are given a minute's points of a series at a time, and Prometheus a minute's points of all."
    )
    chunks = results.get("prometheus", {}).get("bytes_of_chunks")
    if chunks is not None:
        count = results["prometheus"]["points"]
        lines.append(f"- Prometheus' chunks alone, without its index: {figure(chunks / count)} bytes a point.")
    if "ours" in results:
        lines += others(results["ours"])
    return "\n".join(lines)


def others(result: dict) -> list[str]:
    """What only our own bench tells."""
    known = {"points", "bytes", "insert_ns_a_point", "insert_cpu_ns_a_point", "plots_ms"}
    return [
        f"- ours: {key.replace('_', ' ')} {figure(value)}." for key, value in result.items()
        if key not in known and isinstance(value, (int, float))
    ]


def month(result: dict) -> str:
    slow, days = points.SETS["thirty-days"]
    plots = ", ".join(f"{name} {figure(ms)}" for name, ms in result["plots_ms"].items())
    lines = [
        "",
        f"Ours alone, {result['points']:,} points of {slow + points.FAST_SERIES} series over {days} days:",
        "",
        f"- on disk {figure(result['bytes'] / 1e6)} MB, {figure(result['bytes'] / result['points'])} bytes a point "
        f"that was inserted; insert {figure(result['insert_ns_a_point'])} ns a point.",
        f"- plots in ms: {plots}.",
        *others(result),
    ]
    return "\n".join(lines)
