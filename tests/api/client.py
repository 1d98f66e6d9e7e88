"""The API through an existing client library, rackspace-monitoring 0.8.1, and beside it as plain HTTP.

    client.py BASE_URL --token TOKEN --binary BINARY

BASE_URL is http://127.0.0.1:PORT; the agent behind it has the checks of agent.yaml. BINARY is the same
program: what its commands say of this machine is what the API has to say.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import life
import refusals
import resources
import values
from service import run
from world import World


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("base_url")
    parser.add_argument("--token", required=True)
    parser.add_argument("--binary", required=True)
    options = parser.parse_args()
    world = World(options.base_url.rstrip("/"), options.token, str(Path(options.binary).resolve()))
    return 1 if run(resources.CLAIMS + values.CLAIMS + refusals.CLAIMS + life.CLAIMS, world) else 0


if __name__ == "__main__":
    # The client sends what is meant for loopback through a proxy of the environment.
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        os.environ.pop(name, None)
    sys.exit(main())
