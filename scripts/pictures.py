#!/usr/bin/env python3
"""Draws docs/pictures/live.svg and docs/pictures/minute.svg from a real run.

    sudo python3 scripts/pictures.py BINARY

A small service runs in a control group with half a core and 256 MiB, and the agent measures it for three minutes: on
a terminal of its own, whose last screen is live.svg, and into a history, whose samples of one whole minute are
minute.svg. Nothing is drawn that was not measured. Needs root, because it makes a control group.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs/pictures"
ROWS, COLUMNS = 24, 88
CORES, MEMORY = 0.5, 256 << 20
MIB = 1 << 20

# ---------------------------------------------------------------- the service and its control group

# In each minute: quiet, then seven seconds of all the CPU that there is and two thirds of the memory.
SERVICE = """
import time
held = bytearray(70 << 20)
for place in range(0, len(held), 4096):
    held[place] = 1
more, step = [], 0
while True:
    second, step = time.time() % 60, step + 1
    if 21 <= second < 28:
        if len(more) < 130:
            more.append(bytearray(b"x" * (1 << 20)))
        end = time.monotonic() + 0.04
    else:
        more = []
        end = time.monotonic() + 0.002 + 0.003 * (step * 7 % 11) / 11
    while time.monotonic() < end:
        pass
    if not 21 <= second < 28:
        time.sleep(0.05)
"""


class Group:
    """A control group with limits, of version 1 or 2."""

    def __init__(self) -> None:
        name = f"pictures-{os.getpid()}"
        period = 100_000
        quota = int(CORES * period)
        mounts = Path("/sys/fs/cgroup")
        if (mounts / "cgroup.controllers").exists():
            (mounts / "cgroup.subtree_control").write_text("+cpu +memory")
            self.folders = [mounts / name]
            settings = {"cpu.max": f"{quota} {period}", "memory.max": str(MEMORY), "cpu.weight": "10000"}
        else:
            self.folders = [mounts / part / name for part in ("cpu", "cpuacct", "memory")]
            settings = {
                "cpu.cfs_quota_us": str(quota),
                "memory.limit_in_bytes": str(MEMORY),
                "cpu.shares": "200000",
            }
        for folder in self.folders:
            folder.mkdir(exist_ok=True)
        for file, value in settings.items():
            folder = next(folder for folder in self.folders if (folder / file).exists())
            (folder / file).write_text(value)

    def enter(self) -> None:
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        for folder in self.folders:
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.1)


# ---------------------------------------------------------------- the terminal


class Screen:
    """As much of a terminal as the agent's live view uses."""

    def __init__(self) -> None:
        self.cells = [[(" ", "")] * COLUMNS for _ in range(ROWS)]
        self.row = self.column = 0
        self.style = ""

    def feed(self, text: str) -> None:
        for escaped, parameters, final, plain in re.findall(r"(\x1b\[([\d;?]*)([A-Za-z]))|([^\x1b])", text):
            if not escaped:
                self.put(plain)
            elif final == "m":
                self.style = parameters if parameters not in ("", "0") else ""
            elif final == "A":
                self.row = max(0, self.row - int(parameters or 1))
            elif final in "KJ":
                self.cells[self.row][self.column :] = [(" ", "")] * (COLUMNS - self.column)
                if final == "J":
                    self.cells[self.row + 1 :] = [[(" ", "")] * COLUMNS for _ in self.cells[self.row + 1 :]]

    def put(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
            if self.row == ROWS:
                self.cells = self.cells[1:] + [[(" ", "")] * COLUMNS]
                self.row -= 1
        elif character >= " ":
            if self.column == COLUMNS:
                self.put("\r")
                self.put("\n")
            self.cells[self.row][self.column] = (character, self.style)
            self.column += 1

    def rows(self) -> list[list[tuple[str, str]]]:
        used = [row for row in self.cells if any(character != " " for character, _ in row)]
        return used


WIDTH, HEIGHT, MARGIN, BAR = 8, 18, 14, 30
# Foreground colours of the terminal, by the codes that the agent sends.
COLOURS = {"": "#d6deeb", "1": "#ffffff", "2": "#8695b0", "32": "#7fd88f", "33": "#f2c666", "36": "#4cc3ff", "35": "#c79bff"}
BLOCKS = " ▁▂▃▄▅▆▇█"


def drawn(rows: list[list[tuple[str, str]]], command: str) -> str:
    width = COLUMNS * WIDTH + 2 * MARGIN
    height = (len(rows) + 1) * HEIGHT + 2 * MARGIN + BAR
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        "<title>The live view of the agent in a terminal</title>",
        "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#101826"/>',
    ]
    for place, colour in enumerate(("#ff6159", "#ffbd2e", "#28c941")):
        out.append(f'<circle cx="{MARGIN + 6 + place * 20}" cy="{BAR / 2 + 3}" r="6" fill="{colour}"/>')
    lines = [[(character, "2") for character in f"$ {command}"]] + rows
    for number, row in enumerate(lines):
        top = BAR + MARGIN + number * HEIGHT
        column = 0
        while column < len(row):
            style = row[column][1]
            block = row[column][0] in BLOCKS[1:]
            end = column
            while end < len(row) and row[end][1] == style and (row[end][0] in BLOCKS[1:]) == block:
                end += 1
            text = "".join(character for character, _ in row[column:end])
            colour = COLOURS.get(style, COLOURS[""])
            if block:
                for place, character in enumerate(text, column):
                    filled = HEIGHT * BLOCKS.index(character) / 8
                    out.append(
                        f'<rect x="{MARGIN + place * WIDTH}" y="{top + HEIGHT - filled:g}" width="{WIDTH}" '
                        f'height="{filled:g}" fill="{colour}"/>'
                    )
            elif text.strip():
                start = column + len(text) - len(text.lstrip())
                text = text.strip()
                weight = ' font-weight="600"' if style == "1" else ""
                out.append(
                    f'<text x="{MARGIN + start * WIDTH}" y="{top + 13}" textLength="{len(text) * WIDTH}" '
                    f'lengthAdjust="spacingAndGlyphs" fill="{colour}"{weight}>{escape(text)}</text>'
                )
            column = end
    return "\n".join([*out, "</svg>"]) + "\n"


# ---------------------------------------------------------------- the minute

MINUTE_STYLE = """<style>
text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#1f2733}
.title{font-size:15px;font-weight:600}.small{font-size:12px;fill:#5b6675}
.back{fill:#ffffff}.grid{stroke:#d9dee6}.cpu{fill:#2f7fd1}.memory{fill:#8a5fd0}
.line{stroke:#c2410c;stroke-width:2;stroke-dasharray:6 4;fill:none}.said{fill:#c2410c;font-weight:600}
.peak{fill:#1f2733;font-weight:600}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9aa7b8}.back{fill:#0d1117}.grid{stroke:#2b3440}
.cpu{fill:#58a6ff}.memory{fill:#b794f6}.line{stroke:#ff9b5e}.said{fill:#ff9b5e}.peak{fill:#e6edf3}}
</style>"""


def minute(series: dict[str, list[tuple[float, float]]]) -> str:
    """One panel for each of CPU and memory; the samples are (second of the minute, percent)."""
    left, width, height, gap, top = 48, 560, 120, 62, 44
    full = (left + width + 152, top + 2 * height + gap + 46)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full[0]} {full[1]}" width="{full[0]}" height="{full[1]}" role="img">',
        "<title>One minute of CPU and memory, measured every 0.9 seconds: the average hides the peak</title>",
        MINUTE_STYLE,
        f'<rect class="back" width="{full[0]}" height="{full[1]}" rx="8"/>',
    ]
    for number, (name, values) in enumerate(series.items()):
        base = top + number * (height + gap)
        average = sum(value for _, value in values) / len(values)
        peak_second, peak = max(values, key=lambda pair: pair[1])
        out.append(f'<text class="title" x="{left}" y="{base - 12}">{name}, percent of the limit</text>')
        for percent in (0, 50, 100):
            y = base + height * (1 - percent / 100)
            out.append(f'<line class="grid" x1="{left}" x2="{left + width}" y1="{y:g}" y2="{y:g}"/>')
            out.append(f'<text class="small" x="{left - 8}" y="{y + 4:g}" text-anchor="end">{percent}</text>')
        for second, value in values:
            x = left + second / 60 * width
            out.append(
                f'<rect class="{name.lower()}" x="{x - 6.4:.1f}" y="{base + height * (1 - value / 100):.1f}" '
                f'width="7" height="{height * value / 100:.1f}"/>'
            )
        y = base + height * (1 - average / 100)
        out.append(f'<line class="line" x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        beside = left + width + 10
        out.append(f'<text class="said" x="{beside}" y="{y + 4:.1f}">average {average:.0f} %</text>')
        y = base + height * (1 - peak / 100)
        out.append(f'<text class="peak" x="{beside}" y="{y + 4:.1f}">highest {peak:.0f} %</text>')
    y = top + 2 * height + gap + 20
    for second in range(0, 61, 10):
        out.append(
            f'<text class="small" x="{left + second / 60 * width:g}" y="{y}" text-anchor="middle">{second} s</text>'
        )
    count = len(next(iter(series.values())))
    out.append(
        f'<text class="small" x="{left}" y="{y + 20}">{count} samples of one minute. A graph of averages has one point '
        "for all of them: the dashed line.</text>"
    )
    return "\n".join([*out, "</svg>"]) + "\n"


def samples(binary: str, store: str, metric: str, start: int) -> list[tuple[float, float]]:
    asked = [binary, "query", f"utilization/{metric}", "--store", store, "--output", "json"]
    asked += ["--from", str(start * 1000), "--to", str((start + 60) * 1000), "--resolution", "FULL"]
    answer = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    points = [(value["timestamp"] / 1000 - start, value["average"]) for value in answer["values"]]
    # The sample that the two minutes share belongs to the one before.
    return [point for point in points if 0 < point[0] <= 60]


# ---------------------------------------------------------------- all of it


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    binary = str(Path(sys.argv[1]).resolve())
    work = tempfile.mkdtemp()
    store = f"{work}/history"
    group = Group()
    service = subprocess.Popen([sys.executable, "-c", SERVICE], preexec_fn=group.enter)
    options = ["--dry-run", "--namespace", "MyApp", "--service", "web"]
    try:
        # A whole minute, and what comes before and after it.
        start = (int(time.time()) // 60 + 1) * 60
        pid, terminal = pty.fork()
        if pid == 0:
            group.enter()
            os.environ |= {"TERM": "xterm-256color", "TZ": "UTC"}
            os.execv(binary, [binary, *options, "--scope", "container", "--store", store])
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        screen, rest, end = Screen(), b"", start + 78
        while time.time() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                rest += os.read(terminal, 65536)
                # Whole lines, and whole sequences in them.
                cut = rest.rfind(b"\n") + 1
                screen.feed(rest[:cut].decode())
                rest = rest[cut:]
        # The row that is being written has no end yet.
        screen.feed(rest.decode(errors="ignore").partition("\x1b[J")[0])
        os.kill(pid, 15)
        while True:
            try:
                if not os.read(terminal, 65536):
                    break
            except OSError:
                break
        os.waitpid(pid, 0)
        PICTURES.mkdir(exist_ok=True)
        shown = " ".join(["cloudwatch_metrics_agent", *options])
        (PICTURES / "live.svg").write_text(drawn(screen.rows(), shown))
        series = {"CPU": samples(binary, store, "cpu", start), "Memory": samples(binary, store, "memory", start)}
        (PICTURES / "minute.svg").write_text(minute(series))
    finally:
        service.kill()
        service.wait()
        group.remove()
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
