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

CACHED = "load: cached"
PERCENT = r"-|\d+\.\d\d%"
WINDOW = re.compile(
    rf"(?P<time>\S+) CPUUtilization=(?P<cpu>{PERCENT}) MaxCPUUtilization=(?P<max_cpu>{PERCENT})"
    rf" MemoryUtilization=(?P<memory>{PERCENT}) MaxMemoryUtilization=(?P<max_memory>{PERCENT})"
    r" samples=(?P<samples>\d+) "
)


class Container:
    """One container, from its start on."""

    def __init__(self, name, *arguments):
        command = ["docker", "run", "--rm", "--interactive", "--name", name, "--network", "none"]
        command += ["--env", "RUST_LOG=info", *arguments]
        self.name = name
        self.output, self.log = [], []
        self._heard = threading.Condition()
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
            with self._heard:
                lines.append(line.rstrip("\n"))
                self._heard.notify_all()
        with pipe, self._heard:
            self._listening -= 1
            self._heard.notify_all()

    def wait(self, lines, pattern):
        """Waits until a line of `output` or `log` matches."""
        self._wait_for(lambda: any(re.search(pattern, line) for line in lines), pattern)

    def wait_for_windows(self, count):
        """Waits for the windows that begin from now on."""
        now = time.time()
        told = lambda: sum(window.start >= now for window in self.windows()) >= count
        self._wait_for(told, f"{count} windows")

    def cache(self, megabytes):
        """Makes the load read so much of its file."""
        told = self.output.count(CACHED) + 1
        self._client.stdin.write(f"{megabytes}\n")
        self._wait_for(lambda: self.output.count(CACHED) >= told, CACHED)

    def _wait_for(self, said, what):
        with self._heard:
            ended = lambda: said() or not self._listening
            if not self._heard.wait_for(ended, PATIENCE_SECONDS) or not said():
                raise AssertionError(f"{self.name} did not say: {what}\n{self.tell()}")

    def stop(self):
        """Stops it with the engine's defaults. Returns the agent's exit code."""
        docker("stop", self.name)
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
        return [Window.of(match) for match in map(WINDOW.match, list(self.output)) if match]

    def tell(self):
        return "\n".join([*self.output, *self.log])


@dataclasses.dataclass
class Window:
    """One line of the agent: seconds since the epoch, and percent; None where it has `-`."""

    start: int
    cpu: float
    memory: float
    samples: int

    @staticmethod
    def of(match):
        percent = lambda text: None if text == "-" else float(text.rstrip("%"))
        start = calendar.timegm(time.strptime(match["time"], "%Y-%m-%dT%H:%M:%SZ"))
        return Window(
            start, percent(match["cpu"]), percent(match["memory"]), int(match["samples"])
        )

    @property
    def end(self):
        return self.start + PERIOD_SECONDS


def docker(*arguments):
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    return done.stdout.strip()
