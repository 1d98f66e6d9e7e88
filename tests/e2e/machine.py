"""What the machine really does: a second reading of /proc, beside the one that is being tested."""

import bisect
import dataclasses
import os
import threading
import time

CPUS = os.cpu_count()
READ_EVERY_SECONDS = 0.1


@dataclasses.dataclass
class Reading:
    """CPU counters in clock ticks, of all CPUs together; memory in percent of MemTotal."""

    time: float
    busy: int
    total: int
    memory: float


class Meter(threading.Thread):
    """Reads /proc until it is stopped."""

    def __init__(self):
        super().__init__(daemon=True)
        self._stopped = threading.Event()
        self._readings = [read()]
        self.start()

    def run(self):
        while not self._stopped.wait(READ_EVERY_SECONDS):
            self._readings.append(read())

    def stop(self):
        self._stopped.set()
        self.join()

    def range(self, sample, statistic, start, end, interval):
        """The least and the greatest result that the statistic can have had for the samples that
        a sampler of this interval took in this window: of `cpu` or of `memory`.

        Where the ticks of the sampler lie is unknown, so all places are tried, in steps of half
        a reading. The more the load changed, the further the two are apart.
        """
        count = round((end - start) / interval)
        steps = round(2 * interval / READ_EVERY_SECONDS)
        results = []
        for step in range(steps):
            ticks = [start + interval * (step / steps + n) for n in range(count)]
            results.append(statistic([sample(tick - interval, tick) for tick in ticks]))
        return min(results), max(results)

    def cpu(self, begin, end):
        """Percent of the time between the two moments."""
        (busy, total), (busy_later, total_later) = self._counters(begin), self._counters(end)
        return 100 * (busy_later - busy) / (total_later - total)

    def memory(self, _begin, end):
        """Percent at the second moment."""
        return self._readings[self._index_after(end)].memory

    def _counters(self, moment):
        """Busy and total ticks at this moment, on a line between the readings beside it."""
        after = self._index_after(moment)
        a, b = self._readings[after - 1 : after + 1]
        share = (moment - a.time) / (b.time - a.time)
        return a.busy + share * (b.busy - a.busy), a.total + share * (b.total - a.total)

    def _index_after(self, moment):
        """Of the first reading at or after this moment, which is not the first of all."""
        after = bisect.bisect_left(self._readings, moment, key=lambda reading: reading.time)
        return min(max(after, 1), len(self._readings) - 1)


def tick_percent(interval):
    """What one clock tick of every CPU is of an interval: a sample cannot be more exact."""
    return 100 / (interval * os.sysconf("SC_CLK_TCK"))


def read():
    moment = time.time()
    with open("/proc/stat", encoding="ascii") as stat:
        # After these come guest and guest_nice, which are part of user and nice (proc_stat(5)).
        ticks = [int(column) for column in stat.readline().split()[1:9]]
    idle_and_iowait = sum(ticks[3:5])
    return Reading(moment, sum(ticks) - idle_and_iowait, sum(ticks), read_memory())


def read_memory():
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        kib = {name: int(value) for name, value, *_ in map(str.split, meminfo)}
    cache = kib["Buffers:"] + kib["Cached:"] + kib["SReclaimable:"] - kib["Shmem:"]
    return 100 * (kib["MemTotal:"] - kib["MemFree:"] - cache) / kib["MemTotal:"]
