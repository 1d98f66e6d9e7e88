"""ministack, an emulator of AWS, as a child process, and the base of the tests that use it."""

import os
import re
import sys
import tempfile
import unittest

import boto3
import botocore.config
import cbor2  # noqa: F401 - without it ministack answers 200 and stores nothing

from child import Child

REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class EmulatorTest(unittest.TestCase):
    """Ends the processes that it started, and shows what the agents among them said."""

    def setUp(self):
        self.children = []

    def _formatMessage(self, msg, standardMsg):
        agents = [str(child) for child in self.children if child.name.startswith("agent")]
        return "\n".join([super()._formatMessage(msg, standardMsg), *agents])

    def start(self, name, command, environment):
        child = Child(name, command, environment)
        self.addCleanup(child.end)
        self.children.append(child)
        return child

    def start_ministack(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        environment = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": "0",
            "PATH": os.defpath,
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": folder.name,
        }
        # -I: a test beside this file has the name of the package, and must not be taken for it.
        ministack = self.start("ministack", [sys.executable, "-I", "-m", "ministack"], environment)
        running = ministack.wait_for(re.compile(r"Running on (http://127\.0\.0\.1:\d+)"))
        self.endpoint_url = running[1]
        # ministack keeps regions apart: what is read here was sent to this region.
        return boto3.client(
            "cloudwatch",
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=botocore.config.Config(proxies={}),
        )


def binary():
    """The agent's: the first argument, taken off the others."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(f"usage: python {sys.argv[0]} PATH_TO_BINARY [unittest options]")
    return os.path.abspath(sys.argv.pop(1))
