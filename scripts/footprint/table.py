"""How the figures are shown, and what ours are held against."""

from dataclasses import dataclass


@dataclass
class Figure:
    key: str
    title: str
    unit: str

    def show(self, value: float | None) -> str:
        if value is None:
            return "-"
        if self.unit == "MB":
            return f"{value / 1e6:.2f}"
        if self.unit == "s":
            return f"{value:.4f}"
        return f"{value:.1f}" if 0 < value < 100 and value != int(value) else f"{value:.0f}"


FIGURES = [
    Figure("binary", "binary and plugins, stripped", "MB"),
    Figure("mapped", "with the libraries it runs with", "MB"),
    Figure("rss_first", "RSS before the first publish", "MB"),
    Figure("anonymous_first", "  anonymous", "MB"),
    Figure("file_first", "  file", "MB"),
    Figure("rss_after", "RSS after the first publish", "MB"),
    Figure("anonymous_after", "  anonymous", "MB"),
    Figure("file_after", "  file", "MB"),
    Figure("rss_last", "RSS at the end", "MB"),
    Figure("anonymous_last", "  anonymous", "MB"),
    Figure("file_last", "  file", "MB"),
    Figure("threads", "threads", ""),
    Figure("total", "CPU a minute", "s"),
    Figure("user", "  user, by the clock's ticks", "s"),
    Figure("system", "  system, by the clock's ticks", "s"),
    Figure("voluntary", "context switches a minute", ""),
    Figure("involuntary", "  involuntary", ""),
    Figure("instructions", "instructions a sample, user space", ""),
    Figure("calls", "system calls a sample", ""),
    Figure("wire", "bytes on the wire a publish", ""),
    Figure("start", "exec to first reading, under strace", "ms"),
    Figure("flush", "SIGTERM to exit, delivered", "ms"),
    Figure("delivered", "  delivered, of 11 times", ""),
]
OLDER = "agent 0.1.11"
# What ours should stay within.
TARGETS = [
    ("binary", 4.0e6),
    ("rss_last", 4.0e6),
    ("anonymous_last", 1.0e6),
    ("total", 0.008),
    ("calls", 8),
    ("start", 15),
    ("flush", 30),
    ("threads", 1),
]
# Which part of the older agent's ours should stay within.
PARTS = [("binary", 4), ("rss_last", 3.5), ("total", 10), ("flush", 50)]


def print_table(medians: dict[str, dict]) -> None:
    (ours, mine), *peers = medians.items()
    rows = [["figure (median)", ours, *(name for name, _ in peers)]]
    for figure in FIGURES:
        key = figure.key
        row = [", ".join(filter(None, [figure.title, figure.unit])), figure.show(mine[key])]
        for _, theirs in peers:
            known = theirs[key] is not None and mine[key]
            row.append(figure.show(theirs[key]) + (f" ({theirs[key] / mine[key]:.1f}x)" if known else ""))
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:])), sep="  ")
    print("\nMB are a million bytes; (x) is how many times ours; - does not apply or cannot be measured.\n")


def print_targets(medians: dict[str, dict]) -> None:
    (_, mine), *_ = medians.items()
    figures = {figure.key: figure for figure in FIGURES}
    titles = {"rss_last": "RSS", "anonymous_last": "  anonymous"}
    print(f"{'target':<44}{'at most':>14}{'ours':>26}")
    for key, most in TARGETS:
        figure, value = figures[key], mine[key]
        title = titles.get(key, figure.title).strip()
        shown = f"{figure.show(value)} {figure.unit}" + (f" ({value / 1024:.0f} kB)" if figure.unit == "MB" else "")
        print(f"{title:<44}{figure.show(most) + ' ' + figure.unit:>14}{shown:>26}  {verdict(value <= most)}")
    for key, part in PARTS:
        theirs, value = medians[OLDER][key], mine[key]
        title = f"{titles.get(key, figures[key].title).strip()}, of {OLDER}'s"
        if theirs is None:
            print(f"{title:<44}{f'1/{part}':>14}{'-':>26}  not measured")
        else:
            print(f"{title:<44}{f'1/{part}':>14}{f'1/{theirs / value:.1f}':>26}  {verdict(theirs >= part * value)}")


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"
