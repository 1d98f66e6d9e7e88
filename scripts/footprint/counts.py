"""What a sample costs, counted: instructions and system calls. Both are differences between two
moments of steady sampling, so that neither start nor end is in them, and nothing is published."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
from collections import Counter

import process
from contenders import INTERVAL_SECONDS, Contender

# Allocations that grow now and then, such as the list of a window's samples, even out over these.
SAMPLES = 20
# By then what is set up at the first samples is.
SETTLED = 3
# Every contender reads the CPU's counters from here for a sample, some in several reads.
COUNTERS = "</proc/stat>"
READ = re.compile(r"^\d+ +(\d+\.\d+) p?read\w*\(\d+" + re.escape(COUNTERS))
CALL = re.compile(r"^\d+ +(\d+\.\d+) (\w+)\(")


@contextlib.contextmanager
def traced(contender: Contender, publish: bool, *options: str):
    """Runs it under strace and gives the lines as they come, which begin with thread and time."""
    reader, writer = os.pipe()
    command = ["strace", "-f", "-y", "-ttt", "-qq", "-s", "0", *options, "-o", f"/dev/fd/{writer}", "--"]
    tracer = contender.start(
        publish, subprocess.DEVNULL, wrapper=command, pass_fds=[writer], start_new_session=True
    )
    os.close(writer)
    try:
        with open(reader) as lines:
            yield lines
    finally:
        # strace and what it runs are a process group of their own.
        os.killpg(tracer.pid, signal.SIGKILL)
        tracer.wait()


def first_sample_ms(contender: Contender) -> float:
    """From exec to the first reading. Only the calls that tell are stopped at."""
    with traced(contender, True, "--seccomp-bpf", "-e", "trace=execve,read,pread64") as lines, contender.asked():
        started = None
        for line in lines:
            # The first of its calls is the exec itself.
            started = started or float(CALL.match(line)[1])
            if read := READ.match(line):
                return (float(read[1]) - started) * 1000
    raise RuntimeError(f"{contender.name} ended before its first sample")


def system_calls(contender: Contender) -> tuple[float, dict[str, float]]:
    """A sample's, of all threads: how many, and how many of each kind."""
    calls, samples, last_read = Counter(), 0, 0.0
    with traced(contender, False) as lines, contender.asked():
        for line in lines:
            if read := READ.match(line):
                at = float(read[1])
                samples += at - last_read > INTERVAL_SECONDS / 3
                last_read = at
                if samples == SETTLED + SAMPLES:
                    each = {name: count / SAMPLES for name, count in calls.most_common()}
                    return sum(each.values()), each
            # A call that another thread interrupts has a second line, which names it `resumed`.
            if samples >= SETTLED and (call := CALL.match(line)):
                calls[call[2]] += 1
    raise RuntimeError(f"{contender.name} ended while it was traced")


def instructions(contender: Contender) -> float | None:
    """A sample's, in user space, of all threads. None where valgrind cannot run the program."""
    if not contender.under_valgrind:
        return None
    with tempfile.TemporaryDirectory(dir="target") as folder:
        counts, log = pathlib.Path(folder, "counts"), pathlib.Path(folder, "log")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", f"--log-file={log}"]
        counted = contender.start(False, subprocess.DEVNULL, wrapper=command)
        try:
            samples = process.Samples(counted)
            samples.wait(SETTLED)
            begun = dump(counted)
            for part in range(2, MOST_PARTS + 1):
                samples.wait(SAMPLES)
                ended = dump(counted)
                if begun and ended:
                    return totals(f"{counts}.{part}") / SAMPLES
                begun = ended
            raise RuntimeError("the machine is too busy to tell one sample from the next")
        except (RuntimeError, subprocess.CalledProcessError) as error:
            raise RuntimeError(f"callgrind did not count {contender.name}: {log.read_text()}") from error
        finally:
            counted.kill()
            counted.wait()


def dump(counted: subprocess.Popen) -> bool:
    """Has the next part written, of what was counted since the last. Whether it was in time: before
    the next sample, since the last one ended just now."""
    started = time.monotonic()
    command = ["vgdb", "--max-invoke-ms=10", f"--pid={counted.pid}", "dump"]
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - started < QUICK_SECONDS


def totals(path: str) -> int:
    lines = pathlib.Path(path).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("totals:"))


# Well before the next sample, where the quiet after the last one is over.
QUICK_SECONDS = 0.3
MOST_PARTS = 4
