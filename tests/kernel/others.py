"""The numbers beside CPU and memory inside a real kernel, against the kernel's own files.

    python tests/kernel/others.py FOLDER [unittest options]

tests/kernel/others.sh fills the folder. Each guest takes about 50 seconds: its windows are real ones.
"""

import calendar
import json
import re
import sys
import time as clock
import unittest

from guest import PERIOD, SAMPLE_INTERVAL, first_from, said_by

SECOND = 10**9
# In points, and as a part of the rate: a sample may begin a second before the window.
PRESSURE_TOLERANCE = 5
RATE_TOLERANCE = 0.25
LEVEL_TOLERANCE = 0.5

MEGABYTE = 1 << 20
MEMORY_BYTES, SWAP_BYTES, MOST_PROCESSES = 64 * MEGABYTE, 128 * MEGABYTE, 40

# The columns of the meter after the moment, as guest/others asks for them.
IO = {
    "disk_read_bytes": 0, "disk_write_bytes": 1, "disk_read_operations": 2, "disk_write_operations": 3,
}
PROCESSES, SWAP, PEAK = 4, 5, 6
PRESSURE = {
    "cpu_pressure": 7, "cpu_full_pressure": 8, "memory_pressure": 9, "memory_full_pressure": 10,
    "io_pressure": 11, "io_full_pressure": 12,
}
MACHINE_PRESSURE = {"cpu_pressure": 13, "memory_pressure": 14, "io_pressure": 15}


class Guest:
    """All that one guest said."""

    def __init__(self, psi):
        command = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "2", "-m", "512", "-nodefaults"]
        command += ["-no-reboot", "-display", "none", "-serial", "stdio"]
        for name in ("data", "swap"):
            command += ["-drive", f"file={FOLDER}/{name}.disk,if=none,id={name},format=raw,cache=unsafe"]
            command += ["-device", f"nvme,serial={name},drive={name}"]
        arguments = f"console=ttyS0 quiet loglevel=1 panic=-1 cgroup_no_v1=all psi={psi}"
        command += ["-kernel", f"{FOLDER}/vmlinuz", "-initrd", f"{FOLDER}/others.gz"]
        command += ["-append", arguments]
        self.said = said_by(command)
        self.start = int(self.said["start"][0])
        self.readings = [tuple(map(int, line.split())) for line in self.said["meter"]]

    def windows(self, agent):
        """The two windows of the loads."""
        windows = {}
        for line in self.said[f"{agent}.out"]:
            window = json.loads(line)
            moment = clock.strptime(window["start"], "%Y-%m-%dT%H:%M:%SZ")
            windows[calendar.timegm(moment)] = window
        return [windows[self.start + number * PERIOD] for number in range(2)]

    def rates(self, column):
        """What a total grew by a second in each window."""
        rates = []
        for number in range(2):
            start = self.start + number * PERIOD
            ends = (start - SAMPLE_INTERVAL / 2, start + PERIOD - SAMPLE_INTERVAL / 2)
            first, last = (first_from(self.readings, round(end * SECOND)) for end in ends)
            growth = last[column + 1] - first[column + 1]
            rates.append(growth / ((last[0] - first[0]) / SECOND))
        return rates

    def levels(self, column):
        """What it was around the end of each window: least and most."""
        levels = []
        for number in range(1, 3):
            end = (self.start + number * PERIOD) * SECOND
            near = [row[column + 1] for row in self.readings if abs(row[0] - end) <= 2 * SECOND]
            levels.append((min(near), max(near)))
        return levels

    def log(self, agent):
        return "\n".join(self.said[f"{agent}.log"])


class WithPressure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.guest = Guest(psi=1)

    def compare(self, agent, columns, tolerance, unit=1):
        for name, column in columns.items():
            for window, kernel in zip(self.guest.windows(agent), self.guest.rates(column)):
                with self.subTest(agent=agent, name=name):
                    kernel = kernel / unit
                    print(f"  {agent:8} {name:22} {window[name]['mean']:14.2f} | {kernel:14.2f}")
                    self.assertAlmostEqual(window[name]["mean"], kernel, delta=tolerance(kernel))

    def test_pressure_is_what_the_kernel_counted(self):
        def points(_):
            return PRESSURE_TOLERANCE

        self.compare("group", PRESSURE, points, unit=10_000)
        self.compare("machine", MACHINE_PRESSURE, points, unit=10_000)
        # Otherwise this would compare nothing with nothing; how much it is depends on the machine.
        self.assertGreater(self.guest.rates(PRESSURE["cpu_pressure"])[0] / 10_000, 1)

    def test_the_disk_is_what_the_kernel_counted(self):
        def part(kernel):
            return RATE_TOLERANCE * kernel

        self.compare("group", IO, part)
        self.assertGreater(self.guest.rates(IO["disk_write_bytes"])[0], MEGABYTE)
        self.assertGreater(self.guest.rates(IO["disk_read_bytes"])[0], MEGABYTE)

    def test_the_machine_has_at_least_the_disk_of_the_group(self):
        for name in IO:
            for group, machine in zip(self.guest.windows("group"), self.guest.windows("machine")):
                least = (1 - RATE_TOLERANCE) * group[name]["mean"]
                self.assertGreaterEqual(machine[name]["mean"], least, name)

    def test_levels_are_what_the_kernel_has(self):
        levels = {"swap": (SWAP, SWAP_BYTES), "process_utilization": (PROCESSES, MOST_PROCESSES)}
        levels["memory_peak"] = (PEAK, MEMORY_BYTES)
        for name, (column, limit) in levels.items():
            for window, (low, high) in zip(self.guest.windows("group"), self.guest.levels(column)):
                with self.subTest(name=name):
                    low, high = 100 * low / limit, min(100, 100 * high / limit)
                    print(f"  group    {name:22} {window[name]:14.2f} | {low:.2f} to {high:.2f}")
                    self.assertGreaterEqual(window[name], low - LEVEL_TOLERANCE)
                    self.assertLessEqual(window[name], high + LEVEL_TOLERANCE)
        for window, (low, high) in zip(self.guest.windows("group"), self.guest.levels(PROCESSES)):
            self.assertIn(window["processes"], range(low, high + 1))
        self.assertGreater(self.guest.windows("group")[0]["swap"], 5)

    def test_the_machine_has_its_own_levels(self):
        window = self.guest.windows("machine")[1]
        total, free = (int(line.split()[1]) for line in self.guest.said["meminfo"])
        self.assertAlmostEqual(window["swap"], 100 * (total - free) / total, delta=LEVEL_TOLERANCE)
        count = int(self.guest.said["loadavg"][0].split("/")[1])
        # Those of the loads come and go.
        self.assertAlmostEqual(window["processes"], count, delta=5)
        most = min(map(int, self.guest.said["most"]))
        percent = 100 * window["processes"] / most
        self.assertAlmostEqual(window["process_utilization"], percent, places=6)

    def test_what_there_is_none_of_is_said_and_nothing_else_is(self):
        expected = {"group": set(), "machine": {"CPU full pressure", "memory peak"}}
        for agent, names in expected.items():
            with self.subTest(agent=agent):
                log = self.guest.log(agent)
                self.assertEqual(self.guest.said[f"{agent}.code"], ["0"], log)
                # Those with the same reason stand in one line.
                said = ", ".join(re.findall(r"\] (.*?) unavailable: ", log))
                self.assertEqual(set(filter(None, said.split(", "))), names, log)
                self.assertNotRegex(log, "ERROR|panicked")


class WithoutPressure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.guest = Guest(psi=0)

    def test_pressure_is_absent_with_the_cure_and_all_else_is_there(self):
        for agent in ("group", "machine"):
            with self.subTest(agent=agent):
                log = self.guest.log(agent)
                self.assertEqual(self.guest.said[f"{agent}.code"], ["0"], log)
                absent = ", ".join(re.findall(r"WARN .*\] (.*?) unavailable: \S+ .*boot the kernel with psi=1", log))
                for resource in ("CPU", "IO", "memory"):
                    self.assertIn(f"{resource} pressure", absent.split(", "), log)
                for window in self.guest.windows(agent):
                    self.assertIsNone(window["cpu_pressure"])
                    self.assertIsNone(window["io_full_pressure"])
                    for name in ("cpu", "disk_write_bytes", "swap", "processes"):
                        self.assertIsNotNone(window[name], name)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python tests/kernel/others.py FOLDER [unittest options]")
    FOLDER = sys.argv.pop(1)
    unittest.main()
