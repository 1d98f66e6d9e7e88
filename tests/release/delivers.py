"""A released binary against the fake CloudWatch, over TLS: it publishes, and delivers the rest on SIGTERM.

    python3 tests/release/delivers.py FAKE_CLOUDWATCH [EMULATOR] BINARY

With the emulator of another processor, such as qemu-aarch64-static, the binary may be one for that.
"""

import json
import re
import subprocess
import sys
import tempfile

PATIENCE_SECONDS = 60
STOPPED = re.compile(r" stopped; windows=(\d+) delivered=(\d+) dropped=0 undelivered=0 ")


def main(server_program: str, *agent_program: str) -> None:
    with tempfile.NamedTemporaryFile(suffix=".pem") as ca:
        server = subprocess.Popen(
            [server_program, "--tls", "--ca-file", ca.name], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout
        url = server.stdout.readline().strip()
        options = ["--namespace", "Release", "--service", "Foo", "--period", "1", "--endpoint-url", url]
        environment = {
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "RUST_LOG": "info",
            "SSL_CERT_FILE": ca.name,
        }
        agent = subprocess.Popen(
            [*agent_program, *options], env=environment, stderr=subprocess.PIPE, text=True
        )
        requests = []
        try:
            # Two, so that one window was measured as a whole.
            requests += [server.stdout.readline() for _ in range(2)]
            agent.terminate()
            _, log = agent.communicate(timeout=PATIENCE_SECONDS)
        finally:
            agent.kill()
            server.kill()
        requests += server.stdout.readlines()

    stopped = STOPPED.search(log)
    if agent.returncode != 0 or not stopped:
        sys.exit(f"it ended with {agent.returncode}, and said:\n{log}")
    data = [datum for request in requests for datum in json.loads(request)["datums"]]
    arrived = {datum["timestamp"] for datum in data if datum["name"] == "MemoryUtilization"}
    measured, delivered = map(int, stopped.groups())
    if not len(arrived) == measured == delivered:
        sys.exit(f"{len(arrived)} windows of {measured} arrived, and it counts {delivered}:\n{log}")
    if not all(0 <= value <= 100 for datum in data for value in datum["values"]):
        sys.exit(f"not all of these are percent: {data}")
    print(f"delivers: {delivered} windows of {measured}, the last on SIGTERM")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
