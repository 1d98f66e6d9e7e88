//! The attributes of the resource that is measured, and of every point.

use crate::config::{Dimension, SERVICE_NAME, Settings};

/// Name and value of each attribute of the resource: the service and the region first. Of two of the same name
/// the user's own counts.
pub fn attributes(settings: &Settings, region: Option<&str>) -> Vec<(String, String)> {
    let (identity, otlp) = (&settings.identity, &settings.publishing.otlp);
    let service = identity.dimensions.iter().find(|of| of.name == SERVICE_NAME);
    let service = service.map(|of| &of.value).or(otlp.service.as_ref());
    let mut all = Vec::<(String, String)>::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() && all.iter().all(|(other, _)| other != name) {
            all.push((name.to_owned(), value.to_owned()));
        }
    };
    service.iter().for_each(|value| add(SERVICE, value));
    otlp.attributes.iter().for_each(|(name, value)| add(name, value));
    region.iter().for_each(|region| add(REGION, region));
    otlp.found.iter().for_each(|(name, value)| add(name, value));
    if let Some(namespace) = identity.namespace.as_ref().filter(|_| otlp.all_attributes) {
        add("service.namespace", namespace);
    }
    all
}

/// Adds the region, which may be found later than the others.
pub fn add_region(resource: &mut Vec<(String, String)>, region: Option<&str>) {
    if let Some(region) = region.filter(|_| resource.iter().all(|(name, _)| name != REGION)) {
        resource.push((REGION.to_owned(), region.to_owned()));
    }
}

/// The dimensions of all metrics as attributes of each point, but for those that the resource has.
pub fn of_points(settings: &Settings, resource: &[(String, String)]) -> Vec<(String, String)> {
    let is_in_resource = |of: &&Dimension| {
        let same = SAME.iter().find(|(dimension, _)| *dimension == of.name);
        let name = same.map_or(&*of.name, |(_, attribute)| attribute);
        resource
            .iter()
            .any(|(other, value)| other == name && (same.is_none() || *value == of.value))
    };
    let dimensions = settings.identity.dimensions.iter().filter(|of| !is_in_resource(of));
    dimensions.map(|of| (of.name.clone(), of.value.clone())).collect()
}

/// The dimensions that the conventions have another name for.
const SAME: [(&str, &str); 7] = [
    (SERVICE_NAME, SERVICE),
    ("TaskDefinitionFamily", "aws.ecs.task.family"),
    ("TaskId", "aws.ecs.task.id"),
    ("ContainerName", "container.name"),
    ("AvailabilityZone", "cloud.availability_zone"),
    ("InstanceId", "host.id"),
    ("HostName", "host.name"),
];

const SERVICE: &str = "service.name";
const REGION: &str = "cloud.region";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::cloudwatch::tests::settings;

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_users_own_come_first_and_each_name_is_there_once() {
        let mut settings = settings(60, &[("TaskId", "abc"), ("Stage", "beta")]);
        settings.publishing.otlp.service = Some("Other".into());
        settings.publishing.otlp.attributes =
            pairs(&[("service.name", "No"), ("cloud.region", "mars"), ("Stage", "x")]);
        settings.publishing.otlp.found = pairs(&[("aws.ecs.task.id", "abc"), ("host.name", "")]);
        let resource = attributes(&settings, Some("eu-west-1"));
        let expected = [
            ("service.name", "FooService"),
            ("cloud.region", "mars"),
            ("Stage", "x"),
            ("aws.ecs.task.id", "abc"),
        ];
        assert_eq!(resource, pairs(&expected));
        assert_eq!(of_points(&settings, &resource), []);
        assert_eq!(
            of_points(&settings, &resource[..1]),
            pairs(&[("TaskId", "abc"), ("Stage", "beta")])
        );
    }
}
