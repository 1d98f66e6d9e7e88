"""The role of examples/ansible, run in a machine of its own, which ansible.sh boots.

    role.py WORK FAKE_CLOUDWATCH [CASE...]

WORK/dist has packages and signed repositories, WORK/wrong.asc is the key of somebody else.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "target/ansible-venv/bin"
UNIT = "cloudwatch-metrics-agent"
SETTINGS = Path("/etc/default/cloudwatch-metrics-agent")
CONFIGURATION = Path("/etc/cloudwatch-metrics-agent/agent.yaml")
PLAYBOOK = Path("/tmp/ansible/playbook.yml")
PORT = 18461
FILES = 18462
# A window is a second; this is long enough for a slow machine, and nothing waits for it.
PATIENCE = 60
# What the example says of its own, and what leads to the fake CloudWatch.
ENVIRONMENT = {
    "RUST_LOG": "info",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "CLOUDWATCH_METRICS_AGENT_PERIOD": "1",
    "CLOUDWATCH_METRICS_AGENT_ENDPOINT_URL": f"http://127.0.0.1:{PORT}",
}


def run(*command: object, **options) -> tuple[int, str]:
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        **options,
    )  # fmt: skip
    return done.returncode, done.stdout


class CloudWatch:
    """What has arrived, by the value of ServiceName."""

    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen([program, "--port", str(PORT)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.process.stdout.readline()

    def takes(self, service: str) -> dict:
        """A datum of this service. It waits until one comes."""
        ends = threading.Timer(PATIENCE, self.process.kill)
        ends.start()
        assert self.process.stdout
        for line in self.process.stdout:
            for datum in json.loads(line)["datums"]:
                if f'"{service}"' in json.dumps(datum) and datum["name"] == "MemoryUtilization":
                    ends.cancel()
                    return datum
        raise AssertionError(f"no window of {service} arrived: {run('journalctl', '--unit', UNIT, '--no-pager')[1]}")


def ansible(*options: str, **variables: object) -> tuple[int, str]:
    """The example's playbook, with these variables in place of its own."""
    variables = {f"cloudwatch_metrics_agent_{name}": value for name, value in variables.items()}
    told = {"cloudwatch_metrics_agent_environment": ENVIRONMENT, "ansible_become": False} | variables
    command = [VENV / "ansible-playbook", "--inventory", "localhost,", "--connection", "local", PLAYBOOK]
    environment = os.environ | {
        "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_PIPELINING": "1", "LC_ALL": "C.UTF-8",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    }  # fmt: skip
    return run(*command, *options, "--extra-vars", json.dumps(told), env=environment, cwd=PLAYBOOK.parent)


def applied(*options: str, **variables: object) -> int:
    """How many tasks changed something."""
    code, said = ansible(*options, **variables)
    recap = re.search(r"localhost +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=0 ", said)
    assert code == 0 and recap, said
    # Debian is no system of RPM packages.
    said = said.replace("[WARNING]: Unable to detect release version", "")
    assert "[WARNING]" not in said and "[DEPRECATION" not in said, said
    return int(recap[1])


def refused(expected: str, *options: str, **variables: object) -> None:
    code, said = ansible(*options, **variables)
    assert code == 2 and re.search(expected, said), said


def process() -> int:
    """Of the service; 0 if it does not run."""
    return int(run("systemctl", "show", "--property", "MainPID", "--value", UNIT)[1])


def state() -> tuple[str, str]:
    return tuple(run("systemctl", what, UNIT)[1].strip() for what in ("is-active", "is-enabled"))


def variable(name: str) -> str | None:
    environment = Path(f"/proc/{process()}/environ").read_text().split("\0")
    return next((each.removeprefix(f"{name}=") for each in environment if each.startswith(f"{name}=")), None)


def log() -> str:
    """Of the process that runs."""
    run("journalctl", "--sync")
    return run("journalctl", f"_PID={process()}", "--no-pager")[1]


def trusted(what: str) -> str:
    """The owners of the keys that may sign packages, or metadata."""
    if what == "packages":
        return run("rpm", "--query", "gpg-pubkey", "--queryformat", "%{SUMMARY}\\n")[1]
    return "".join(run("gpg", "--homedir", ring, "--list-keys")[1] for ring in Path("/var/cache/dnf").glob(f"{UNIT}-*/pubring"))


def package(ending: str, dist: Path) -> Path:
    machine = {"deb": {"x86_64": "amd64", "aarch64": "arm64"}, "rpm": {}}[ending].get(os.uname().machine, os.uname().machine)
    return next(dist.glob(f"{UNIT}*{machine}.{ending}"))


class Cases:
    def __init__(self, work: Path, cloudwatch: CloudWatch) -> None:
        self.dist, self.wrong, self.cloudwatch = work / "dist", work / "wrong.asc", cloudwatch
        # The file that the example names.
        named = re.search(r"cloudwatch_metrics_agent_package: files/(\S+)", PLAYBOOK.read_text())
        assert named
        (PLAYBOOK.parent / "files").mkdir()
        shutil.copy(package("deb", self.dist), PLAYBOOK.parent / "files" / named[1])
        self.repository = {"package": "", "repository": f"file://{self.dist}", "key": str(self.dist / f"{UNIT}.asc")}

    def what_would_change_can_be_asked_before(self) -> None:
        assert applied("--check") > 0
        assert not SETTINGS.exists()
        assert applied("--check", **self.repository) > 0
        assert applied("--check", **self.repository, package_manager="dnf") > 0

    def the_example_installs_once(self) -> None:
        """As it stands there, with the file that it names."""
        assert applied() > 0
        assert state() == ("active", "enabled"), state()
        assert self.cloudwatch.takes("my-service")
        assert SETTINGS.stat().st_mode & 0o777 == 0o600
        first = process()
        assert applied() == 0
        assert process() == first

    def a_change_restarts_it(self) -> None:
        first = process()
        odd = r'a "b" $HOME `c` \d'
        environment = ENVIRONMENT | {"ODD": odd}
        changed = {"service": "other", "environment": environment}
        assert applied(**changed) == 2
        assert process() not in (0, first)
        assert self.cloudwatch.takes("other")
        assert variable("ODD") == odd, variable("ODD")
        assert applied(**changed) == 0

    def what_the_agent_refuses_is_not_put_there(self) -> None:
        before, first = CONFIGURATION.read_text(), process()
        refused("did you mean period", configuration={"perod": "5m"})
        assert (CONFIGURATION.read_text(), process()) == (before, first)
        # And what names a variable is taken, with the variable.
        configuration = {"dimension": {"Stage": "${STAGE}"}}
        refused("STAGE is not set", configuration=configuration)
        assert applied(configuration=configuration, environment=ENVIRONMENT | {"STAGE": "prod"}) > 0
        assert "prod" in json.dumps(self.cloudwatch.takes("my-service"))
        # What is in the settings is in no command line, and so in nothing that is printed.
        code, said = ansible("-vvv", configuration=configuration, environment=ENVIRONMENT | {"STAGE": "NeverShown"})
        assert code == 0 and "NeverShown" not in said, said

    def a_run_that_fails_leaves_no_restart_undone(self) -> None:
        assert applied() >= 0
        first = process()
        # The settings are written, then the run ends.
        refused("did you mean period", service="later", configuration={"perod": "5m"})
        assert "later" in SETTINGS.read_text() and process() == first
        # Nothing is left to change but the process.
        assert applied(service="later") == 1
        assert process() not in (0, first)
        assert self.cloudwatch.takes("later")
        assert applied(service="later") == 0
        # The same where the program itself is newer, as after a package that something else has brought.
        first = process()
        program = Path("/usr/bin/cloudwatch_metrics_agent")
        shutil.copy2(program, "/usr/bin/newer")
        Path("/usr/bin/newer").rename(program)
        assert applied(service="later") == 1
        assert process() not in (0, first)

    def the_agent_can_write_what_its_configuration_names(self) -> None:
        for data, socket in (
            (Path("/var/lib") / UNIT, Path("/run") / UNIT / "agent.sock"),
            (Path("/srv/agent/data"), Path("/srv/agent/socket/agent.sock")),
        ):
            configuration = {"store": f"{data}/history", "api": f"unix:{socket}"}
            # A variable does the same as the file.
            environment = ENVIRONMENT | {"CLOUDWATCH_METRICS_AGENT_STATE": f"{data}/state"}
            kept = {"configuration": configuration, "environment": environment}
            assert applied(**kept, service=f"at-{data.name}") > 0
            assert self.cloudwatch.takes(f"at-{data.name}")
            # What changes the states writes them.
            check = {"id": "added", "type": "agent.load_average"}
            code, said = run("curl", "--silent", "--show-error", "--fail", "--unix-socket", socket, "--json", json.dumps(check), "http://localhost/entities/self/checks")
            assert code == 0, said + log()
            for folder in ("history", "state"):
                assert list((data / folder).iterdir()), folder
            assert applied(**kept, service=f"at-{data.name}") == 0
            # All of it belongs to the agent at the next start, too.
            run("chown", "--recursive", "12345", Path(data).resolve())
            assert applied(**kept, service=f"from-{data.name}") > 0
            assert self.cloudwatch.takes(f"from-{data.name}")
            assert "added" in run("curl", "--silent", "--unix-socket", socket, "http://localhost/entities/self/checks")[1]
            said = log()
            assert f"the history is kept in {data}/history" in said and f"the API answers at unix:{socket}" in said, said
            assert not re.search("ERROR.*(history|state|API)", said), said
        for wrong in ("/etc/agent/history", "/srv", "/srv/agent/../../etc", "/var/lib/other/history", "./history"):
            refused("The agent cannot be given", configuration={"store": wrong})
        refused("The agent cannot be given", configuration={"api": "unix:/run/agent.sock"})
        # What others have there does not become the agent's.
        others = Path("/srv/others/data")
        others.mkdir(parents=True)
        (others / "file").touch()
        refused("is not empty: the agent needs a folder for itself alone", configuration={"store": str(others)})
        assert (others / "file").owner() == "root" and list(others.iterdir()) == [others / "file"]
        assert applied(configuration={"store": "memory:1MB"}) > 0

    def without_configuration_there_is_no_file(self) -> None:
        assert applied(configuration={}) == 3
        assert not CONFIGURATION.exists()
        assert variable("CLOUDWATCH_METRICS_AGENT_CONFIG") is None
        assert self.cloudwatch.takes("my-service")
        assert applied(configuration={}) == 0

    def what_was_written_by_hand_is_kept_beside(self) -> None:
        by_hand = {SETTINGS: "A=b\n", CONFIGURATION: "# Mine.\ncount: 1\n"}
        for configuration in ({"dimension": {"Stage": "prod"}}, {}):
            for file, text in by_hand.items():
                file.write_text(text)
            assert applied(configuration=configuration) > 0
            for file, text in by_hand.items():
                kept = Path(f"{file}.by-hand")
                assert kept.exists() and kept.read_text() == text, kept
            assert CONFIGURATION.exists() == bool(configuration)
            by_hand = {file: f"{text}# Again.\n" for file, text in by_hand.items()}
        # Of the first time, and none of what the role has written.
        assert len(list(CONFIGURATION.parent.glob("agent.yaml.*"))) == 2
        assert len(list(SETTINGS.parent.glob(f"{UNIT}.*"))) == 2

    def it_can_be_stopped(self) -> None:
        assert applied(state="stopped", enabled=False) > 0
        assert state() == ("inactive", "disabled"), state()
        # A change does not start it.
        assert applied(state="stopped", enabled=False, service="stopped") > 0
        assert state() == ("inactive", "disabled"), state()
        assert applied(state="stopped", enabled=False, service="stopped") == 0

    def apt_takes_the_repository(self) -> None:
        run("apt-get", "--yes", "purge", UNIT)
        refused("NO_PUBKEY|not signed", **self.repository | {"key": str(self.wrong)})
        assert process() == 0
        assert applied(**self.repository, service="by-apt") > 0
        assert state() == ("active", "enabled"), state()
        assert self.cloudwatch.takes("by-apt")
        assert applied(**self.repository, service="by-apt") == 0
        version = run("dpkg-query", "--show", "--showformat", "${Version}", UNIT)[1]
        assert applied(**self.repository, service="by-apt", version=version) == 0
        assert applied(**self.repository, service="by-apt", version="latest") == 0
        refused("no available installation candidate|was not found", **self.repository, version="9.9.9-1")

    def apt_tries_again_after_an_outage(self) -> None:
        run("systemctl", "stop", UNIT)
        run("apt-get", "--yes", "purge", UNIT)
        place = Path("/srv/repository")
        away = self.repository | {"repository": f"file://{place}", "service": "again"}
        # At first nothing is there, then only the lists are, and no packages.
        refused("does not exist|Failed to fetch|File not found", **away)
        shutil.copytree(self.dist / "apt", place / "apt", ignore=shutil.ignore_patterns("*.deb"))
        refused("(?i)file not found|failed to fetch|unable to fetch", **away)
        assert process() == 0
        # And then with packages that are newer than those lists.
        shutil.rmtree(place)
        shutil.copytree(self.dist / "apt", place / "apt")
        assert applied(**away) > 0
        assert self.cloudwatch.takes("again")
        assert applied(**away) == 0

    def dnf_takes_the_repository(self) -> None:
        run("systemctl", "stop", UNIT)
        run("apt-get", "--yes", "purge", UNIT)
        dnf = self.repository | {"package_manager": "dnf", "service": "by-dnf"}
        # Debian's dnf leaves out a repository whose signature is not of the key; with the right key it is there, below.
        refused(r'"failures": \["No package cloudwatch-metrics-agent available\."\]', **dnf | {"key": str(self.wrong)})
        assert "wrong@example.com" in trusted("packages") and "wrong@example.com" in trusted("metadata")
        assert applied(**dnf) > 0
        # A key that was replaced is trusted no longer.
        for what in ("packages", "metadata"):
            assert "wrong@example.com" not in trusted(what) and "right@example.com" in trusted(what), trusted(what)
        assert run("rpm", "--query", UNIT)[0] == 0
        assert state() == ("active", "enabled"), state()
        assert self.cloudwatch.takes("by-dnf")
        assert applied(**dnf) == 0
        # What is no key is refused, and is not in the way of the next.
        refused("failed to validate", **dnf | {"key": str(PLAYBOOK)})
        assert applied(**dnf) > 0
        assert applied(**dnf) == 0

    def dnf_tries_again_after_an_outage(self) -> None:
        run("systemctl", "stop", UNIT)
        run("rpm", "--erase", UNIT)
        place = Path("/srv/repository")
        (place / "rpm").mkdir(parents=True, exist_ok=True)
        away = self.repository | {"package_manager": "dnf", "repository": f"file://{place}", "service": "again-by-dnf"}
        refused("(?i)failed to download metadata|cannot download|No package cloudwatch-metrics-agent available", **away)
        shutil.copytree(self.dist / "rpm", place / "rpm", dirs_exist_ok=True)
        assert applied(**away) > 0
        assert self.cloudwatch.takes("again-by-dnf")

    def the_package_of_a_url_has_to_have_its_sum(self) -> None:
        run("systemctl", "stop", UNIT)
        run("apt-get", "--yes", "purge", UNIT)
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(self.dist))
        handler.log_message = lambda *_: None
        server = http.server.ThreadingHTTPServer(("127.0.0.1", FILES), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        file = package("deb", self.dist)
        url = f"http://127.0.0.1:{FILES}/{file.name}"
        right = hashlib.sha256(file.read_bytes()).hexdigest()
        refused("The checksum for", package=url, package_sha256="0" * 64)
        assert run("dpkg-query", "--show", UNIT)[0] != 0
        told = {"package": url, "package_sha256": right, "service": "by-url"}
        assert applied(**told) > 0
        assert self.cloudwatch.takes("by-url")
        assert applied(**told) == 0

    def variables_that_do_not_fit_are_refused(self) -> None:
        for variables in (
            {"package": ""},
            {"repository": "file:///srv"},
            {"package": "https://example.com/agent.deb"},
            self.repository | {"key": ""},
        ):
            refused("Set either cloudwatch_metrics_agent_package or", **variables)
        refused("value of state must be one of: started, stopped|must be one of", state="running")


def main(work: Path, fake: str, names: list[str]) -> None:
    # Debian's dnf does not bring it.
    Path("/etc/yum.repos.d").mkdir(exist_ok=True)
    shutil.copytree(ROOT / "examples/ansible", PLAYBOOK.parent)
    cases = Cases(work, CloudWatch(fake))
    failed = 0
    names = names or [name for name in vars(Cases) if not name.startswith("_")]
    for name in names:
        begin = time.monotonic()
        try:
            getattr(cases, name)()
            verdict = "ok"
        except AssertionError as error:
            failed, verdict = failed + 1, "FAILED"
            print(error if str(error) else "", file=sys.stderr)
            import traceback
            traceback.print_exc()
        print(f"{verdict} {name.replace('_', ' ')} ({time.monotonic() - begin:.0f} s)", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    if not failed:
        print("ansible: all passed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
