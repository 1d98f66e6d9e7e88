"""How often a container hits its limits: as the agent counts it, and as the machine does."""

import itertools
import unittest

from check import AGENT, BAD_LOG
from container import PERIOD_SECONDS, Container
from meter import Events, Meter, events_of_container

MEMORY_MEGABYTES = 64
LIMITS = ("--memory", f"{MEMORY_MEGABYTES}m", "--memory-swap", f"{MEMORY_MEGABYTES}m")
LIMITS += ("--cpus", "0.5")
# Percent of one core: well below the quota.
LOAD = 15
HELD_MEGABYTES = 8

# What happens in one window after the other: milliseconds of CPU time that are used besides, of
# which the quota lets through about 350 in a second, and processes that exceed the memory.
CALM, BURST, BUSY, KILLING = (0, 0), (200, 1), (950, 0), (0, 2)
COURSE = (CALM, BURST, BUSY, KILLING)
KILLS = sum(kills for _, kills in COURSE)

METER_SECONDS = 0.025
# The agent prints two decimals.
LAST_DIGIT = 0.01


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        options = ("--period", str(PERIOD_SECONDS), "--metrics", "cpu,memory,throttling,oom-kills")
        command = ("agent", "/load", *map(str, (LOAD, HELD_MEGABYTES, 0, 1)), *AGENT, *options)
        container = cls.container = Container("limits", *LIMITS, *command)
        cls.addClassCleanup(container.remove)
        container.wait(container.output, "^load: ready$")
        counters = events_of_container("limits")
        meter = cls.meter = Meter(counters, kind=Events, every=METER_SECONDS)
        cls.addClassCleanup(meter.stop)
        container.wait_for_next_window()
        before = len(container.windows())
        for milliseconds, kills in COURSE:
            # The agent has read its counters for the window before, whose line has come.
            for _ in range(kills):
                container.command("exceed", 2 * MEMORY_MEGABYTES)
            if milliseconds:
                container.command("use", milliseconds)
            container.wait_for_next_window()
        meter.end()
        cls.code = container.stop()
        # Each with the one before it, at whose line its own counting begins. They are more than the
        # course has where this machine was slow.
        end = meter.readings[-1].time
        windows = [window for window in container.windows()[before - 1 :] if window.heard <= end]
        cls.windows = list(itertools.pairwise(windows))
        print("\nLimits: as the agent | the machine has it")
        for before, window in cls.windows:
            low, high = cls.throttling(before, window)
            print(
                f"  {window.start}  throttling {window.throttling!s:>6} | {low:6.2f} to {high:6.2f}"
                f"  OOM kills {window.oom_kills:.0f} | {cls.oom_kills(before, window)}",
                flush=True,
            )

    @classmethod
    def throttling(cls, before, window):
        """The least and the greatest percent that the agent can have seen."""
        shares = []
        for begin, end in itertools.product(cls.readings(before), cls.readings(window)):
            periods, throttled = end.periods - begin.periods, end.throttled - begin.throttled
            shares.append(100 * throttled / periods if periods else 0)
        return min(shares), max(shares)

    @classmethod
    def readings(cls, window):
        """What the machine counted while the agent read its counters: somewhere between the window's
        end and its line. The meter's reading before that and the one after it belong to it."""
        times = [reading.time for reading in cls.meter.readings]
        first = sum(time < window.end * 10**9 for time in times) - 1
        last = sum(time <= window.heard for time in times)
        return cls.meter.readings[first : last + 1]

    @classmethod
    def oom_kills(cls, before, window):
        """Nothing is killed between the window's end and its line."""
        begin, end = (cls.readings(each)[0].oom_kills for each in (before, window))
        return end - begin

    def test_ends_well_when_stopped_and_logs_no_error(self):
        self.assertEqual(self.code, 0, self.container.tell())
        self.assertNotRegex(self.container.tell(), BAD_LOG)

    def test_windows_follow_each_other(self):
        """None is missing: otherwise its events would count elsewhere."""
        self.assertGreaterEqual(len(self.windows), len(COURSE))
        for before, window in self.windows:
            self.assertEqual(window.start, before.end)

    def test_throttling_is_what_the_machine_counted(self):
        for before, window in self.windows:
            with self.subTest(window=window):
                low, high = self.throttling(before, window)
                self.assertIsNotNone(window.throttling)
                self.assertGreaterEqual(window.throttling, low - LAST_DIGIT)
                self.assertLessEqual(window.throttling, high + LAST_DIGIT)

    def test_throttling_is_little_some_and_most_as_the_load_makes_it(self):
        """Otherwise the test before would compare nothing with nothing."""
        values = [window.throttling for _, window in self.windows]
        self.assertLess(values[0], 10)
        self.assertGreater(max(values), 50)
        self.assertTrue(any(values[0] < value < max(values) for value in values), values)

    def test_oom_kills_are_what_the_machine_counted(self):
        counted = [self.oom_kills(*pair) for pair in self.windows]
        self.assertEqual([window.oom_kills for _, window in self.windows], counted)
        self.assertEqual(sum(counted), KILLS)


if __name__ == "__main__":
    unittest.main()
