"""The examples, the check of each, and mistakes in it that have to be found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import ansible_role
import cdk
import checks
import cloudformation
import cloudwatch
import compose
import documents
import ecs
import iam
import kubernetes
import local_cases
import plugins
import systemd
import task
import terraform
from agent import Agent

# Text, what stands there instead, and what the problem has to say.
Mistake = tuple[str, str, str]


@dataclass
class Case:
    file: str
    problems: Callable[[str], list[str]]
    mistakes: list[Mistake]
    # Files that are checked with this one.
    besides: list[str] = field(default_factory=list)


def environment_of_fargate(examples: Path) -> dict[str, str]:
    definition = json.loads((examples / "ecs/fargate.json").read_text())
    return task.environment(task.sidecar_of(definition["containerDefinitions"])["environment"])


def cases(
    examples: Path, agent: Agent, published: cloudwatch.Published, provider: terraform.Provider,
    packages: Path,
) -> list[Case]:
    def with_commands(file: str, problems: Callable[[str], list[str]]) -> Callable:
        return lambda text: problems(text) + documents.problems(text, examples / file)

    def settings() -> str:
        return (examples / DEFAULT).read_text()

    own = [
        Case("ecs/fargate.json", lambda t: ecs.task_definition(t, agent, ecs.FARGATE), FARGATE),
        # Its region is nobody's but the example's.
        Case("ecs/ec2.json", lambda t: ecs.task_definition(t, agent, {}), EC2),
        Case("ecs/fargate-pid-mode-task.json",
             lambda t: ecs.task_with_shared_processes(t, agent, ecs.FARGATE), FARGATE + SHARED),
        Case("ecs/ec2-pid-mode-task.json",
             lambda t: ecs.task_with_shared_processes(t, agent, {}), EC2 + SHARED),
        Case("batch/job.json", lambda t: ecs.job_definition(t, agent), JOB),
        Case("batch/job-with-sidecar.json", lambda t: ecs.job_definition(t, agent), SIDECAR_JOB),
        Case("cloudformation/fargate-service.yaml",
             lambda t: cloudformation.service(t, agent), SERVICE),
        Case("cloudformation/monitoring.yaml",
             lambda t: cloudformation.monitoring(t, published), MONITORING),
        Case("cloudwatch/alarm.json", lambda t: cloudwatch.alarm(t, published), ALARM),
        Case("cloudwatch/dashboard.json", lambda t: cloudwatch.dashboard(t, published), DASHBOARD),
        Case("iam/policy.json", lambda t: iam.policy(t, published.namespace), POLICY),
        Case("iam/trust-ecs-tasks.json", trust("ecs-tasks.amazonaws.com"), TRUST),
        Case("iam/trust-ec2.json", trust("ec2.amazonaws.com"), TRUST),
        Case("iam/trust-eks-pods.json",
             trust("pods.eks.amazonaws.com", ["sts:AssumeRole", "sts:TagSession"]), TRUST),
        Case("terraform/main.tf", lambda t: terraform.service(t, provider, agent), TERRAFORM),
        Case("kubernetes/deployment.yaml", lambda t: kubernetes.deployment(t, agent), KUBERNETES),
        Case("kubernetes/daemonset.yaml", lambda t: kubernetes.daemonset(t, agent), NODES),
        Case("kubernetes/sidecar-restricted.yaml",
             lambda t: kubernetes.sidecar(t, agent), RESTRICTED),
        Case("kubernetes/sidecar-any-user.yaml",
             lambda t: kubernetes.sidecar(t, agent), ANY_USER),
        Case("compose/compose.yaml", lambda t: compose.problems(t, agent), COMPOSE),
        Case(UNIT, lambda t: systemd.unit(t, settings(), agent), SYSTEMD),
        Case(DEFAULT, lambda t: systemd.settings(t, agent), SETTINGS),
        Case(CONFIGURATION, lambda t: checks.problems(t, agent), CHECKS),
        Case("plugins/jobs.sh", lambda t: plugins.problems(t, agent), PLUGIN),
        Case("ansible/playbook.yml", lambda t: ansible_role.playbook(t, agent), PLAYBOOK),
        Case(f"{ROLE}/tasks/main.yml", lambda t: ansible_role.linted(t, f"{ansible_role.ROLE}/tasks/main.yml"), TASKS,
             ansible_role.files()),
        Case(f"{ROLE}/defaults/main.yml", ansible_role.defaults, DEFAULTS),
        Case("cdk/app.ts", lambda t: cdk.app(t, examples / "cdk", packages, agent), CDK,
             ["cdk/cdk.json", "cdk/package.json", "cdk/tsconfig.json"]),
    ]
    own += [Case(*one) for one in local_cases.of(examples, agent)]
    own.append(Case("cdk/package.json", lambda t: commands_of_cdk(t, examples, packages), PACKAGE))
    for case in own:
        if not case.file.endswith(".json"):
            case.problems = with_commands(case.file, case.problems)
    own += [
        Case(f"{folder}README.md",
             partial(documents.problems, path=examples / folder / "README.md"), README[folder])
        for folder in README
    ]
    own[-1].besides.append(".gitignore")
    own += [
        Case(file, partial(documents.problems, path=examples / file), mistakes)
        for file, mistakes in DOCUMENTS.items()
    ]
    return own


def trust(service: str, actions: object = "sts:AssumeRole") -> Callable[[str], list[str]]:
    return lambda text: iam.trust(text, service, actions)


def commands_of_cdk(package: str, examples: Path, packages: Path) -> list[str]:
    """The versions are those that are installed, and the tool takes what the library writes."""
    named = json.loads(package)
    for name, version in (named["dependencies"] | named["devDependencies"]).items():
        installed = json.loads((packages / "node_modules" / name / "package.json").read_text())
        if installed["version"] != version:
            return [f"{name} {installed['version']} was checked and not {version}"]
    (packages / "app.ts").write_text((examples / "cdk/app.ts").read_text())
    return cdk.synthesized(packages)


UNIT = "systemd/cloudwatch-metrics-agent.service"
DEFAULT = "systemd/cloudwatch-metrics-agent.default"
CONFIGURATION = "checks/agent.yaml"
ROLE = f"ansible/{ansible_role.ROLE}"
TASK: list[Mistake] = [
    ('"essential": false,', "", "the agent is essential"),
    ('"essential": false,', '"esential": false,', "Unknown parameter"),
    ('"essential": true', '"essential": false', "no other container is essential"),
    ('"condition": "START"', '"condition": "STARTED"', "is not one of"),
    ('"condition": "START"', '"condition": "HEALTHY"', "does not depend on the START"),
    ('"containerName": "cloudwatch', '"containerName": "other', "no container is named other"),
    (":0.3.0", ":0.1.0", "not of version"),
    ("cloudwatch_metrics_agent:0.3.0", "cloudwatch_metrics_agent", "0 containers of the agent"),
    ("_AGENT_SERVICE", "_AGENT_SERVISE", "knows no"),
    ('"name": "my-service"', '"name": "cloudwatch-metrics-agent"', "two containers are named"),
]
FARGATE = [
    *TASK,
    ('"memory": "512"', '"memory": "768"', "Fargate has no task"),
    ('"memory": "512"', '"memory": 512', "Invalid type"),
    ('"memory": 32', '"memory": 512', "the containers have 512"),
    ('"memory": 32', '"memory": 4', "less than 16 MiB"),
    ('"awsvpc"', '"bridge"', "awsvpc alone"),
    ('"stopTimeout": 30', '"stopTimeout": 121', "2 s to 120 s"),
    ('"stopTimeout": 15', '"stopTimeout": 8', "within its 8 s"),
    ("my-service-task", "ecsTaskExecutionRole", "the task role is the execution role"),
    ('"awslogs-region": "eu-west-1",', "", "options of awslogs"),
    ('"family": "my-service",', '"family": "my-service", "family": "x",', "stands twice"),
]
EC2 = [
    *TASK,
    ("AWS_REGION", "AWS_REGIONS", "knows no region"),
    ('"memory": "512",', "", "has no cpu or memory"),
]
JOB = [
    ('"512"', '"768"', "Fargate has no job"),
    ('"MEMORY"', '"MEMORIES"', "is not one of"),
    ('"--", ', "", "the command is not"),
    ('"jobRoleArn"', '"taskRoleArn"', "Unknown parameter"),
    ("_AGENT_SERVICE", "_AGENT_SERVISE", "no namespace or no service"),
]
SIDECAR_JOB = [
    ('"essential": false,', "", "the agent is essential"),
    ('"512"', '"1024"', "Fargate has no job"),
    ('"condition": "START"', '"condition": "COMPLETE"', "does not depend on the START"),
    ('"taskRoleArn"', '"jobRoleArn"', "Unknown parameter"),
]
SERVICE = [
    ("Essential: false", "Essential: true", "the agent is essential"),
    ("Essential: false", "Esential: false", "E3002|Esential"),
    ("Essential: false", "Essential: false\n          Essential: false", "Duplicate"),
    ('Memory: "512"', 'Memory: "768"', "E3047|Fargate has no task"),
    ("!GetAtt TaskRole.Arn", "!GetAtt ExecutionRole.Arn", "the task role is the execution role"),
    ("cloudwatch:PutMetricData", "cloudwatch:PutMetricDat", "W3037"),
    ("cloudwatch:namespace", "cloudwatch:nmspace", "UNKNOWN_CONDITION_FOR_ACTION"),
    ("!Ref LogGroup", "!Ref LogGroups", "E1020"),
    ("StopTimeout: 15", "StopTimeout: 5", "within its 8 s"),
    ("Subnets=subnet-1", "Subnet=subnet-1", "no parameter Subnet"),
]
MONITORING = [
    ("MetricName: CPUUtilization", "MetricName: CpuUtilization", "sends no metric"),
    ("- Name: ServiceName", "- Name: Service", "the agent sends .* with"),
    ("Statistic: Maximum", "Statistic: Max", "E3030"),
    ('"MaxCPUUtilization"', '"MaxCpuUtilization"', "sends no metric"),
    ('"y": 0,', '"y": 0', "not JSON|E3"),
    ("Default: MyNamespace", "Default: Other", "publishes to MyNamespace"),
    (" Topic=arn", " Topics=arn", "no parameter Topics"),
]
ALARM = [
    ("MaxMemoryUtilization", "MaximumMemoryUtilization", "sends no metric"),
    ("MyNamespace", "Other", "publishes to MyNamespace"),
    ('"my-service" }', '"other" }', "the agent sends .* with"),
    ('"Period": 60', '"Period": 60, "Unit": "Bytes"', "sends Percent and not Bytes"),
    ('"Period": 60', '"Period": 30', "no multiple"),
    ("GreaterThanThreshold", "Greater", "is not one of"),
    ('"Threshold": 90', '"Threshold": 100', "no percentage passes"),
    ('"EvaluationPeriods": 3,', "", "has no EvaluationPeriods"),
]
DASHBOARD = [
    ("MaxCPUUtilization", "MaxCPU", "sends no metric"),
    ('"ServiceName", ', "", "is no metric"),
    ('"width": 12', '"width": 25', "25 is greater"),
    ('"x": 12', '"x": 13', "right edge"),
    ('"timeSeries"', '"time"', "is not one of"),
    ('"stacked"', '"staked"', "staked"),
    ('"Percent"', '"Count"', "not labelled"),
    ('"stat": "Maximum"', '"stat": "Max"', "no statistic"),
]
POLICY = [
    ("PutMetricData", "PutMetricDat", "W3037"),
    ("StringEquals", "StringEqual", "E3510"),
    ("cloudwatch:namespace", "cloudwatch:nmspace", "UNKNOWN_CONDITION_FOR_ACTION"),
    ("MyNamespace", "Other", "not the agent's policy"),
    ('"cloudwatch:PutMetricData"', '"cloudwatch:*"', "not the agent's policy"),
]
TRUST = [
    ("sts:AssumeRole", "sts:AssumeRol", "W3037|does not get the role"),
    ('"Principal"', '"Principle"', "E3511|Principle"),
    (".amazonaws.com", ".amazon.com", "does not get the role"),
]
TERRAFORM = [
    ("essential              = false", "essential              = true", "the agent is essential"),
    ('memory                   = "512"', 'memory                   = "768"', "Fargate has no task"),
    ("task_role_arn ", "task_role ", "has no argument task_role"),
    ("  family                   = var.service_name\n", "", "needs family"),
    ("aws_iam_role.task.arn", "aws_iam_role.other.arn", "refers to nothing"),
    ("aws_iam_role.task.arn", "aws_iam_role.task.name_of", "refers to nothing"),
    ("= var.agent_image", "= var.agent_picture", "refers to nothing"),
    ("aws_iam_role.task.id", "aws_iam_role.execution.id", "does not have the policy"),
    ("assign_public_ip = true", 'assign_public_ip = "yes please"', "wrong type"),
    ("assign_public_ip", "assign_public_addr", "has no argument assign_public_addr"),
    ('"aws_ecs_service"', '"aws_ecs_services"', "the provider has no"),
    ("cloudwatch:namespace", "cloudwatch:nmspace", "UNKNOWN_CONDITION_FOR_ACTION"),
    ("  network_configuration {", "  network_configuration", "not HCL"),
]
KUBERNETES = [
    ("mountPath: /agent", "mountPth: /agent", "mountPth"),
    ("mountPath: /agent", "mountPath: /other", "the command is not the agent"),
    ("            - name: agent", "            - name: other", "the command is not the agent"),
    ("args: [install, /agent]", "args: [instal, /agent]", "the command is not the agent"),
    ("args: [install, /agent]", "args: [install, /opt]", "the command is not the agent"),
    ("args: [install, /agent]", "command: [/cloudwatch_metrics_agent, install, /agent]", "the command is not the agent"),
    (":0.3.0", ":0.1.0", "the command is not the agent"),
    ("          emptyDir: {}", "          hostPath: {path: /opt}", "the command is not the agent"),
    ("# image:", "# imge:", "with the image as the volume"),
    ("#   reference:", "#   refrence:", "with the image as the volume"),
    ("#   reference: 1", "#   reference: x/y:1 # ", "with the image as the volume"),
    ("metrics_agent, --]", "metrics_agent]", "not the agent's command"),
    ("replicas: 1", "replicas: one", "one"),
    ("replicas: 1", "replicas: 1\n  replicas: 2", "twice"),
    ("            limits:\n              cpu: 500m\n", "            limits:\n", "no limits"),
    ("terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 8", "too short"),
    ("      app: my-service", "      app: other", "does not select"),
    ("value: container", "value: pods", "exits with 2"),
    ("      volumes:", "        - {name: sidecar, image: x}\n      volumes:", "not in the container"),
    ("--service-account", "--serviceaccount", "there is no --serviceaccount|missing"),
]
NODES = [
    ("kind: DaemonSet", "kind: Deployment", "does not run on each machine"),
    (":0.3.0", ":0.1.0", "not that of the agent"),
    ("value: host", "value: container", "measures the container and not"),
    ("      # hostNetwork: true", "      hostPID: true\n      # hostNetwork: true", "rights that it does not need"),
    ("      # hostNetwork: true", "      # hostNetwork: false", "commented out: the network of the machine"),
    ("#   value: cpu,memory,io,network", "#   value: cpu,memory,io", "commented out: the network of the machine"),
    ("#   value: cpu,memory,io,network", "#   value: cpu,memory,disk", "commented out: the agent exits with 2"),
    ("            # - name: CLOUDWATCH_METRICS_AGENT_METRICS\n            #   value:",
     "            - name: CLOUDWATCH_METRICS_AGENT_METRICS\n              value:", "the network of the machine"),
    ("drop: [ALL]", "drop: [ALL]\n              add: [SYS_PTRACE]", "rights that it does not need"),
    ("ServiceName+NodeName", "ServiceName", "exits with 2"),
    ("NodeName=$(NODE_NAME)", "NodeName=$(NODE)", "no metrics of each node"),
    ("spec.nodeName", "spec.hostName", "exits with 2"),
    ("      app: cloudwatch", "      app: other", "does not select"),
    ("tolerations:", "toleration:", "toleration"),
]
SHARED = [
    ('"pidMode": "task"', '"pidMode": "host"', "does not see the processes"),
    ('"user": "0:0"', '"user": "65532"', "gets no right"),
    ("SYS_PTRACE", "SYS_ADMIN", "not SYS_PTRACE alone"),
    ('"drop": ["ALL"]', '"drop": []', "not SYS_PTRACE alone"),
]
SIDECAR = [
    ("shareProcessNamespace: true", "hostPID: true", "does not see the processes"),
    ("          restartPolicy: Always\n", "", "no native sidecar"),
    ("initContainers", "ephemeralContainers", "no native sidecar|ephemeralContainers"),
    ("terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 8", "too short"),
    ("cpu: 100m\n", "cpus: 100m\n", "cloudwatch-metrics-agent has no limits"),
    (":0.3.0", ":0.1.0", "not of version"),
    ("value: pod", "value: container", "expected --scope task, pod or auto"),
    ("drop: [ALL]", "drop: [NET_RAW]", "rights that it does not need"),
]
RESTRICTED = [
    *SIDECAR,
    ("        runAsGroup: 10001\n", "", "another user or group"),
    ("runAsUser: 10001", "runAsUsr: 10001", "runAsUsr"),
]
ANY_USER = [
    *SIDECAR,
    ("runAsUser: 0", "runAsUser: 10001", "for root alone"),
    ("SYS_PTRACE]", "SYS_ADMIN]", "for root alone"),
]
COMPOSE = [
    ('pid: "service:namespace"', "init: true", "is not stopped|does not see|ends before"),
    ("/pause:3.10", "/busybox:1.37", "the kernel kills"),
    ("    mem_limit: 256m\n", "", "app has no limits"),
    ("cap_add: [SYS_PTRACE]", "cap_add: [SYS_ADMIN]", "not root with SYS_PTRACE alone"),
    ("stop_grace_period: 15s", "stop_grace_period: 5s", "no time to deliver"),
    ("      agent:\n", "      namespace:\n", "not stopped before the agent"),
    ("SCOPE: pod", "SCOPE: host", "measures the host"),
]
SYSTEMD = [
    ("DynamicUser=yes", "DynamicUsr=yes", "DynamicUsr"),
    ("DynamicUser=yes", "DynamicUser=maybe", "maybe"),
    ("DynamicUser=yes\nCapabilityBoundingSet=\n", "", "systemd-analyze security"),
    ("ProtectProc=invisible", "ProcSubset=pid", "/proc/stat is hidden"),
    ("TimeoutStopSec=15", "TimeoutStopSec=5", "within the agent's time"),
    ("SCOPE=host", "SCOPE=task", "measures the task"),
    ("ExecStart=cloudwatch_metrics_agent", "ExecStart=cloudwatch-metrics-agent", "does not start"),
]
PLUGIN = [
    ("metric $name", "metrc $name", "expected status, state, metric or timestamp"),
    (" int ", " int32 x ", "expected a number and at most one unit"),
    (" ' .' '__'", " . _", "expected one of string, gauge"),
    ('  [ -d "$folder" ] && [ -r "$folder" ] || continue # what cannot be read has no number\n', "", "of empty the metrics are"),
    ("#!/bin/sh", "#!/bin/shell", "the interpreter in its first line"),
    ("echo \"metric kernel", "# \"", "the text is missing"),
]
CHECKS = [
    ("namespace:", "namespcae:", "did you mean namespace"),
    ("agent.load_average", "agent.load", "expected one of agent.cpu"),
    ("target: /", "path: /", "target is missing"),
    ("period: 5m", "period: 5h", "expected seconds from 1 to 1800"),
    ("used_percent, free", "used_per_cent, free", "did you mean used_percent"),
    ("swap_page_out: SwapPagesWritten", "swap_page_out: SwapUsed", "two metrics would have the name"),
    ("  load:", "\tload:", "a tab is used"),
    ("  load:", "  swap:", "is also in line"),
    ("target: /", "target: /not-there", "root-disk: nothing is mounted at /not-there"),
    ("${INTERFACE:-eth0}", "${INTERFACE}", "variable INTERFACE is not set"),
    ("scope: host\n", "scope: task\n", "measures the task"),
    (" config check ", " check ", "how to check it is not told"),
]
SETTINGS = [
    ("_SERVICE=my-service", "_SERVISE=my-service", "knows no"),
    ("#CLOUDWATCH_METRICS_AGENT_NAMESPACE", "CLOUDWATCH_METRICS_AGENT_NAMESPACE", "not commented out"),
    ("#CLOUDWATCH_METRICS_AGENT_NAMESPACE=MyNamespace\n", "", "no namespace or no service"),
    ("#CLOUDWATCH_METRICS_AGENT_AUTO", "#CLOUDWATCH_METRICS_AGENT_AUTOMATIC", "knows no"),
    ("=instance-id", "=instance", "exits with 2"),
    ("=/etc/cloudwatch-metrics-agent/", "=/etc/", "no example is /etc/agent.yaml"),
    ("_NAMESPACE=", "_NAMESPACE =", "is no setting"),
]
PLAYBOOK = [
    ("agent_service:", "agent_servise:", "has no variable cloudwatch_metrics_agent_servise"),
    ("used_percent, free", "used_per_cent, free", "did you mean used_percent"),
    ("_0.3.0-1_", "_0.1.0-1_", "is not of version"),
    ("become: true", "become: yes", "truthy"),
]
TASKS = [
    ('    mode: "0600"\n', "", "risky-file-permissions"),
    ("ansible.builtin.template:", "template:", "fqcn"),
]
DEFAULTS = [
    ("_agent_state: started", "_agent_state: stopped", "is 'stopped' and not 'started'"),
    ("_agent_region:", "_agent_regions:", "cloudwatch_metrics_agent_region has no default"),
]
CDK = [
    ("memoryLimitMiB: 32", "memoryLimit: 32", "memoryLimit"),
    ("essential: false", "essential: true", "the agent is essential"),
    ("memoryLimitMiB: 512", "memoryLimitMiB: 768", "768"),
]
PACKAGE = [
    ("2.275.0", "2.276.0", "was checked and not"),
]
# Documents with commands of AWS that are no examples.
DOCUMENTS = {
    "../docs/see-it-arrive.md": [("list-metrics --", "list-metric --", "there is no aws"),
                                 ("--statistics", "--statistic", "there is no --statistic"),
                                 ("--period 60", "", "period are missing"),
                                 ("--region", "--reigon", "there is no --reigon")],
    "../docs/quick-starts.md": [("--launch-type", "--launch-typ", "there is no --launch-typ"),
                                ("--task-definition my-service", "", "task-definition are missing")],
    "../docs/alarms-and-dashboards.md": [("--state-reason", "--reason", "missing|there is no")],
    "../docs/operations.md": [("--http-put-response-hop-limit", "--hop-limit", "there is no")],
}
README = {
    "ecs/": [("register-task-definition", "register-task", "there is no aws ecs"),
             ("fargate.json\n", "fargte.json\n", "is not there")],
    "batch/": [("--cli-input-json", "--cli-input-jsn", "missing|there is no")],
    "cloudwatch/": [("--dashboard-body", "--body", "missing|there is no")],
    "ansible/": [("(playbook.yml)", "(play.yml)", "is not there")],
    "ec2/": [("associate-iam-", "associate-", "there is no aws ec2"), ("(../iam/policy-otlp.json)", "(../iam/otlp.json)", "is not there")],
    "iam/": [("--policy-document file://policy", "--policy-document file://polic", "not there")],
    "": [("(ecs/fargate.json)", "(ecs/fargate)", "is not there")],
}
