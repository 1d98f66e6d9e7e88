"""How the figures are shown, as tables in Markdown, and what ours are held against."""

from dataclasses import dataclass

MB = 1_000_000


@dataclass
class Row:
    key: str
    title: str
    unit: str

    def show(self, value: float | None) -> str:
        if value is None:
            return "–"
        if self.unit == "MB":
            return f"{value / MB:,.2f} MB"
        if self.unit == "s":
            return f"{value:.4f} s"
        if self.unit == "ms":
            return f"{value:.1f} ms"
        return f"{value:.1f}" if 0 < value < 100 and value != int(value) else f"{value:,.0f}"


FIGURES = [
    Row("binary", "binary and plugins, stripped", "MB"),
    Row("mapped", "with the libraries that it runs with", "MB"),
    Row("rss_first", "RSS before the first publish", "MB"),
    Row("anonymous_first", "  of it anonymous", "MB"),
    Row("rss_after", "RSS after the first publish", "MB"),
    Row("anonymous_after", "  of it anonymous", "MB"),
    Row("rss_last", "RSS at the end", "MB"),
    Row("anonymous_last", "  of it anonymous", "MB"),
    Row("file_last", "  of files", "MB"),
    Row("threads", "threads", ""),
    Row("total", "CPU a minute", "s"),
    Row("user", "  user, by the clock's ticks", "s"),
    Row("system", "  system, by the clock's ticks", "s"),
    Row("voluntary", "context switches a minute", ""),
    Row("involuntary", "  involuntary", ""),
    Row("instructions", "instructions a sample, user space", ""),
    Row("calls", "system calls a sample", ""),
    Row("wire", "bytes on the wire a publish", ""),
    Row("start", "exec to first reading, under strace", "ms"),
    Row("start_least", "  least of 11", "ms"),
    Row("flush", "SIGTERM to exit, delivered", "ms"),
    Row("flush_least", "  least of 11", "ms"),
    Row("delivered", "  delivered, of 11 times", ""),
]
OLDER = "agent 0.1.11"
# What ours should stay within where it only publishes.
TARGETS = [
    ("binary", 5.3e6), ("rss_last", 3.8e6), ("anonymous_last", 0.85e6), ("total", 0.0095), ("instructions", 32_000),
    ("calls", 4), ("threads", 1), ("start", 2), ("flush", 7),
]  # fmt: skip
# Which part of the older agent's ours should stay within.
PARTS = [("binary", 4), ("rss_last", 3.5), ("total", 10), ("flush", 50)]


def markdown(rows: list[Row], medians: dict[str, dict]) -> str:
    """The first one is ours, and others are in multiples of it."""
    ours, *others = medians
    lines = [f"| | {' | '.join(medians)} |", f"| --- |{' --- |' * len(medians)}"]
    for row in rows:
        mine = medians[ours].get(row.key)
        cells = [f"**{row.show(mine)}**"]
        for name in others:
            value = medians[name].get(row.key)
            known = value is not None and mine
            cells.append(row.show(value) + (f" ({value / mine:.{1 if value < 10 * mine else 0}f}×)" if known else ""))
        title = row.title.strip()
        lines.append(f"| {'… ' if row.title != title else ''}{title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def print_targets(of: str, rows: list[Row], mine: dict, targets: list[tuple[str, float]]) -> None:
    by_key = {row.key: row for row in rows}
    print(f"| {of} | at most | measured | |\n| --- | --- | --- | --- |")
    for key, most in targets:
        row, value = by_key[key], mine[key]
        print(f"| {full_title(key, rows)} | {row.show(most)} | {row.show(value)} | {verdict(value <= most)} |")


def print_parts(mine: dict, older: dict) -> None:
    print(f"\n| of {OLDER}'s | at most | measured | |\n| --- | --- | --- | --- |")
    for key, part in PARTS:
        value, theirs = mine[key], older[key]
        if theirs is not None:
            print(f"| {full_title(key, FIGURES)} | 1/{part} | 1/{theirs / value:.1f} | {verdict(theirs >= part * value)} |")


def full_title(key: str, rows: list[Row]) -> str:
    """A row that is a part of the one before is named with it."""
    place = next(place for place, row in enumerate(rows) if row.key == key)
    title = rows[place].title
    if title.startswith("  "):
        whole = next(row.title for row in reversed(rows[:place]) if not row.title.startswith("  "))
        return f"{whole}, {title.strip()}"
    return title


def verdict(met: bool) -> str:
    return "met" if met else "**missed**"
