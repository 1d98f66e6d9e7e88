"""The cases of examples that publish by OTLP, and of those with checks, history, API and page: each file with its check
and its mistakes. cases.py adds them to the others."""

from __future__ import annotations

from pathlib import Path

import iam
import local
import otlp
from agent import Agent


def of(examples: Path, agent: Agent) -> list[tuple]:
    def text(file: str) -> str:
        return (examples / file).read_text()

    unit, configuration = "systemd/cloudwatch-metrics-agent.service", "ec2/agent.yaml"
    return [
        ("ecs/fargate-otlp.json", lambda t: otlp.task_definition(t, agent), TASK),
        ("ecs/fargate-history.json", lambda t: local.task_definition(t, agent), TASK_WITH_HISTORY),
        ("compose/otlp.yaml", lambda t: otlp.in_compose(t, agent), COMPOSE),
        ("compose/page.yaml", lambda t: local.in_compose(t, agent), PAGE),
        ("kubernetes/sidecar-otlp.yaml", lambda t: otlp.sidecar(t, agent), SIDECAR),
        ("kubernetes/sidecar-checks.yaml", lambda t: local.sidecar(t, agent), CHECKS),
        ("systemd/otlp.default", lambda t: otlp.settings(t, agent), SETTINGS),
        ("iam/policy-otlp.json", lambda t: iam.policy(t, None), POLICY),
        (configuration, lambda t: local.host(t, agent), HOST),
        ("ec2/local.conf", lambda t: local.drop_in(t, text(unit), text(configuration), agent), DROP_IN),
    ]


TASK = [
    ('"value": "otlp"', '"value": "cloudwatch"', "no namespace"),
    ('"value": "otlp"', '"value": "emf"', "no namespace|publishes to"),
    ("_AGENT_PUBLISH", "_AGENT_PUBLSH", "knows no"),
    ('{ "name": "CLOUDWATCH_METRICS_AGENT_SERVICE"',
     '{ "name": "OTEL_EXPORTER_OTLP_HEADERS", "value": "api-key=x" }, { "name": "CLOUDWATCH_METRICS_AGENT_SERVICE"',
     "HEADERS is a secret"),
    ('"essential": false,', "", "the agent is essential"),
]
TASK_WITH_HISTORY = [
    ('"sourceVolume": "history"', '"sourceVolume": "other"', "on no volume"),
    ('"value": "/history"', '"value": "/var/history"', "on no volume"),
    ('"containerPath": "/history"', '"containerPath": "/history", "readOnly": true', "on no volume"),
    ('"user": "0:0"', '"user": "65532"', "cannot write"),
    ('"drop": ["ALL"]', '"add": ["SYS_PTRACE"], "drop": ["ALL"]', "rights that it does not need"),
    ("127.0.0.1:8091", "0.0.0.0:8091", "exits with 2"),
    ("arn:aws:secretsmanager", "arn:aws:s3", "the token is no secret"),
    ('"healthcheck"]', '"--version"]', "does not ask the agent"),
    ('"secrets"', '"secret"', "Unknown parameter"),
]
COMPOSE = [
    ("${OTLP_HEADERS:?set it in the environment, or in a file .env beside this one}", "api-key=k", "is a secret"),
    ("https://otlp.example.com", "https://otlp.example.com/v1/metrics", "expected a URL without /v1/metrics"),
    ("https://otlp.example.com", "https://otlp.example.org", "it publishes to"),
    ("PUBLISH: otlp", "PUBLISH: cloudwatch", "no namespace"),
    ('pid: "service:namespace"', "init: true", "is not stopped|does not see|ends before"),
]
PAGE = [
    ('"127.0.0.1:8091:8091"', '"8091:8091"', "the page is at"),
    ("${AGENT_TOKEN:?set it in the environment, or in a file .env beside this one}", "change-this-token", "is a secret"),
    ('_INSECURE: "true"', '_INSECURE: "false"', "exits with 2"),
    ("- history:/history", "- history:/var/history", "on no volume"),
    ("\nvolumes:\n  history:\n", "\nvolumes:\n  other:\n", "on no volume"),
    ("STORE: /history", "STORE: memory", "on no volume"),
]
SIDECAR = [
    ("value: http://collector.monitoring:4318", "value: http://collector.monitoring:4317", "it publishes to"),
    ("              valueFrom:\n                secretKeyRef:\n                  name: my-service-otlp\n                  key: headers",
     "              value: api-key=k", "HEADERS is a secret"),
    ("          restartPolicy: Always\n", "", "no native sidecar"),
    ("value: otlp", "value: cloudwatch", "no namespace"),
    ("name: POD_NAMESPACE", "name: AWS_REGION", "is for AWS"),
]
CHECKS = [
    ("value: /history/data", "value: /history", "in no folder"),
    ("            sizeLimit: 400Mi", "            medium: Memory", "in no folder"),
    ("type: remote.http", "type: remote.htp", "exits with"),
    ("            name: my-service-agent\n        - name: history", "            name: other\n        - name: history", "exits with"),
    ("mountPath: /etc/cloudwatch-metrics-agent", "mountPath: /etc/agent", "exits with"),
    ("value: 127.0.0.1:8091", "value: 0.0.0.0:8091", "exits with 2"),
    ("healthcheck,", "--version,", "does not ask the agent"),
    ("              valueFrom:\n                secretKeyRef:\n                  name: my-service-agent\n                  key: token",
     "              value: change-this-token", "TOKEN is a secret"),
    ("metric['duration'] > 1000", "metric['duration'] >> 1000", "exits with"),
    ("          restartPolicy: Always\n", "", "no native sidecar"),
]
SETTINGS = [
    ("#CLOUDWATCH_METRICS_AGENT_PUBLISH=otlp\n", "", "no namespace|region"),
    ("#CLOUDWATCH_METRICS_AGENT_SERVICE", "CLOUDWATCH_METRICS_AGENT_SERVICE", "not commented out"),
    ("_ATTRIBUTES=all", "_ATTRIBUTES=some", "exits with 2"),
    ("https://otlp.example.com\n", "https://otlp.example.com\n#OTEL_EXPORTER_OTLP_HEADERS=api-key=k\n", "is a secret"),
]
POLICY = [
    ("PutMetricData", "PutMetricDat", "W3037"),
    ('"Resource": "*"', '"Resource": "*", "Condition": {"StringEquals": {"cloudwatch:namespace": "MyNamespace"}}',
     "not the agent's policy"),
    ('"cloudwatch:PutMetricData"', '"cloudwatch:*"', "not the agent's policy"),
]
HOST = [
    ("target: /", "target: /not-there", "root-disk: nothing is mounted"),
    ("> 95)", "> )", "exits with"),
    ("check: swap", "check: swp", "exits with"),
    ("of: rate", "of: rates", "exits with"),
    ("publish: none", "publish: all", "MemoryUsedPercent"),
    ("publish: yes", "publish: no", "it publishes"),
    ("scope: host", "scope: task", "measures the task"),
    ("ServiceName+InstanceId", "ServiceName+Instance", "exits with"),
]
DROP_IN = [
    ("StateDirectory=cloudwatch-metrics-agent\n", "StateDirectory=agent\n", "folder of store"),
    ("RuntimeDirectory=cloudwatch-metrics-agent\n", "", "folder of api"),
    ("RuntimeDirectory=", "RuntimeDirectry=", "RuntimeDirectry"),
    ("AF_UNIX", "AF_NETLINK", "may not open a unix socket"),
    ("/agent.yaml", "/other.yaml", "does not read the file"),
]
