"""Makes order.ld: the functions that ordinary runs call, as patterns of the linker, so that they lie together.

    order.py PROGRAM

PROGRAM is the static release with its symbols; `scripts/footprint.sh --order` builds it. It runs under callgrind
in each of the ways below. Takes about five minutes.
"""

import contextlib
import datetime
import http.client
import http.server
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from bisect import bisect_right
from dataclasses import dataclass, field

import contenders
import everything
from endpoint import Endpoint

ORDER = pathlib.Path("order.ld")
FIXTURES = pathlib.Path("tests/fixtures/ecs")
BUILDS = pathlib.Path("target/x86_64-unknown-linux-musl/release/build")
# The first loads the trusted roots, the second uses the connection that is open.
PUBLISHES = 3
PERIOD_SECONDS = 5
# valgrind is some fifty times slower.
PATIENCE_SECONDS = 300
# What all of them call stands first.
HEADER = """/* The functions that ordinary runs call, so that they lie together in the file and in memory: the kernel maps
 * 64 kB of code at once where one function of it is called. `scripts/footprint.sh --order` makes this file, of
 * what callgrind sees; docs/footprint.md has the figures. Hashes of crates and references within a name change
 * with the compiler and the dependencies: a star stands for each.
 */
SECTIONS {
  .text.ordinary : {
"""
# Their names are numbers.
SHARED = """    /* Pieces of code that many functions share, made by the compiler. */
    *(.text.OUTLINED_FUNCTION_*)
    /* AES with instructions that callgrind does not know. */
    *(.text.*4ring4aead*)
    *libring-*:*-aes-gcm-avx2-*(.text)
"""
FOOTER = """  }
} INSERT BEFORE .text;
"""


@dataclass
class Section:
    """A piece of the program's code that the linker can place."""

    address: int
    size: int
    file: str
    name: str
    symbols: list[str] = field(default_factory=list)

    @property
    def patterns(self) -> list[str]:
        """As the linker has it. Functions with equal code are one: any of their names may be the one that stays."""
        if self.name == ".text":
            # Written in assembly language or C: a whole object file of a library.
            library, _, member = pathlib.PurePath(self.file).name.rstrip(")").partition("(")
            library = re.sub(r"-[0-9a-f]{16}\b", "-*", library)
            member = re.sub(r"^[0-9a-f]{16}-", "*-", member)
            return [f"*{library}:{member}(.text)" if member else f"*{library}(.text)"]
        rare = ".text.unlikely." if self.name.startswith(".text.unlikely.") else ".text."
        names = {self.name, *(rare + symbol for symbol in self.symbols)}
        return sorted(f"*({pattern(name)})" for name in names if "OUTLINED_FUNCTION" not in name)


def pattern(name: str) -> str:
    """The name without what changes with the compiler and the dependencies."""
    name = re.sub(r"Cs[0-9A-Za-z]+_(?=[0-9])", "Cs*_", name)
    return re.sub(r"B[0-9A-Za-z]{0,3}_", "B*_", name)


def newest_map() -> list[Section]:
    """The sections of code in the program that was linked last, by their addresses."""
    files = BUILDS.glob("cloudwatch_metrics_agent-*/out/agent.map")
    sections: list[Section] = []
    for line in max(files, key=lambda file: file.stat().st_mtime).read_text().splitlines():
        # Address, address in the file, size, alignment; deeper for a section of a file, and for a symbol in it.
        if found := re.match(r" *([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+) +\d+ {9}(\S.*):\((\.text\S*)\)$", line):
            sections.append(Section(int(found[1], 16), int(found[2], 16), found[3], found[4]))
        elif re.match(r" *[0-9a-f]+ +[0-9a-f]+ +[0-9a-f]+ +\d+ {9}\S", line):
            sections.append(Section(-1, 0, "", ""))
        elif sections and (found := re.match(r" *[0-9a-f]+ +[0-9a-f]+ +[0-9a-f]+ +\d+ {17}(\S+)$", line)):
            sections[-1].symbols.append(found[1])
    return sorted((of for of in sections if of.size), key=lambda of: of.address)


def placed() -> tuple[int, list[str]]:
    """How many patterns of order.ld there are, and those that match nothing in the program that was linked last."""
    listed = re.findall(r"^ +(\*.*\))$", ORDER.read_text().replace(SHARED, ""), re.MULTILINE)
    there = {pattern for section in newest_map() for pattern in section.patterns}
    return len(listed), [one for one in listed if one not in there]


def called(program: pathlib.Path, options: list[str], environment: dict[str, str], endpoint: Endpoint) -> set[str]:
    """The names of the functions, and the addresses of those without one, that a run calls until it is over."""
    with tempfile.TemporaryDirectory(dir="target") as folder:
        counts, log = pathlib.Path(folder, "counts"), pathlib.Path(folder, "log")
        before = len(endpoint.taken())
        command = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={counts}", f"--log-file={log}"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running = subprocess.Popen([*command, program, *options], env=environment, **quiet)
        try:
            endpoint.wait(f"publishes with {options}", lambda: len(endpoint.taken()) >= before + PUBLISHES, PATIENCE_SECONDS)
            running.send_signal(signal.SIGTERM)
            running.wait(PATIENCE_SECONDS)
        finally:
            running.kill()
            running.wait()
        names = re.findall(r"fn=\(\d+\) (\S+)", counts.read_text())
        return {name.partition("'")[0] for name in names}


@contextlib.contextmanager
def metadata():
    """What a task on ECS asks for: its credentials, and which container it is."""
    task = json.loads((FIXTURES / "task-fargate.json").read_text())
    credentials = {
        "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret", "Token": "token", "Expiration": "2099-01-01T00:00:00Z",
    }  # fmt: skip

    def answer(path: str) -> dict | None:
        fixed = {"/credentials": credentials, "/v4": task["Containers"][0], "/v4/task": task}
        return statistics() if path == "/v4/task/stats" else fixed.get(path)

    def statistics() -> dict:
        """Each container uses a twentieth of a CPU."""
        every = json.loads((FIXTURES / "stats-fargate.json").read_text())
        for of in filter(None, every.values()):
            of["read"] = datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
            of["cpu_stats"]["cpu_usage"]["total_usage"] = time.time_ns() // 20
            of["cpu_stats"]["system_cpu_usage"] = time.time_ns()
        return every

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            found = answer(self.path)
            body = json.dumps(found or {}).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


@contextlib.contextmanager
def asked(port: int):
    """Asks the API for the page and what it shows, again and again."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(1):
            now = 1000 * time.time()
            plot = f"/entities/self/checks/utilization/metrics/cpu/plot?from={now - 60_000:.0f}&to={now:.0f}"
            for path in ("/", "/entities/self/checks", "/entities/self/alarms", "/metrics_list", "/values", plot):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_SECONDS).read()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> int:
    program = pathlib.Path(sys.argv[1])
    endpoint = Endpoint(pathlib.Path("target/footprint"))
    environment = contenders.aws(endpoint.roots, endpoint.url)
    options = ["--namespace", "Footprint", "--service", "footprint", "--period", str(PERIOD_SECONDS)]
    sidecar = called(program, [*options, "--scope", "host"], environment, endpoint)
    container = called(program, options, environment, endpoint)
    with metadata() as url:
        of_task = {name: value for name, value in environment.items() if not name.startswith("AWS_ACCESS") and "SECRET" not in name}
        of_task |= {"ECS_CONTAINER_METADATA_URI_V4": f"{url}/v4", "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/credentials"}
        task = called(program, options, of_task, endpoint)
    to = ["--publish=otlp", f"--otlp-endpoint={endpoint.url}/v1/metrics"]
    otlp = called(program, [*options, "--scope", "host", *to], environment, endpoint)
    with everything.web_server() as web:
        # A check of each type runs some times, the store is written, and the API is asked meanwhile.
        mix = dict.fromkeys(everything.MIX, 1)
        more = ["--store-sync=5"]
        all_on = everything.everything(endpoint, PERIOD_SECONDS, web, count=len(mix), every=2 * PERIOD_SECONDS, mix=mix, more=more)
        all_on.empty()
        with asked(all_on.api):
            local = called(program, all_on.agent.publishing, all_on.agent.environment, endpoint)
    write({
        "A sidecar that measures its machine and publishes over TLS": sidecar,
        "The same where it measures a container": container,
        "A task on ECS": task,
        "OTLP": otlp,
        "Checks with alarms, a store on disk, and the API": local,
    })  # fmt: skip
    return 0


def write(runs: dict[str, set[str]]) -> None:
    sections = newest_map()
    addresses = [section.address for section in sections]
    of_symbol = {symbol: section for section in sections for symbol in section.symbols}

    def section_of(name: str) -> Section | None:
        if not name.startswith("0x"):
            return of_symbol.get(name)
        at = bisect_right(addresses, int(name, 16)) - 1
        inside = at >= 0 and int(name, 16) < sections[at].address + sections[at].size
        return sections[at] if inside else None

    text, done = HEADER + SHARED, set()
    for title, names in runs.items():
        patterns = {pattern for name in names if (section := section_of(name)) for pattern in section.patterns} - done
        done |= patterns
        text += f"    /* {title}. */\n" + "".join(f"    {pattern}\n" for pattern in sorted(patterns))
        print(f"{title}: {len(names)} functions called, {len(patterns)} more patterns")
    ORDER.write_text(text + FOOTER)


if __name__ == "__main__":
    sys.exit(main())
