"""Claims about entities, checks and their types, host info, targets and agents."""

from __future__ import annotations

import json
import socket
import time

from service import equal, true
from world import HOUR_MS, TYPES, World

HOST_INFO = {
    "cpus", "memory", "network_interfaces", "filesystems", "disks", "system", "processes", "who", "date",
    "hostname", "kernel_modules", "fstab", "sysctl", "packages", "connections",
}


def the_one_entity_is_this_machine(world: World) -> None:
    entities = list(world.driver.list_entities())
    equal(len(entities), 1, "entities")
    entity, by_alias = entities[0], world.driver.get_entity("self")
    true(isinstance(entity.id, str) and entity.id, "the entity has no id")
    for field in ("id", "label", "agent_id", "uri", "extra", "ip_addresses"):
        equal(getattr(by_alias, field), getattr(entity, field), f"{field} of `self`")
    true(isinstance(entity.label, str) and entity.label, "the entity has no label")
    true(isinstance(entity.agent_id, str) and entity.agent_id, "the entity has no agent")
    for name, address in entity.ip_addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        true(name and socket.inet_pton(family, address), f"the address {name} is {address}")


def the_entity_has_the_same_checks_by_both_of_its_names(world: World) -> None:
    entity = next(iter(world.driver.list_entities()))
    by_id = [check.id for check in world.driver.list_checks(entity)]
    by_alias = [value["id"] for value in world.service.get("/entities/self/checks")["values"]]
    equal(by_id, by_alias, "the checks")


def checks_are_those_of_the_configuration(world: World) -> None:
    entity = next(iter(world.driver.list_entities()))
    checks = list(world.driver.list_checks(entity))
    # In this order: a list is sorted by id.
    equal([(check.id, check.type) for check in checks], sorted(TYPES.items()), "checks")
    by_id = {check.id: check for check in checks}
    for name in ("cpus", "load", "memory", "root-disk"):
        equal((by_id[name].period, by_id[name].timeout), (2, 1), f"period and timeout of {name}")
        equal(by_id[name].disabled, False, f"disabled of {name}")
    equal(by_id["idle"].disabled, True, "disabled of idle")
    equal(by_id["root-disk"].details, {"target": "/"}, "details of root-disk")
    equal(by_id["load"].label, "Load of the machine", "label of load")
    equal(by_id["cpus"].label, "cpus", "label of cpus, which is its id")
    equal(by_id["load"].metadata, {"team": "web"}, "metadata of load")


def one_check_is_as_in_the_list(world: World) -> None:
    entity = next(iter(world.driver.list_entities()))
    for listed in world.driver.list_checks(entity):
        check = world.driver.get_check(entity.id, listed.id)
        for field in ("id", "type", "label", "period", "timeout", "details", "disabled", "metadata"):
            equal(getattr(check, field), getattr(listed, field), f"{field} of {listed.id}")


def check_types_are_those_of_the_program(world: World) -> None:
    expected = json.loads(world.says("check", "--list", "--output", "json"))
    listed = {one.id: one for one in world.driver.list_check_types()}
    missing = {one["type"] for one in expected} - set(listed)
    equal(missing, set(), "types that are not listed")
    for one in expected:
        found = listed[one["type"]]
        equal(found.is_remote, one["type"].startswith("remote."), f"remote of {found.id}")
        expected_fields = {detail["name"]: detail["optional"] for detail in one["details"]}
        equal({field["name"]: field["optional"] for field in found.fields}, expected_fields, f"fields of {found.id}")
    disk = {field["name"]: field for field in listed["agent.filesystem"].fields}
    equal(disk["target"]["optional"], False, "optional of the target of a file system")
    true(disk["target"]["description"], "the target of a file system has no description")


def host_info_is_that_of_this_machine(world: World) -> None:
    agent = next(iter(world.driver.list_agents()))
    told = world.driver.get_agent_host_info_types(agent.id)
    equal({name.lower() for name in told["types"]}, HOST_INFO, "types of host info")
    for name in ("hostname", "HOSTNAME"):
        host = world.driver.get_agent_host_info(agent.id, name)
        equal(host["info"], [{"hostname": socket.gethostname()}], name)
        true(abs(host["timestamp"] - time.time() * 1000) < 60_000, f"the time of {name} is {host['timestamp']}")
    entity = next(iter(world.driver.list_entities()))
    of_entity = world.driver.get_entity_host_info(entity.id, "memory")["info"][0]
    of_program = json.loads(world.says("host-info", "memory", "--output", "json"))["info"][0]
    equal(set(of_entity), set(of_program), "fields of memory")
    equal(of_entity["total"], of_program["total"], "the memory of the machine")
    cpus = world.driver.get_agent_host_info(agent.id, "cpus")["info"]
    expected = json.loads(world.says("host-info", "cpus", "--output", "json"))["info"]
    equal([(cpu["name"], cpu["model"]) for cpu in cpus], [(cpu["name"], cpu["model"]) for cpu in expected], "cpus")


def targets_are_those_that_the_program_finds(world: World) -> None:
    entity = next(iter(world.driver.list_entities()))
    for check_type in ("agent.filesystem", "agent.network", "agent.disk"):
        expected = json.loads(world.says("check", check_type, "--targets", "--output", "json"))["values"]
        told = world.driver.get_entity_agent_targets(entity.id, check_type)
        equal(sorted(one["id"] for one in told["values"]), sorted(one["id"] for one in expected), check_type)
    told = world.driver.get_entity_agent_targets(entity.id, "agent.filesystem")
    true("/" in [one["id"] for one in told["values"]], "/ is no target")


def the_one_agent_is_this_program(world: World) -> None:
    entity = next(iter(world.driver.list_entities()))
    agents = list(world.driver.list_agents())
    equal([agent.id for agent in agents], [entity.agent_id], "agents")
    now = time.time() * 1000
    true(0 <= now - agents[0].last_connected < 24 * HOUR_MS, f"last connected at {agents[0].last_connected}")
    connections = list(world.driver.list_agent_connections(agents[0].id))
    equal([one.agent_id for one in connections], [entity.agent_id], "the agents of its connections")
    version = world.says("--version").split()[1]
    equal(connections[0].process_version, version, "the version")
    for field in ("id", "guid", "endpoint", "agent_ip", "bundle_version"):
        true(getattr(connections[0], field), f"a connection without {field}")


def paths_work_without_the_tenant(world: World) -> None:
    driver = world.driver_for(world.service.base_url, world.service.token)
    equal([one.id for one in driver.list_entities()], [one.id for one in world.driver.list_entities()], "entities")
    equal(sorted(check.id for check in driver.list_checks(driver.get_entity("self"))), sorted(TYPES), "checks")


CLAIMS = [
    the_one_entity_is_this_machine,
    the_entity_has_the_same_checks_by_both_of_its_names,
    checks_are_those_of_the_configuration,
    one_check_is_as_in_the_list,
    check_types_are_those_of_the_program,
    host_info_is_that_of_this_machine,
    targets_are_those_that_the_program_finds,
    the_one_agent_is_this_program,
    paths_work_without_the_tenant,
]
