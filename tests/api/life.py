"""A whole life through the client library alone: a check, its metrics, an alarm, who is told of it, and the end of all
that. What is watched is a real service that fails and works again, and who is told is a real server."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from service import equal, true, until
from world import World, fails

SECRET = "the-key-of-the-signatures"
CRITERIA = """
if (metric['code'] != '200') { return new AlarmStatus(CRITICAL, 'the service answers #{code}'); }
return new AlarmStatus(OK, 'the service works');
"""
# What somebody has to be told of, in this order.
CHANGES = [("OK", "CRITICAL", "the service answers 404"), ("CRITICAL", "OK", "the service works")]


class Neighbour(ThreadingHTTPServer):
    """A service that answers what the test wants, at /health, and takes webhooks at /hook."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.code = 200
        self.hooks: list[tuple[str | None, bytes]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def events(self) -> list[dict]:
        """What was told, each with a signature that is right."""
        events = []
        for signature, body in list(self.hooks):
            digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            true(hmac.compare_digest(signature or "", f"sha256={digest}"), f"the signature {signature} of {body!r}")
            events.append(json.loads(body))
        return events


class Requests(BaseHTTPRequestHandler):
    server: Neighbour

    def do_GET(self) -> None:
        self.answer(self.server.code)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.hooks.append((self.headers["X-Signature-256"], body))
        self.answer(200)

    def answer(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def left(world: World) -> dict:
    """All that a client can make, and what is known of the values of checks."""
    driver, entity = world.driver, world.driver.get_entity("self")
    lists = {
        "checks": driver.list_checks(entity), "alarms": driver.list_alarms(entity),
        "notifications": driver.list_notifications(), "plans": driver.list_notification_plans(),
        "suppressions": driver.list_suppressions(),
    }
    found = {name: [one.id for one in listed] for name, listed in lists.items()}
    found["values"] = sorted({value["check"] for value in world.service.get("/values")["values"]})
    found["changes"] = world.service.get("/config")["changes"]
    return found


def a_whole_life_leaves_nothing_behind(world: World) -> None:
    before = left(world)
    with Neighbour() as neighbour:
        live(world, neighbour)
    equal(left(world), before, "what is there at the end")


def live(world: World, neighbour: Neighbour) -> None:
    driver, entity = world.driver, world.driver.get_entity("self")
    begin = int(time.time() * 1000)
    by = {"who": "a client", "why": "to see a whole life"}
    described = {"type": "remote.http", "details": {"url": f"{neighbour.url}/health"}}

    # Both are tried before they are made.
    tried = driver.test_check_and_alarm(entity, CRITERIA, **described)
    equal([one["state"] for one in tried], ["OK"], "what the criteria say of the service as it is")
    check = driver.create_check(entity, label="the neighbour", period=1, timeout=0.5, **described, **by)
    equal((check.label, check.period, check.disabled), ("the neighbour", 1, False), "the new check")

    def metrics() -> set[str]:
        return {metric.name for metric in driver.list_metrics(entity.id, check.id)}

    until(lambda: {"code", "duration"} <= metrics(), lambda: f"its metrics are {metrics()}")
    points = until(
        lambda: list(driver.fetch_data_point(entity.id, check.id, "duration", begin, int(time.time() * 1000), 100)),
        "no point of its metric",
    )
    true(all(point.average >= 0 for point in points), "a time below 0")

    hook = driver.create_notification(
        label="a hook", type="webhook", details={"url": f"{neighbour.url}/hook", "secret": SECRET}, **by
    )
    equal(hook.details["secret"], "***", "the secret in an answer")
    equal(driver.test_existing_notification(hook)["status"], "success", "a test of the notification")
    equal([event["kind"] for event in neighbour.events()], ["notification"], "what was told by the test")
    neighbour.hooks.clear()
    plan = driver.create_notification_plan(label="a plan", critical_state=[hook.id], ok_state=[hook.id], **by)
    alarm = driver.create_alarm(
        entity, label="the neighbour fails", check_id=check.id, criteria=CRITERIA, notification_plan_id=plan.id, **by
    )
    equal((alarm.check_id, alarm.criteria), (check.id, CRITERIA), "the new alarm")

    def state() -> str | None:
        overview = next(iter(driver.ex_views_overview()))
        return next((one.state for one in overview["latest_alarm_states"] if one.alarm_id == alarm.id), None)

    until(lambda: state() == "OK", lambda: f"the state is {state()}")
    equal(neighbour.events(), [], "nobody is told that all is well from the start")
    neighbour.code = 404
    until(lambda: state() == "CRITICAL", lambda: f"the state is {state()}")
    until(lambda: len(neighbour.events()) == 1, "nobody is told that it is CRITICAL")
    # Another label is no reason to begin anew.
    alarm = driver.update_alarm(alarm, {"label": "it fails"}, **by)
    equal((alarm.label, state()), ("it fails", "CRITICAL"), "the alarm with another label")
    neighbour.code = 200
    until(lambda: state() == "OK", lambda: f"the state is {state()}")
    until(lambda: len(neighbour.events()) == 2, "nobody is told that it is OK")

    told = [(event["previous_state"], event["state"], event["message"]) for event in neighbour.events()]
    equal(told, CHANGES, "what was told")
    ids = {(event["check_id"], event["alarm_id"]) for event in neighbour.events()}
    equal(ids, {(check.id, alarm.id)}, "of what it was told")
    changes = [one for one in driver.list_alarm_changelog(entity=entity) if one.alarm_id == alarm.id]
    equal([(one.previous_state, one.state) for one in changes], [of[:2] for of in CHANGES], "the changelog")
    equal(driver.ex_list_alarm_notification_history_checks(entity, alarm), {"check_ids": [check.id]}, "told of")

    def history() -> list[dict]:
        return list(driver.ex_list_alarm_notification_history(entity, alarm, check))

    # The answer to a webhook comes after its arrival.
    until(lambda: all(one["notification_results"][0]["success"] for one in history()), lambda: f"{history()}")
    found = [(one["previous_state"], one["state"], one["notification_plan_id"]) for one in history()]
    equal(found, [(*of[:2], plan.id) for of in CHANGES], "the history of notifications")
    newest = next(iter(driver.ex_list_alarm_notification_history(entity, alarm, check, reverse=True)))
    equal(newest["state"], "OK", "the newest of it")

    # What is used cannot be removed, and all of it can in this order.
    true(not removes(driver.delete_notification, hook), "a notification is removed that a plan uses")
    true(not removes(driver.delete_notification_plan, plan), "a plan is removed that an alarm uses")
    for remove, one in [
        (driver.delete_alarm, alarm), (driver.delete_check, check), (driver.delete_notification_plan, plan),
        (driver.delete_notification, hook),
    ]:
        equal(remove(one, **by), True, f"removing {one.id}")
    fails(404, "notFoundError", lambda: driver.get_check(entity.id, check.id))
    fails(404, "notFoundError", lambda: driver.get_alarm(entity.id, alarm.id))
    neighbour.code = 404
    equal(len(neighbour.events()), 2, "nobody is told of what is no more")


def removes(remove, one: object) -> bool:
    """Whether the client may remove it; a reason why not is what it raises."""
    try:
        return remove(one)
    except Exception:
        return False


CLAIMS = [a_whole_life_leaves_nothing_behind]
