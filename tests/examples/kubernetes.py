"""Kubernetes: the strict schemas of the API, and that the agent is where it can measure the
service: in its container, or in one that sees its processes; or the machine, on each."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

import model
import task
from agent import NAME, PREFIX, Agent

# What the secrets of an example are, as a token and as a header.
SECRET = "name=value-of-the-secret"
# The oldest with schemas here; the first with native sidecars; the first with volumes of images.
ANY, SIDECARS, IMAGE_VOLUMES = "1.25", "1.29", "1.35"


class Once(yaml.SafeLoader):
    """YAML in which no key stands twice."""


def mapping(loader: Once, node: yaml.MappingNode) -> dict:
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise yaml.YAMLError(f"{twice} twice, line {node.start_mark.line + 1}")
    return loader.construct_mapping(node, deep=True)


Once.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def parsed(text: str, version: str) -> tuple[list[dict], list[str]]:
    try:
        documents = list(yaml.load_all(text, Loader=Once))
        for document in documents:
            kubernetes_validate.validate(document, version, strict=True)
    except (yaml.YAMLError, kubernetes_validate.ValidationError) as error:
        return [], [str(error)]
    return documents, []


def pod_of(documents: list[dict], agent: Agent) -> tuple[dict, list[str]]:
    spec = next(d["spec"] for d in documents if d["kind"] in ("Deployment", "DaemonSet"))
    pod, labels = spec["template"]["spec"], spec["template"]["metadata"]["labels"]
    found = []
    if not spec["selector"]["matchLabels"].items() <= labels.items():
        found.append("the selector does not select the pod")
    if pod.get("terminationGracePeriodSeconds", 30) < 2 * agent.shutdown_timeout:
        found.append("the grace period is too short for the service and the agent's last window")
    return pod, found


def uncommented(text: str, first: str) -> str:
    """With the commented lines from this one on as YAML."""
    start = text.find(f"# {first}")
    if start < 0:
        return text
    end = re.search(r"^ *[^# ]|\Z", text[start:], re.MULTILINE).start() + start
    return text[:start] + re.sub(r"^( *)# ", r"\1", text[start:end], flags=re.MULTILINE) + text[end:]


def deployment(text: str, agent: Agent) -> list[str]:
    """As it stands, and with the image as the volume."""
    def without(key: str, text: str) -> str:
        """Without this key and all below it."""
        return re.sub(rf"^( *){key}:.*\n(\1 .*\n)*", "", text, flags=re.MULTILINE)

    image = without("emptyDir", without("initContainers", uncommented(text, "image:")))
    return in_deployment(text, ANY, agent) or [
        f"with the image as the volume: {problem}"
        for problem in in_deployment(image, IMAGE_VOLUMES, agent)
    ]


def in_deployment(text: str, version: str, agent: Agent) -> list[str]:
    documents, found = parsed(text, version)
    if found:
        return found
    accounts = [d["metadata"]["name"] for d in documents if d["kind"] == "ServiceAccount"]
    pod, found = pod_of(documents, agent)
    if pod.get("serviceAccountName") not in accounts:
        found.append("the pod has no service account of the example")
    if len(pod["containers"]) != 1:
        found.append("the agent is not in the container of the service")
    container = pod["containers"][0]
    return found + in_container(container, pod, agent)


def installed(volume: dict, pod: dict) -> str:
    """The image whose agent is in the volume: the volume's own, or that of the container that
    installs it there."""
    for container in pod.get("initContainers", []):
        places = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == volume["name"]]
        does = container.get("args") in [["install", place] for place in places]
        if does and "emptyDir" in volume and "command" not in container:
            return container["image"]
    return volume.get("image", {}).get("reference", "")


def in_container(container: dict, pod: dict, agent: Agent) -> list[str]:
    """The agent is the container's first process and the service its command."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    path, *options = container.get("command", [""])
    found = model.image_problems(container["image"])
    mounted = [
        installed(volumes[mount["name"]], pod)
        for mount in container["volumeMounts"]
        if path == f"{mount['mountPath']}/{NAME}" and mount["name"] in volumes
    ]
    if not mounted or not mounted[0].endswith(f"/{NAME}:{agent.version}"):
        found.append(f"the command is not the agent {agent.version} in a volume that has it")
    found += [problem for image in mounted for problem in model.image_problems(image)]
    if options[-1:] != ["--"] or not container.get("args"):
        found.append("the service is not the agent's command")
    if container["resources"].get("limits", {}).keys() != {"cpu", "memory"}:
        found.append("the container has no limits that the percent could be of")
    if found:
        return found
    told, found = agent.explain(task.environment(container["env"]), options[:-1])
    if not found and told["scope"] != "container":
        found.append(f"the agent measures the {told['scope']}")
    return found


def sidecar(text: str, agent: Agent) -> list[str]:
    """The agent is a native sidecar that may read the control groups of the others."""
    documents, found = parsed(text, SIDECARS)
    if found:
        return found
    pod, found = pod_of(documents, agent)
    if not pod.get("shareProcessNamespace"):
        found.append("the agent does not see the processes of the service")
    agents = [c for c in pod.get("initContainers", []) if task.is_agent(c)]
    if len(agents) != 1 or agents[0].get("restartPolicy") != "Always":
        return [*found, "the agent is no native sidecar"]
    own, others = agents[0], pod["containers"]
    for container in [own, *others]:
        found += model.image_problems(container["image"])
        if container["resources"].get("limits", {}).keys() != {"cpu", "memory"}:
            found.append(f"{container['name']} has no limits, and so the pod has none")
    if not own["image"].endswith(f":{agent.version}"):
        found.append(f"the agent's image is not of version {agent.version}")
    found += rights(own, others, pod)
    if found:
        return found
    with configured(own, pod, documents) as env:
        told, found = agent.explain(env, [])
    if not found and told["scope"] != "pod":
        found.append(f"the agent measures the {told['scope']}")
    return found


def sidecar_of(text: str, agent: Agent) -> tuple[list[dict], dict, dict]:
    """The documents, the pod and the agent in it, of a text in which `sidecar` has found nothing."""
    documents = list(yaml.safe_load_all(text))
    pod, _ = pod_of(documents, agent)
    return documents, pod, next(container for container in pod["initContainers"] if task.is_agent(container))


@contextlib.contextmanager
def configured(own: dict, pod: dict, documents: list[dict]):
    """The variables of a container, with the files of its ConfigMaps where this machine can read them."""
    env = of_node(own["env"])
    maps = {d["metadata"]["name"]: d["data"] for d in documents if d["kind"] == "ConfigMap"}
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    with tempfile.TemporaryDirectory() as folder:
        for mount in own.get("volumeMounts", []):
            of = volumes.get(mount["name"], {}).get("configMap", {}).get("name")
            for name, text in maps.get(of, {}).items():
                (Path(folder) / name).write_text(text)
                path = f"{mount['mountPath']}/{name}"
                env = {key: str(Path(folder) / name) if value == path else value for key, value in env.items()}
        yield env


def rights(own: dict, others: list[dict], pod: dict) -> list[str]:
    """Either SYS_PTRACE as root, and nothing else, or the user and group of all others
    (PTRACE_MODE_READ_FSCREDS in ptrace(2))."""
    context = own.get("securityContext", {})
    added = context.get("capabilities", {}).get("add", [])
    if context.get("capabilities", {}).get("drop") != ["ALL"]:
        return ["the agent has rights that it does not need"]
    if added:
        is_root = context.get("runAsUser") == 0 and context.get("runAsGroup") == 0
        return [] if is_root and added == ["SYS_PTRACE"] else ["SYS_PTRACE is for root alone"]

    def ids(container: dict) -> list[int | None]:
        of = pod.get("securityContext", {}) | container.get("securityContext", {})
        return [of.get("runAsUser"), of.get("runAsGroup")]

    if None in ids(own) or any(ids(other) != ids(own) for other in others):
        return ["the agent has another user or group than the service"]
    return []


def daemonset(text: str, agent: Agent) -> list[str]:
    """As it stands, and with what is commented out."""
    more = uncommented(uncommented(text, "hostNetwork"), f"- name: {PREFIX}METRICS")
    return on_each_node(text, agent) or [
        f"with what is commented out: {problem}" for problem in on_each_node(more, agent)
    ]


def on_each_node(text: str, agent: Agent) -> list[str]:
    """The agent measures the machine, without more rights than that takes."""
    documents, found = parsed(text, ANY)
    if found:
        return found
    if all(document["kind"] != "DaemonSet" for document in documents):
        return ["it does not run on each machine"]
    pod, found = pod_of(documents, agent)
    (own,) = pod["containers"]
    found += model.image_problems(own["image"])
    if not own["image"].endswith(f"/{NAME}:{agent.version}"):
        found.append(f"the image is not that of the agent {agent.version}")
    context = own.get("securityContext", {})
    if (
        pod.get("volumes") or pod.get("hostPID") or context.get("privileged")
        or context.get("capabilities") != {"drop": ["ALL"]}
    ):
        found.append("the agent has rights that it does not need")
    env = of_node(own["env"])
    is_networked = "network" in env.get(f"{PREFIX}METRICS", "").split(",")
    if is_networked != pod.get("hostNetwork", False):
        found.append("the network of the machine is for `network` among the metrics, and needed for it")
    told, more = agent.explain(env)
    found += more
    if told and told["scope"] != "host":
        found.append(f"the agent measures the {told['scope']} and not the machine")
    nodes = {metric["dimensions"].get("NodeName") for metric in told.get("metrics", [])}
    if told and nodes != {None, "node-1"}:
        found.append("there are no metrics of each node and of all together")
    return found


def of_node(pairs: list[dict]) -> dict[str, str]:
    """The variables as the kubelet of a node sets them; names in $(…) are of variables above."""
    env: dict[str, str] = {}
    for pair in pairs:
        field = pair.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        value = "node-1" if field == "spec.nodeName" else pair.get("value", "")
        if "secretKeyRef" in pair.get("valueFrom", {}):
            value = SECRET
        env[pair["name"]] = re.sub(
            r"\$\((\w+)\)", lambda name: env.get(name[1], name[0]), value
        )
    return env
