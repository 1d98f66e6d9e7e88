"""A child process whose output is collected line by line, so that a test can wait for a line."""

import queue
import subprocess
import threading
import time

# No wait of a run that passes comes near it; it ends the run of a test that has failed.
PATIENCE_SECONDS = 60


class Child:
    def __init__(self, name, command, environment):
        self.name = name
        self.output = {"stdout": [], "stderr": []}
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in self.output
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream):
        with getattr(self._process, stream) as lines:
            for line in lines:
                line = line.rstrip("\n")
                self.output[stream].append(line)
                self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern):
        """The match of the next line, of either stream, that the pattern is found in."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        ends = 0
        while ends < len(self._readers):
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line with {pattern.pattern!r} from {self}") from None
            if line is None:
                ends += 1
            elif match := pattern.search(line):
                return match
        raise AssertionError(f"ended without a line with {pattern.pattern!r}: {self}")

    def signal(self, number):
        self._process.send_signal(number)

    def wait(self, seconds):
        """The exit code; by then the output is complete."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {seconds} seconds: {self}") from None
        self._join()
        return code

    def end(self):
        """Ends the process, if it still runs, whatever it is at."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._join()

    def _join(self):
        for reader in self._readers:
            reader.join()

    def __str__(self):
        text = [f"--- {self.name}, process {self._process.pid}"]
        for stream, lines in self.output.items():
            text += [f"--- {stream}:", *lines]
        return "\n".join(text)
