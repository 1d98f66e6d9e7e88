"""Pods as the kubelet makes them, for a container runtime: a bundle of each container.

    python tests/kernel/bundles.py FOLDER

Writes FOLDER/POD/NAME/config.json, which has the word PAUSE in place of the process of the pod's pause
container. Beside it are the files that a guest needs: the container's id, and the pod's group and limits.
"""

import dataclasses
import hashlib
import json
import pathlib
import sys
import uuid

MEGABYTE = 1 << 20
QUOTA_PERIOD = 100_000

# In seconds.
PERIOD = 5
SAMPLE_INTERVAL = 0.5

# That of docker-default, which the profile of a container runtime has: who may look at whom. Two of them
# differ in their names alone.
PROFILE = """
profile {name} flags=(attach_disconnected,mediate_deleted) {{
  network,
  capability,
  file,
  umount,
  signal (receive) peer=unconfined,
  signal (send,receive) peer={name},
  deny @{{PROC}}/sysrq-trigger rwklx,
  deny mount,
  ptrace (trace,read,tracedby,readby) peer={name},
}}
"""
PROFILES = ("runtime-default", "another")

AGENT = ("/bin/agent", "--namespace", "T", "--service", "S", "--scope", "pod", "--per-container")
AGENT += ("--publish", "console,emf", "--output", "json", "--period", str(PERIOD))
AGENT += ("--sample-interval", str(SAMPLE_INTERVAL))

# What containerd leaves a container that asks for nothing.
DEFAULT_CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)
MASKED = ("acpi", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi")
READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")


@dataclasses.dataclass
class Container:
    words: tuple
    user: int = 0
    capabilities: tuple = DEFAULT_CAPABILITIES
    is_restricted: bool = False
    cores: float = 0
    megabytes: int = 0
    profile: str = ""


def pause(profile=""):
    return Container(("/bin/pause",), user=65535, profile=profile)


def app(*words, profile=""):
    return Container(words, user=1000, cores=0.5, megabytes=64, profile=profile)


def agent(*options, user=0, capabilities=("SYS_PTRACE",), profile=""):
    limits = {"cores": 0.1, "megabytes": 32}
    return Container((*AGENT, *options), user, capabilities, True, profile=profile, **limits)


# Percent of a core, and megabytes in its memory and in /dev/shm.
LOAD = ("/bin/neighbour", "20", "20", "4")
IDLE = ("/bin/neighbour", "1", "1", "0")
ONE, ANOTHER = PROFILES

# Each with its containers in the order in which they start: a sidecar that is native does before the app.
PODS = {
    "any-user": {"pause": pause(), "metrics": agent(), "web": app(*LOAD)},
    "same-user": {"pause": pause(), "metrics": agent(user=1000, capabilities=()), "web": app(*LOAD)},
    "same-profile": {"pause": pause(ONE), "web": app(*IDLE, profile=ONE), "metrics": agent(profile=ONE)},
    "another-profile": {
        "pause": pause(ONE),
        "web": app(*IDLE, profile=ANOTHER),
        "metrics": agent(profile=ONE),
    },
    "app-unconfined": {"pause": pause(ONE), "web": app(*IDLE), "metrics": agent(profile=ONE)},
    "agent-unconfined": {"pause": pause(ONE), "web": app(*IDLE, profile=ONE), "metrics": agent()},
    "job": {"pause": pause(), "web": app(*IDLE), "metrics": agent("--until-alone")},
}


def config(pod, name, container, group):
    """The container's config.json, as containerd has it of the kubelet."""
    capabilities = [f"CAP_{capability}" for capability in container.capabilities]
    sets = ("bounding", "effective", "permitted")
    process = {
        "user": {"uid": container.user, "gid": container.user},
        "args": container.words,
        "env": ["PATH=/bin", "RUST_LOG=info"],
        "cwd": "/",
        "capabilities": {name: capabilities for name in sets},
        "noNewPrivileges": container.is_restricted,
        "apparmorProfile": container.profile,
    }
    namespaces = [{"type": kind} for kind in ("mount", "cgroup")]
    of_pod = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts"}
    for kind, file in of_pod.items():
        path = {} if name == "pause" else {"path": f"/proc/PAUSE/ns/{file}"}
        namespaces.append({"type": kind} | path)
    hidden = ["nosuid", "noexec", "nodev"]
    mounts = [
        mount("/proc", "proc", hidden),
        mount("/dev", "tmpfs", ["nosuid", "mode=755", "size=65536k"]),
        mount("/dev/shm", "tmpfs", [*hidden, "mode=1777", "size=65536k"]),
        mount("/sys", "sysfs", [*hidden, "ro"]),
        mount("/sys/fs/cgroup", "cgroup", [*hidden, "relatime", "ro"]),
    ]
    if name != "pause":
        file = termination_log(pod, name)
        mounts.append(mount("/dev/termination-log", "bind", ["rbind", "rprivate", "rw"], file))
    resources = {"devices": [{"allow": False, "access": "rwm"}]}
    if container.cores:
        resources["cpu"] = {"quota": quota(container.cores), "period": QUOTA_PERIOD}
        resources["memory"] = {"limit": container.megabytes * MEGABYTE}
    return {
        "ociVersion": "1.0.2",
        "process": process,
        "root": {"path": "/rootfs", "readonly": container.is_restricted or name == "pause"},
        "mounts": mounts,
        "linux": {
            "namespaces": namespaces,
            "cgroupsPath": f"/{group}/{identifier(pod, name)}",
            "resources": resources,
            "maskedPaths": [f"/proc/{name}" for name in MASKED] + ["/sys/firmware"],
            "readonlyPaths": [f"/proc/{name}" for name in READ_ONLY],
        },
    }


def mount(destination, kind, options, source=None):
    return {"destination": destination, "type": kind, "source": source or kind, "options": options}


def termination_log(pod, name):
    """The file by whose path a container is named."""
    return f"/var/lib/kubelet/pods/{uid(pod)}/containers/{name}/{identifier(pod, name)[:8]}"


def uid(pod):
    return uuid.uuid5(uuid.NAMESPACE_DNS, pod)


def identifier(pod, name):
    return hashlib.sha256(f"{pod} {name}".encode()).hexdigest()


def quota(cores):
    return round(cores * QUOTA_PERIOD)


def main(folder):
    for pod, containers in PODS.items():
        group = f"kubepods/pod{uid(pod)}"
        for name, container in containers.items():
            bundle = pathlib.Path(folder, "pods", pod, name)
            bundle.mkdir(parents=True)
            text = json.dumps(config(pod, name, container, group), indent=1)
            bundle.joinpath("config.json").write_text(text)
            bundle.joinpath("id").write_text(identifier(pod, name))
            if name != "pause":
                bundle.joinpath("termination-log").write_text(termination_log(pod, name))
        limited = [container for container in containers.values() if container.cores]
        cpu = sum(quota(container.cores) for container in limited)
        memory = sum(container.megabytes for container in limited) * MEGABYTE
        limits = {"cpu": f"{cpu} {QUOTA_PERIOD}", "memory": memory}
        of_pod = {"group": group, "containers": " ".join(containers)}
        for file, text in (of_pod | limits).items():
            pathlib.Path(folder, "pods", pod, file).write_text(str(text))
    text = "@{PROC}=/proc/\n" + "".join(PROFILE.format(name=name) for name in PROFILES)
    pathlib.Path(folder, "profiles").write_text(text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/kernel/bundles.py FOLDER")
    main(sys.argv[1])
