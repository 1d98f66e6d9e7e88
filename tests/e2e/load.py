"""Puts a known load on the machine: keeps one CPU busy and holds a percent of the memory.

    python load.py MEMORY_PERCENT                   all the time, until it is ended
    python load.py MEMORY_PERCENT PERIOD FROM TO    between these seconds of each period only

The periods are multiples of PERIOD since the Unix epoch. Prints one line when the load stands, and
ends by itself when its parent is gone.
"""

import mmap
import os
import sys
import time


def main(memory_percent, period=1.0, begin=0.0, end=1.0):
    parent = os.getppid()
    held = None
    announced = False
    while os.getppid() == parent:
        into_period = time.time() % period
        if begin <= into_period < end:
            held = held or hold(memory_percent)
        elif held:
            held.close()
            held = None
        if not announced:
            print("ready", flush=True)
            announced = True
        if held:
            spin()
        else:
            time.sleep((begin - into_period) % period)


def hold(percent):
    """Shared memory: a formula that takes it for page cache, as /proc/meminfo does, misses it."""
    size = max(int(os.sysconf("SC_PHYS_PAGES") * percent / 100), 1) * mmap.PAGESIZE
    memory = mmap.mmap(-1, size, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
    for page in range(0, size, mmap.PAGESIZE):
        memory[page] = 1
    return memory


def spin():
    """A few milliseconds of nothing but CPU."""
    for _ in range(100_000):
        pass


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
