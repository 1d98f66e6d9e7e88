//! The attributes of the place where the agent runs, under the names of OpenTelemetry's conventions.

use std::env;
use std::fs;
use std::time::Duration;

use tokio::time::timeout;

use super::{ContainerIdentity, Finder, ecs, last_part};
use crate::blocking::{self, Purpose};
use crate::config::Otlp;
use crate::surroundings::ecs::TaskEndpoint;

/// Names and values, in their order.
type Attributes = Vec<(String, String)>;

impl Finder {
    /// What tells one agent of a service from another; with all attributes whatever else is known of the place.
    /// What is not found is left out.
    pub(super) async fn resource(&self, otlp: &Otlp) -> Attributes {
        let all = otlp.all_attributes;
        let mut found = Attributes::new();
        let mut add = |name: &str, value: &str| {
            if !value.trim().is_empty() {
                found.push((name.to_owned(), value.trim().to_owned()));
            }
        };
        let (is_ecs, mut is_task) = (TaskEndpoint::from_environment().is_some(), false);
        if is_ecs && let Ok(task) = self.task().await {
            is_task = true;
            add(TASK_FAMILY, &task.family);
            add(TASK_ID, &last_part(&task.task_arn));
            let [region, account] = of_arn(&task.task_arn);
            add("cloud.region", region);
            if all {
                add("cloud.provider", "aws");
                add("cloud.platform", "aws_ecs");
                add("cloud.account.id", account);
                add("cloud.availability_zone", &task.availability_zone);
                add("aws.ecs.cluster.arn", &cluster_arn(&task.cluster, &task.task_arn));
                add("aws.ecs.task.arn", &task.task_arn);
                add("aws.ecs.task.revision", &task.revision);
                add("aws.ecs.launchtype", &task.launch_type.to_lowercase());
            }
        }
        if !all {
            if !is_task {
                found.extend(of_this_agent(otlp));
            }
            return found;
        }
        if is_ecs && let Ok(container) = ecs::<ContainerIdentity>("").await {
            add("container.name", &container.name);
            add("container.id", &container.docker_id);
            add("container.image.name", &container.image);
            add("aws.ecs.container.arn", &container.container_arn);
        }
        if is_set(IN_KUBERNETES) {
            add(POD_NAME, &pod_name());
            let namespace = env::var("POD_NAMESPACE").ok();
            let namespace = match namespace.filter(|of| !of.is_empty()) {
                Some(namespace) => namespace,
                None => kubernetes_namespace().await.unwrap_or_default(),
            };
            add("k8s.namespace.name", &namespace);
            add("k8s.node.name", &env::var("NODE_NAME").unwrap_or_default());
        }
        for (variable, name) in OF_BATCH {
            add(name, &env::var(variable).unwrap_or_default());
        }
        if !is_ecs && let Ok(instance) = self.instance("instance-id").await {
            add("cloud.provider", "aws");
            add("cloud.platform", "aws_ec2");
            add("host.id", &instance);
            for (path, name) in OF_INSTANCE {
                add(name, &self.instance(path).await.unwrap_or_default());
            }
        }
        add(HOST_NAME, &host_name());
        found
    }
}

/// The attribute that tells this agent from another of the same service where no task's id does, without which
/// both would write the same cumulative series. Nothing where the user has given one.
pub(super) fn of_this_agent(otlp: &Otlp) -> Option<(String, String)> {
    let is_told = |(name, _): &(String, String)| OF_ONE_AGENT.contains(&&**name);
    if otlp.attributes.iter().any(is_told) {
        return None;
    }
    let (name, value) = if is_set(IN_KUBERNETES) {
        (POD_NAME, pod_name())
    } else if is_set(JOB_ID.0) {
        (JOB_ID.1, env::var(JOB_ID.0).unwrap_or_default())
    } else {
        (HOST_NAME, host_name())
    };
    let value = value.trim();
    (!value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

/// What will be found by default, as far as it is known before anything is asked: `unknown` stands for the rest.
pub fn expected(otlp: &Otlp, unknown: &str) -> Attributes {
    if TaskEndpoint::from_environment().is_some() {
        return [TASK_FAMILY, TASK_ID].map(|name| (name.to_owned(), unknown.to_owned())).into();
    }
    of_this_agent(otlp).into_iter().collect()
}

/// In a container usually the beginning of its id.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The host name of a pod is its name, unless it has the network of its node.
fn pod_name() -> String {
    env::var("POD_NAME").ok().filter(|name| !name.trim().is_empty()).unwrap_or_else(host_name)
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The region and the account of `arn:PARTITION:SERVICE:REGION:ACCOUNT:…`; empty for what is no ARN.
fn of_arn(arn: &str) -> [&str; 2] {
    let mut parts = arn.strip_prefix("arn:").unwrap_or_default().split(':').skip(2);
    [parts.next().unwrap_or_default(), parts.next().unwrap_or_default()]
}

/// On instances the endpoint has the name of the cluster alone.
fn cluster_arn(cluster: &str, task_arn: &str) -> String {
    match task_arn.split_once(":task/") {
        Some((before, _)) if !cluster.starts_with("arn:") && !cluster.is_empty() => {
            format!("{before}:cluster/{cluster}")
        }
        _ => cluster.to_owned(),
    }
}

async fn kubernetes_namespace() -> Option<String> {
    let read = || fs::read_to_string(NAMESPACE_FILE).ok();
    timeout(READ_TIMEOUT, blocking::call(Purpose::Files, read)).await.ok()?.ok()?
}

/// In every pod.
const IN_KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";

const TASK_FAMILY: &str = "aws.ecs.task.family";
const TASK_ID: &str = "aws.ecs.task.id";
const POD_NAME: &str = "k8s.pod.name";
const HOST_NAME: &str = "host.name";

/// Attributes of a user's own that only one agent has. With one of them nothing is added.
const OF_ONE_AGENT: [&str; 5] =
    ["service.instance.id", HOST_NAME, POD_NAME, "k8s.pod.uid", "container.id"];

/// Each child of an array and each node has an id of its own.
const JOB_ID: (&str, &str) = ("AWS_BATCH_JOB_ID", "aws.batch.job.id");

/// AWS Batch sets these in the container of a job. There are no conventions for them.
const OF_BATCH: [(&str, &str); 5] = [
    JOB_ID,
    ("AWS_BATCH_JOB_ATTEMPT", "aws.batch.job.attempt"),
    ("AWS_BATCH_JOB_ARRAY_INDEX", "aws.batch.job.array_index"),
    ("AWS_BATCH_JQ_NAME", "aws.batch.queue.name"),
    ("AWS_BATCH_CE_NAME", "aws.batch.compute_environment.name"),
];

const OF_INSTANCE: [(&str, &str); 2] =
    [("instance-type", "host.type"), ("placement/availability-zone", "cloud.availability_zone")];

/// In every container of a pod that has a service account.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// It is in memory. After this it counts as not there.
const READ_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_account_and_cluster_are_those_of_the_arn() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task/main/158d1c8083dd49d6b527399fd6414f5c";
        assert_eq!(of_arn(arn), ["eu-west-1", "123456789012"]);
        assert_eq!(of_arn("a task"), ["", ""]);
        let cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/main";
        assert_eq!(cluster_arn("main", arn), cluster);
        assert_eq!(cluster_arn(cluster, arn), cluster);
        assert_eq!(cluster_arn("", arn), "");
    }
}
