"""Claims about what the API refuses, and how."""

from __future__ import annotations

import time

from rackspace_monitoring.drivers.rackspace import RackspaceMonitoringValidationError
from service import equal, true
from world import World, fails


def what_is_not_there_is_404(world: World) -> None:
    now = int(time.time() * 1000)
    driver = world.driver
    fails(404, "parentNotFoundError", lambda: list(driver.list_metrics("nobody", "load")))
    fails(404, "notFoundError", lambda: driver.get_check("self", "no-such-check"))
    fails(404, "notFoundError", lambda: list(driver.list_metrics("self", "no-such-check")))
    fails(404, "notFoundError", lambda: list(driver.fetch_data_point("self", "load", "2m", now - 1000, now)))


def a_wrong_value_is_400_with_all_four_fields(world: World) -> None:
    now = int(time.time() * 1000)
    for begin, end, points, named in [(now, now - 1, 1, "to"), (now - 1, now, -1, "points"), ("x", now, 1, "from")]:
        try:
            list(world.driver.fetch_data_point("self", "load", "1m", begin, end, points))
        except RackspaceMonitoringValidationError as error:
            equal((error.type, error.code), ("badRequest", "400"), "type and code")
            true(named in f"{error.message} {error.details}", f"it does not name {named}: {error.message}")
        else:
            raise AssertionError(f"from={begin}, to={end}, points={points} gives no error")
    for limit in ("0", "1001", "x"):
        answer = world.service.ask(f"/entities?limit={limit}")
        equal((answer.status, answer.body["type"]), (400, "invalidLimit"), f"limit={limit}")


def a_text_has_no_plot(world: World) -> None:
    now = int(time.time() * 1000)
    answer = world.service.ask(
        f"/entities/self/checks/root-disk/metrics/options/plot?from={now - 1000}&to={now}&points=1"
    )
    equal((answer.status, answer.body["type"]), (400, "badRequest"), "a plot of options")


def nobody_without_a_token_gets_in(world: World) -> None:
    stranger = world.driver_for(f"{world.service.base_url}/v1.0/self", "not-a-token-of-this-agent")
    fails(401, "unauthorized", lambda: list(stranger.list_entities()))
    for path in ("/entities", "/v1.0/self/no/such/path", "/metrics"):
        answer = world.service.ask(path, token="")
        equal(answer.status, 401, f"{path} without a token")
        true("www-authenticate" in answer.headers, f"{path}: no WWW-Authenticate")
    for path in ("/healthz", "/readyz"):
        equal(world.service.ask(path, token="").status, 200, path)


def another_method_is_405_and_says_which_there_are(world: World) -> None:
    answer = world.service.ask("/entities/self/checks/load/metrics/1m/plot", method="POST", body={})
    equal((answer.status, answer.body["type"]), (405, "methodNotAllowed"), "POST of a plot")
    true("GET" in answer.headers["allow"].split(", "), f"Allow: {answer.headers['allow']}")


CLAIMS = [
    what_is_not_there_is_404,
    a_wrong_value_is_400_with_all_four_fields,
    a_text_has_no_plot,
    nobody_without_a_token_gets_in,
    another_method_is_405_and_says_which_there_are,
]
