"""The agent as the client library and as plain HTTP see it, and the machine under it."""

from __future__ import annotations

import json
import subprocess
import time

from libcloud.common.exceptions import BaseHTTPError
from rackspace_monitoring.drivers.rackspace import RackspaceMonitoringDriver
from service import Service, equal

# What agent.yaml has, and the check that is always there.
TYPES = {
    "cpus": "agent.cpu", "idle": "agent.memory", "load": "agent.load_average", "memory": "agent.memory",
    "root-disk": "agent.filesystem", "utilization": "agent.utilization",
}
HOUR_MS = 3_600_000


class World:
    """The agent as both see it, and the machine under it."""

    def __init__(self, base_url: str, token: str, binary: str) -> None:
        self.service = Service(base_url, token)
        self.driver = self.driver_for(f"{base_url}/v1.0/self", token)
        self.binary = binary

    @staticmethod
    def driver_for(base_url: str, token: str) -> RackspaceMonitoringDriver:
        return RackspaceMonitoringDriver("any", "any", ex_force_base_url=base_url, ex_force_auth_token=token)

    def says(self, *arguments: str) -> str:
        """What a command of the binary prints."""
        run = subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=60, check=True)
        return run.stdout

    def metrics_of(self, check_type: str) -> dict[str, dict]:
        types = json.loads(self.says("check", "--list", "--output", "json"))
        return next({metric["name"]: metric for metric in one["metrics"]} for one in types if one["type"] == check_type)

    def full(self, check: str, metric: str, begin: int, end: int) -> list[dict]:
        """All points of a range, over as many pages as there are."""
        query = f"from={begin}&to={end}&resolution=FULL&select=average,variance,min,max"
        path = f"/v1.0/self/entities/self/checks/{check}/metrics/{metric}/plot?{query}"
        return [point for page in self.service.pages(path) for point in page["values"]]

    def points(self, check: str, metric: str, points: int) -> list:
        """What the client plots of the last hour."""
        now = int(time.time() * 1000)
        return list(self.driver.fetch_data_point("self", check, metric, now - HOUR_MS, now, points))


def fails(code: int, kind: str, ask) -> None:
    """The client has to raise what this status is for it."""
    try:
        ask()
    except BaseHTTPError as error:
        equal(error.code, code, "the status")
        equal(error.message["type"], kind, "the type of the error")
        equal(error.message["code"], str(code), "the code in the body")
        equal(sorted(error.message), ["code", "details", "message", "type"], "the fields of an error")
        return
    raise AssertionError(f"no error, and not {code}")
