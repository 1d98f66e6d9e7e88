"""A container with the agent in it: runs it, and hears what it says."""

import calendar
import dataclasses
import re
import subprocess
import threading
import time

PERIOD_SECONDS = 3
SAMPLE_SECONDS = 0.3

# Longer than anything that a test waits for may take.
PATIENCE_SECONDS = 30

PERCENT = r"-|\d+\.\d\d%"
WINDOW = re.compile(
    rf"(?P<time>\S+) CPUUtilization=(?P<cpu>{PERCENT}) MaxCPUUtilization=(?P<max_cpu>{PERCENT})"
    rf" MemoryUtilization=(?P<memory>{PERCENT}) MaxMemoryUtilization=(?P<max_memory>{PERCENT})"
    rf"( CPUThrottling=(?P<throttling>{PERCENT}) OOMKills=(?P<oom_kills>-|\d+))?"
    r" samples=(?P<samples>\d+) "
)


class Container:
    """One container, from its start on."""

    def __init__(self, name, *arguments, network="none"):
        command = ["docker", "run", "--rm", "--interactive", "--name", name, "--network", network]
        command += ["--env", "RUST_LOG=info", *arguments]
        self.name = name
        self.output, self.log = [], []
        # When each line of the output came, in nanoseconds since the epoch.
        self.heard = []
        self._news = threading.Condition()
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self._client = subprocess.Popen(command, text=True, bufsize=1, errors="replace", **pipes)
        self._listeners = [
            threading.Thread(target=self._listen, args=ears, daemon=True)
            for ears in ((self._client.stdout, self.output), (self._client.stderr, self.log))
        ]
        self._listening = len(self._listeners)
        for listener in self._listeners:
            listener.start()

    def _listen(self, pipe, lines):
        for line in pipe:
            with self._news:
                lines.append(line.rstrip("\n"))
                if lines is self.output:
                    self.heard.append(time.time_ns())
                self._news.notify_all()
        with pipe, self._news:
            self._listening -= 1
            self._news.notify_all()

    def wait(self, lines, pattern):
        """Waits until a line of `output` or `log` matches."""
        self._wait_for(lambda: any(re.search(pattern, line) for line in lines), pattern)

    def wait_for_windows(self, count):
        """Waits for the windows that begin from now on."""
        now = time.time()
        told = lambda: sum(window.start >= now for window in self.windows()) >= count
        self._wait_for(told, f"{count} windows")

    def wait_for_next_window(self):
        """Waits for the line of the window that is open now."""
        told = len(self.windows())
        self._wait_for(lambda: len(self.windows()) > told, "another window")

    def command(self, name, number):
        """Has the load obey a command, and waits until it has."""
        done = f"load: {name}"
        told = self.output.count(done) + 1
        self.say(f"{name} {number}")
        self._wait_for(lambda: self.output.count(done) >= told, done)

    def _wait_for(self, said, what):
        with self._news:
            ended = lambda: said() or not self._listening
            if not self._news.wait_for(ended, PATIENCE_SECONDS) or not said():
                raise AssertionError(f"{self.name} did not say: {what}\n{self.tell()}")

    def say(self, line):
        """Writes a line to the standard input of its first process."""
        self._client.stdin.write(f"{line}\n")

    def signal(self, name):
        docker("kill", "--signal", name, self.name)

    def stop(self, *options):
        """Stops it, with the engine's defaults if not told otherwise. Returns its exit code."""
        docker("stop", *options, self.name)
        return self.end()

    def end(self):
        """Waits until it has ended. Returns its exit code."""
        code = self._client.wait(PATIENCE_SECONDS)
        for listener in self._listeners:
            listener.join(PATIENCE_SECONDS)
        return code

    def remove(self):
        """Whatever happened, leaves nothing behind."""
        subprocess.run(["docker", "rm", "--force", self.name], capture_output=True, check=False)
        self._client.stdin.close()
        self._client.wait(PATIENCE_SECONDS)

    def windows(self):
        """The windows that the agent told of so far."""
        lines = zip(map(WINDOW.match, list(self.output)), self.heard)
        return [Window.of(match, heard) for match, heard in lines if match]

    def tell(self):
        return "\n".join([*self.output, *self.log])


@dataclasses.dataclass
class Window:
    """One line of the agent: seconds since the epoch, and percent; None where it has `-`."""

    start: int
    cpu: float
    memory: float
    samples: int
    # Where they were asked for.
    throttling: float
    oom_kills: float
    # When the line came: nanoseconds since the epoch.
    heard: int

    @staticmethod
    def of(match, heard):
        number = lambda text: None if text in (None, "-") else float(text.rstrip("%"))
        start = calendar.timegm(time.strptime(match["time"], "%Y-%m-%dT%H:%M:%SZ"))
        measured = map(number, match.group("cpu", "memory"))
        events = map(number, match.group("throttling", "oom_kills"))
        return Window(start, *measured, int(match["samples"]), *events, heard)

    @property
    def end(self):
        return self.start + PERIOD_SECONDS


def docker(*arguments):
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    return done.stdout.strip()
