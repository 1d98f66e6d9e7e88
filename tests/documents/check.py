"""Every command of every document runs, or is on a list that says why not; links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["*.md", "docs/*.md", "docker/**/*.md", "examples/**/*.md"]

AWS = "needs AWS"
CI = "is run by scripts/test.sh, or by CI, as itself"
INSTALLS = "installs on the user's machine; scripts/test.sh does the same to build"
SHOWN = "check.py does it with each file that a document shows"
CLUSTER = "needs a cluster; what it applies is checked with the examples"
RELEASE = "needs a release; tests/release makes one, and checks its sums and what is in its archives"
REPOSITORY = "is run by tests/release, with a repository of its own"

# Whatever such a program is told to do.
PROGRAMS = {
    "aws": AWS,
    "cdk": AWS,
    "terraform": AWS,
    "kubectl": CLUSTER,
    "collectdctl": "is run by tests/api/collectd.sh",
    "collectd-nagios": "is run by tests/api/collectd.sh",
    "gh": "needs GitHub",
    "docker": "is run by tests/docker, as far as no registry is needed",
}

# Commands that are listed one by one; each has to be in a document.
COMMANDS = {
    "bash scripts/test.sh": CI,
    "curl -fL -O $release/cloudwatch-metrics-agent_0.3.0-1_amd64.deb": RELEASE,
    "sudo dpkg -i cloudwatch-metrics-agent_0.3.0-1_amd64.deb": "is run by tests/release, in a folder of its own",
    "printf 'CLOUDWATCH_METRICS_AGENT_%s\\n' NAMESPACE=MyApp SERVICE=web | sudo tee -a /etc/default/cloudwatch-metrics-agent":
        "is run by tests/examples/boot.sh, for the machine that it boots",
    "sudo systemctl enable --now cloudwatch-metrics-agent": "is run by tests/examples/boot.sh, as systemd does it at boot",
    "journalctl --unit cloudwatch-metrics-agent --follow": "follows the log of systemd, and has no end",
    "curl -fL -O $release/$name.tar.gz -O $release/SHA256SUMS": RELEASE,
    "sha256sum --check --ignore-missing SHA256SUMS": RELEASE,
    "tar -xzf $name.tar.gz": RELEASE,
    "sudo install $name/cloudwatch_metrics_agent /usr/local/bin/": INSTALLS,
    "curl -fL -O $site/cloudwatch-metrics-agent.asc": RELEASE,
    "sudo install -D -m 644 cloudwatch-metrics-agent.asc /etc/apt/keyrings/cloudwatch-metrics-agent.asc": REPOSITORY,
    "printf 'Types: deb\\nURIs: %s/apt\\nSuites: stable\\nComponents: main\\nSigned-By: /etc/apt/keyrings/cloudwatch-metrics-agent.asc\\n' $site | sudo tee /etc/apt/sources.list.d/cloudwatch-metrics-agent.sources": REPOSITORY,
    "sudo apt-get update": REPOSITORY,
    "sudo apt-get install cloudwatch-metrics-agent": REPOSITORY,
    "sudo install -D -m 644 cloudwatch-metrics-agent.asc /etc/pki/rpm-gpg/RPM-GPG-KEY-cloudwatch-metrics-agent": REPOSITORY,
    "printf '[cloudwatch-metrics-agent]\\nname=cloudwatch-metrics-agent\\nbaseurl=%s/rpm\\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-cloudwatch-metrics-agent\\ngpgcheck=1\\nrepo_gpgcheck=1\\n' $site | sudo tee /etc/yum.repos.d/cloudwatch-metrics-agent.repo": REPOSITORY,
    "sudo dnf install cloudwatch-metrics-agent": REPOSITORY,
    "sudo mkdir -p /srv/agent": RELEASE,
    "sudo tar -xf cloudwatch_metrics_agent-0.3.0-repositories.tar -C /srv/agent": RELEASE,
    "curl -fL -O $release/SHA256SUMS -O $release/SHA256SUMS.asc -O $release/cloudwatch-metrics-agent.asc": RELEASE,
    "gpg --import cloudwatch-metrics-agent.asc": REPOSITORY,
    "gpg --verify SHA256SUMS.asc SHA256SUMS": REPOSITORY,
    "gpg --show-keys --with-fingerprint cloudwatch-metrics-agent.asc": REPOSITORY,
    "sudo rpm --import cloudwatch-metrics-agent.asc": REPOSITORY,
    "rpm --checksig cloudwatch-metrics-agent-0.3.0-1.x86_64.rpm": REPOSITORY,
    "cargo install --locked --path .": INSTALLS,
    'eval "$(aws configure export-credentials --profile NAME --format env)"': AWS,
    "chmod +x jobs.sh": SHOWN,
    "cloudwatch_metrics_agent --namespace Batch --service Nightly --report -- ./job.sh": "is run by tests/right_size, with other programs",
}

AGENT = "cloudwatch_metrics_agent"
# What only answers: it ends by itself, and delivers nothing.
ANSWERS = {"explain", "check", "config", "ctl", "healthcheck", "host-info", "query", "store", "top"}
# Builds the agent and runs it. Here the one runs that was built.
CARGO_RUN = "cargo run --release -- "
# What curl ends with where that was too long for it.
GAVE_UP = 28
# Seconds: long enough for a slow machine, and nothing waits for it.
TIMEOUT = 60


class Problems:
    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, where: str, what: str) -> None:
        print(f"{where}: {what}", file=sys.stderr)
        self.found.append(where)


def blocks(text: str) -> Iterator[tuple[int, str, str, str]]:
    """The fenced blocks of a document: line, language, the file that is shown if it is one, text."""
    for match in re.finditer(r"^( *)```([\w-]*) *([^\n]*)\n(.*?)^\1```$", text, re.M | re.S):
        yield text.count("\n", 0, match.start()) + 1, match[2], match[3], match[4]


def commands(block: str) -> list[str]:
    """The commands of a block, one a line. A backslash at its end joins a line to the next."""
    lines = (re.sub(r"(^|\s)#.*", "", line) for line in block.replace("\\\n", " ").splitlines())
    return [" ".join(line.split()) for line in lines if line.strip()]


def is_tested(program: str) -> bool:
    """Whether it is a program of this repository that the tests run."""
    return (ROOT / program).is_file() and program in (ROOT / "scripts/test.sh").read_text()


class Runner:
    """Runs the agent as a document does, with credentials that only the fake CloudWatch knows."""

    def __init__(self, work: Path, url: str) -> None:
        self.scratch = work / "scratch"
        self.environment = {
            "PATH": f"{work / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.scratch),
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_ENDPOINT_URL_CLOUDWATCH": url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "RUST_LOG": "info",
        }

    def show(self, file: str, block: str) -> str | None:
        """Puts a file that a document shows beside the commands. It is that of the repository, word for word."""
        path = ROOT / file
        if not path.is_file() or path.read_text() != block:
            return f"is not {file}, word for word"
        copy = self.scratch / path.name
        copy.write_text(block)
        copy.chmod(0o755)
        return None

    def check(self, block: str, name: str) -> str | None:
        """Checks a configuration file, which the commands of the document may name."""
        (self.scratch / name).write_text(block)
        variables = sorted(set(re.findall(r"\$\{([A-Z_]+)\}", block)))
        return self.run(" ".join([*(f"{one}=example" for one in variables), f"{AGENT} config check {name}"]))

    def run(self, command: str) -> str | None:
        """Runs a command to its end, or until it has measured. Returns what is wrong, if anything."""
        words = [word.replace("$PWD", str(self.scratch)) for word in shlex.split(command)]
        environment = dict(self.environment)
        while re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name, value = words.pop(0).split("=", 1)
            environment[name] = value
        process = subprocess.Popen(
            words,
            cwd=self.scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        signal.signal(signal.SIGALRM, lambda *_: process.kill())
        signal.alarm(TIMEOUT)
        assert process.stderr and process.stdout
        log = ""
        for line in process.stderr:
            log += line
            if " limit: " in line:
                # A limit is known, so the first sample was taken.
                process.terminate()
                break
        output, rest = process.communicate()
        signal.alarm(0)
        log += rest
        if process.returncode != 0:
            return f"ends with {process.returncode}: {output}{log}"
        is_answer = words[1] in ANSWERS
        prints = {"--dry-run", "--dryrun", "-d", "console", "emf"} & set(words)
        if (prints or is_answer) and not output.strip():
            return f"prints nothing: {log}"
        if not is_answer and " delivered=1 " not in log:
            return f"delivers nothing: {log}"
        return None


class Answering:
    """Agents with the API: one that documents ask and change at the socket /run/agent.sock, and one with TLS."""

    FORGOTTEN = "this lasts until the agent restarts: start it with --state FOLDER to keep such changes\n"
    SOCKET = "/run/agent.sock"
    SECURED = "https://localhost:8091/"
    # What a reload reads again.
    CONFIG = "checks:\n  load: {type: agent.load_average}\n"

    def __init__(self, runner: Runner) -> None:
        self.environment, self.scratch = runner.environment, runner.scratch
        self.socket = runner.scratch / "agent.sock"
        self.agents: list[subprocess.Popen] = []
        config = self.scratch / "answering.yaml"
        config.write_text(self.CONFIG)
        kept = ["--config", str(config), "--state", str(self.scratch / "answering")]
        self.start("--store", "memory", *kept, "--api", f"unix:{self.socket}")
        # Until there is a sample it is not ready; the first of CPU comes after that.
        for path in ("readyz", "values/utilization/cpu"):
            wrong = self.ask(f"curl --retry {TIMEOUT} --retry-all-errors --unix-socket {self.SOCKET} http://localhost/{path}")
            if wrong:
                raise RuntimeError(wrong)

    def start(self, *options: str, **variables: str) -> None:
        agent = subprocess.Popen(
            [AGENT, "--namespace", "MyApp", "--service", "web", "--period", "2", *options],
            cwd=self.scratch,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.agents.append(agent)
        assert agent.stderr
        for line in agent.stderr:
            if "the API answers at" in line:
                break

    def ask(self, command: str) -> str | None:
        """Sends a request. Returns what is wrong, if anything."""
        if self.SECURED in command:
            if len(self.agents) == 1:
                # With the certificate that the document has made before.
                options = ["--api", "0.0.0.0:8091", "--api-tls-cert", "api.pem", "--api-tls-key", "api.key"]
                self.start(*options, CLOUDWATCH_METRICS_AGENT_API_TOKEN="change-this-token")
        elif self.SOCKET not in command:
            return f"asks no agent at {self.SOCKET}"
        longest = 3 if "/stream" in command else TIMEOUT
        strict = f"curl --silent --show-error --fail-with-body --max-time {longest} "
        done = self.shell(command.replace("curl ", strict, 1))
        if "/stream" in command:
            # It has no end: curl gives up after a while, with what came until then.
            return None if done.returncode == GAVE_UP and "event: " in done.stdout else f"streams {done}"
        if done.returncode != 0:
            return f"ends with {done.returncode}: {done.stdout}{done.stderr}"
        if "/plot?" in command and not json.loads(done.stdout)["values"]:
            return "has no points"
        return None

    def run(self, command: str) -> str | None:
        """Runs the agent as a command that asks the one that runs. Returns what is wrong, if anything."""
        done = self.shell(command)
        # This agent has no folder for its state.
        told = done.stderr.replace(self.FORGOTTEN, "")
        if done.returncode != 0 or not done.stdout.strip() or told:
            return f"ends with {done.returncode}: {done.stdout}{done.stderr}"
        return None

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        command = command.replace(self.SOCKET, str(self.socket))
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.scratch,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )

    def end(self) -> None:
        for agent in self.agents:
            agent.kill()
            agent.wait()


def check_commands(
    name: str, text: str, runner: Runner, answering: Answering, problems: Problems, listed: set[str]
) -> int:
    run = 0
    for line, language, file, block in blocks(text):
        where = f"{name}:{line}"
        if file:
            wrong = runner.show(file, block)
            if wrong:
                problems.add(where, wrong)
            continue
        if language == "json":
            try:
                json.loads(block)
            except ValueError as error:
                problems.add(where, f"is not JSON: {error}")
        named = re.match(r"# ([\w-]+\.yaml)\n", block) if language == "yaml" else None
        if named:
            wrong = runner.check(block, named[1])
            if wrong:
                problems.add(where, wrong)
        if language in ("bash", "shell", "console"):
            problems.add(where, "call it sh, so that its commands are run")
        if language != "sh":
            continue
        if subprocess.run(["sh", "-n"], input=block, text=True).returncode != 0:
            problems.add(where, "is not shell")
        for command in commands(block):
            command = re.sub(f"^{CARGO_RUN}", f"{AGENT} ", command)
            program = next((word for word in command.split() if "=" not in word), "")
            if command in COMMANDS:
                listed.add(command)
            elif program == "openssl":
                run += 1
                made = subprocess.run(shlex.split(command), cwd=runner.scratch, capture_output=True, text=True)
                if made.returncode != 0:
                    problems.add(where, f"`{command}` ends with {made.returncode}: {made.stderr}")
            elif program == "curl":
                run += 1
                wrong = answering.ask(command)
                if wrong:
                    problems.add(where, f"`{command}` {wrong}")
            elif not program or program in PROGRAMS or is_tested(program):
                # Without a program it only names something for the commands after it.
                continue
            elif program == AGENT:
                run += 1
                asks = answering.SOCKET in command and command.split()[1] in ANSWERS
                wrong = (answering.run if asks else runner.run)(command)
                if wrong:
                    problems.add(where, f"`{command}` {wrong}")
            else:
                problems.add(where, f"`{command}` is neither run here nor on the list of check.py")
    return run


def anchors(document: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    text = re.sub(r"^( *)```.*?^\1```$", "", document.read_text(), flags=re.M | re.S)
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.*)$", text, re.M):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        copies = sum(1 for other in found if re.fullmatch(re.escape(anchor) + r"(-\d+)?", other))
        found.add(f"{anchor}-{copies}" if copies else anchor)
    return found


def check_links(path: Path, text: str, problems: Problems) -> int:
    text = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.M | re.S)
    text = re.sub(r"`[^`\n]*`", "", text)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    for link in links:
        where = f"{path.relative_to(ROOT)}: link {link}"
        if re.match(r"https?://", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or ROOT not in [file, *file.parents]:
            problems.add(where, "leads to no file of the repository")
        elif anchor and anchor not in anchors(file):
            problems.add(where, f"has no such heading among {sorted(anchors(file))}")
    return len(links)


def check_names(name: str, text: str, problems: Problems) -> int:
    """The files and the targets of cargo that a document names in its text."""
    text = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.M | re.S)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]
    top = "src|scripts|tests|docs|docker|examples|benches|\\.github"
    for span in spans:
        for path in re.findall(rf"(?:^| )((?:{top})/[\w./*-]+)", span):
            if not re.search(r"\bNAME\b", path) and not any(ROOT.glob(path)):
                problems.add(name, f"`{path}` does not exist")
        for option, target in re.findall(r"cargo .*?(--test|--bench|-p) ([\w-]+)", span):
            files = {"--test": f"tests/{target}/main.rs", "--bench": f"benches/{target}.rs"}
            if not any(ROOT.glob(files.get(option, f"tests/{target}/Cargo.toml"))):
                problems.add(name, f"`{span}`: there is no {target}")
    return len(spans)


def main() -> int:
    work, server = Path(sys.argv[1]), sys.argv[2]
    documents = {path for pattern in DOCUMENTS for path in ROOT.glob(pattern)}
    documents = sorted(path for path in documents if "node_modules" not in path.parts)
    problems, listed, run, links, names = Problems(), set[str](), 0, 0, 0
    fake = subprocess.Popen([server], stdout=subprocess.PIPE, text=True)
    answering = None
    try:
        assert fake.stdout
        runner = Runner(work, fake.stdout.readline().strip())
        answering = Answering(runner)
        for path in documents:
            text = path.read_text()
            run += check_commands(str(path.relative_to(ROOT)), text, runner, answering, problems, listed)
            links += check_links(path, text, problems)
            names += check_names(str(path.relative_to(ROOT)), text, problems)
    finally:
        fake.kill()
        if answering:
            answering.end()
        fake.wait()
    for command in COMMANDS.keys() - listed:
        problems.add("check.py", f"`{command}` is in no document any more")
    print(f"{len(documents)} documents: {run} commands run, {len(listed)} listed;", end=" ")
    print(f"{links} links and {names} names checked")
    return 1 if problems.found or not (run and links and names) else 0


if __name__ == "__main__":
    sys.exit(main())
