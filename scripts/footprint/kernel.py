"""The kernel's share of a sample: what each source of the same numbers costs, whether it tells the same, and the
least that a sample can cost. kernel.c does the sleeps and reads, and nothing else.

    kernel.py [--samples N] [--rounds N]      prints the tables of docs/footprint.md in Markdown; 3 minutes

Warm is the average of reads without a pause. Cold is the median of one read every 0.9 s, as a sample's: by then other
programs have had the caches. All cold programs run at the same time, each a little after the one before."""

import argparse
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import time

import process
from contenders import INTERVAL_SECONDS, OURS

WORK = pathlib.Path("target/footprint")
PROGRAM = WORK / "kernel"
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
WARM_TIMES = 5_000
# Between the starts of two programs.
APART_SECONDS = 0.07


def first_that_exists(*paths: str) -> str | None:
    return next((path for path in paths if os.path.exists(path)), None)


def own_memory_group() -> str | None:
    """The directory of this process' group that counts memory, which a container's agent reads."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return first_that_exists(f"/sys/fs/cgroup/memory{path}", "/sys/fs/cgroup/memory")
    own = pathlib.Path("/proc/self/cgroup").read_text().rpartition("::")[2].strip()
    return first_that_exists(f"/sys/fs/cgroup{own}")


# The root of version 2 is the machine's; seen from within a container it is the container's.
CPU_STAT = first_that_exists("/sys/fs/cgroup/unified/cpu.stat", "/sys/fs/cgroup/cpu.stat")
CPUACCT = first_that_exists("/sys/fs/cgroup/cpuacct/cpuacct.usage", "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage")
MEMORY = own_memory_group()
# The group of the machine itself, the root of version 2, has no memory.current: then nothing is measured of a container.
MEMORY_USED = MEMORY and first_that_exists(f"{MEMORY}/memory.usage_in_bytes", f"{MEMORY}/memory.current")
MEMORY_STAT = MEMORY and first_that_exists(f"{MEMORY}/memory.stat")
NODE = first_that_exists("/sys/devices/system/node/node0/meminfo")
STAT, MEMINFO, ONLINE = "/proc/stat", "/proc/meminfo", "/sys/devices/system/cpu/online"


def reads() -> dict[str, str]:
    """The name of each read, and how kernel.c is told."""
    known = {
        "a system call that does nothing (`getppid`)": "getppid",
        "`/proc/stat`, the first 4 kB": f"4096:{STAT}",
        "`/proc/stat`, the first byte": f"1:{STAT}",
        "`/proc/stat`, opened and closed each time": f"open:{STAT}",
        "`/proc/uptime`": "4096:/proc/uptime",
        "root `cpu.stat` (version 2)": CPU_STAT and f"4096:{CPU_STAT}",
        "root `cpuacct.usage` (version 1)": CPUACCT and f"4096:{CPUACCT}",
        "`/sys/devices/system/cpu/online`": f"4096:{ONLINE}",
        "the same, opened and closed each time": f"open:{ONLINE}",
        "`/proc/meminfo`": f"4096:{MEMINFO}",
        "`node0/meminfo`": NODE and f"4096:{NODE}",
        "`/proc/vmstat`, whole": "16384:/proc/vmstat",
        "`sysinfo(2)`": "sysinfo",
        "memory used by a group": MEMORY_USED and f"4096:{MEMORY_USED}",
        "`memory.stat` of a group": MEMORY_STAT and f"4096:{MEMORY_STAT}",
    }
    return {name: read for name, read in known.items() if read}


def programs() -> dict[str, tuple[str, list[str]]]:
    """What takes samples: its name, how it sleeps, and what it reads."""
    stat, meminfo, cpu_stat = f"4096:{STAT}", f"4096:{MEMINFO}", f"4096:{CPU_STAT}"
    known = {
        "`nanosleep` alone": ("nanosleep", []),
        "`epoll_wait` and `timerfd` alone, as the agent sleeps": ("timerfd", []),
        "machine: `/proc/stat` and `/proc/meminfo`, `timerfd`": ("timerfd", [stat, meminfo]),
        "machine: the same, `nanosleep`": ("nanosleep", [stat, meminfo]),
    }
    if CPU_STAT:
        known["machine: root `cpu.stat` and `/proc/meminfo`, `timerfd`"] = ("timerfd", [cpu_stat, meminfo])
        known["machine: root `cpu.stat` and `/proc/meminfo`, `nanosleep`"] = ("nanosleep", [cpu_stat, meminfo])
    if has_container():
        container = [f"4096:{CPUACCT or CPU_STAT}", f"4096:{MEMORY_USED}", f"4096:{MEMORY_STAT}"]
        known["container: CPU time, memory used and `memory.stat`, `timerfd`"] = ("timerfd", container)
        known["container: the same, `nanosleep`"] = ("nanosleep", container)
    return known


def has_container() -> bool:
    """Whether this process is in a group of which all can be read that an agent reads of a container's."""
    return all((CPUACCT or CPU_STAT, MEMORY_USED, MEMORY_STAT))


def output(command: list[str]) -> dict[str, float]:
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return parsed(text)


def parsed(text: str) -> dict[str, float]:
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines()}


def cold(samples: int) -> tuple[dict[str, float], dict[str, float]]:
    """Microseconds of each read, and of a sample of each program and of the agent."""
    commands = {name: [PROGRAM, "cold", str(samples), sleep, *told] for name, (sleep, told) in programs().items()}
    # Each read in a program of its own, so that none warms what the next needs.
    single = {name: [PROGRAM, "cold", str(samples), "timerfd", told] for name, told in reads().items()}
    running, agents = {}, {}
    try:
        for scope in ("host", "container") if has_container() else ("host",):
            options = ["--dry-run", "--period=86400", f"--sample-interval={INTERVAL_SECONDS}", f"--scope={scope}"]
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            agents[scope] = subprocess.Popen([OURS, *options], env={}, **quiet)
            time.sleep(APART_SECONDS)
        for name, command in (commands | {f"read {name}": command for name, command in single.items()}).items():
            running[name] = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
            time.sleep(APART_SECONDS)
        # The agents have started and are at rest; between two samples, whichever those are.
        process.Samples(list(agents.values())[-1]).wait(2)
        begun = time.monotonic()
        before = {scope: process.cpu_seconds(agent.pid)["total"] for scope, agent in agents.items()}
        told = {name: parsed(program.communicate()[0]) for name, program in running.items()}
        count = (time.monotonic() - begun) / INTERVAL_SECONDS
        used = {scope: process.cpu_seconds(agent.pid)["total"] for scope, agent in agents.items()}
    finally:
        for program in (*running.values(), *agents.values()):
            program.kill()
            program.wait()
    if failed := [name for name, program in running.items() if program.returncode != 0]:
        raise RuntimeError(f"these did not measure: {failed}")
    of_reads = {name: told[f"read {name}"][read] for name, read in reads().items()}
    of_samples = {name: told[name]["sample"] for name in commands}
    for scope in agents:
        name = {"host": "machine", "container": "container"}[scope]
        of_samples[f"{name}: this agent"] = 1e6 * (used[scope] - before[scope]) / count
    return of_reads, of_samples


def columns() -> dict[str, float]:
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
    line = pathlib.Path(STAT).read_text().splitlines()[0].split()[1:]
    return {name: TICK_SECONDS * int(ticks) for name, ticks in zip(names, line, strict=True)}


def truth() -> dict[str, float]:
    """Seconds, from every source, as close together as can be."""
    told = columns()
    if CPU_STAT:
        told |= {f"cpu.stat {line.split()[0]}": int(line.split()[1]) / 1e6 for line in pathlib.Path(CPU_STAT).read_text().splitlines()[:3]}
    if CPUACCT:
        told["cpuacct.usage"] = int(pathlib.Path(CPUACCT).read_text()) / 1e9
    uptime, idle = map(float, pathlib.Path("/proc/uptime").read_text().split())
    return told | {"uptime": uptime, "uptime idle": idle}


def same(seconds: float = 10) -> None:
    """One busy process, one busy and nice, one that makes system calls and one that writes to the disk, then what each source says of it."""
    WORK.mkdir(parents=True, exist_ok=True)
    busy = "while True: pass"
    calls = "import os\nwhile True: os.stat('/')"
    disk = f"import os\nfile = open('{WORK}/written', 'wb')\nwhile True: file.seek(0); file.write(bytes(1 << 20)); os.fsync(file)"
    load = [[sys.executable, "-c", busy], ["nice", sys.executable, "-c", busy], [sys.executable, "-c", calls], [sys.executable, "-c", disk]]
    begun = truth()
    running = [subprocess.Popen(command) for command in load]
    try:
        time.sleep(seconds)
    finally:
        for program in running:
            program.kill()
            program.wait()
        (WORK / "written").unlink(missing_ok=True)
    ended = truth()
    grew = {name: ended[name] - begun[name] for name in ended}
    work = sum(grew[name] for name in ("user", "nice", "system", "irq", "softirq", "steal"))
    print("\n| CPU time of the same moments | seconds | less than all work by | before that, since the machine's start |\n| --- | --- | --- | --- |")
    all_work = sum(begun[name] for name in ("user", "nice", "system", "irq", "softirq", "steal"))
    told = {
        "all work by `/proc/stat`: user + nice + system + irq + softirq + steal": (work, all_work),
        "the same without steal": (work - grew["steal"], all_work - begun["steal"]),
        "`/proc/uptime`: CPUs × time − idle": (
            os.cpu_count() * grew["uptime"] - grew["uptime idle"],
            os.cpu_count() * begun["uptime"] - begun["uptime idle"],
        ),
    }
    if CPU_STAT:
        told["root `cpu.stat`: `usage_usec`"] = grew["cpu.stat usage_usec"], begun["cpu.stat usage_usec"]
    if CPUACCT:
        told["root `cpuacct.usage`"] = grew["cpuacct.usage"], begun["cpuacct.usage"]
    for name, (seconds_told, at_start) in told.items():
        print(f"| {name} | {seconds_told:.2f} | {work - seconds_told:+.2f} | {at_start:,.2f} |")
    shown = ", ".join(f"{name} {grew[name]:.2f}" for name in columns())
    print(f"\n`/proc/stat` of these moments: {shown}.")


def main() -> None:
    # Who ends this early must not leave anything behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    source = pathlib.Path(__file__).with_suffix(".c")
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-static", "-o", PROGRAM, source], check=True)
    interrupts = next(line for line in pathlib.Path(STAT).read_text().splitlines() if line.startswith("intr"))
    print(f"Linux {platform.release()}, {os.cpu_count()} CPUs, {len(interrupts.split()) - 2} interrupts, `/proc/stat` of "
          f"{len(pathlib.Path(STAT).read_bytes()):,} bytes, load {os.getloadavg()[0]:.1f}; medians of {options.rounds} rounds of {options.samples} samples.\n")  # fmt: skip
    warm_rounds, cold_rounds = [], []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        warm_rounds.append(output([str(PROGRAM), "warm", str(WARM_TIMES), *reads().values()]))
        cold_rounds.append(cold(options.samples))

    def middle(of: list[dict[str, float]], name: str) -> float:
        return statistics.median(each[name] for each in of)

    print("| a read | warm, µs | cold, µs |\n| --- | --- | --- |")
    for name, read in reads().items():
        print(f"| {name} | {middle(warm_rounds, read):.1f} | {middle([of_reads for of_reads, _ in cold_rounds], name):.1f} |")
    print("\n| a sample, all that it takes, the sleep too | µs | s a minute |\n| --- | --- | --- |")
    for name in cold_rounds[0][1]:
        cost = middle([of_samples for _, of_samples in cold_rounds], name)
        print(f"| {name} | {cost:.0f} | {cost / 1e6 * 60 / INTERVAL_SECONDS:.4f} |")
    same()


if __name__ == "__main__":
    main()
