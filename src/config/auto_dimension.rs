//! Dimensions whose values are found out where the agent runs.

use super::Dimension;
use super::near::did_you_mean;

/// Something that can be a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoDimension {
    Cluster,
    TaskFamily,
    TaskId,
    Container,
    AvailabilityZone,
    InstanceId,
    Hostname,
}

impl AutoDimension {
    /// How each is asked for, and what it is called in CloudWatch.
    const ALL: [(&'static str, &'static str, Self); 7] = [
        ("cluster", "ClusterName", Self::Cluster),
        ("task-family", "TaskDefinitionFamily", Self::TaskFamily),
        ("task-id", "TaskId", Self::TaskId),
        ("container", "ContainerName", Self::Container),
        ("availability-zone", "AvailabilityZone", Self::AvailabilityZone),
        ("instance-id", "InstanceId", Self::InstanceId),
        ("hostname", "HostName", Self::Hostname),
    ];

    /// The dimension's name.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(_, _, dimension)| *dimension == self);
        found.map_or("", |(_, name, _)| name)
    }

    /// The dimension with a value that was found out.
    pub fn with(self, value: String) -> Dimension {
        Dimension { name: self.name().to_owned(), value }
    }
}

/// `--auto-dimensions`: names with commas between them.
pub fn auto_dimensions(text: &str) -> Result<Vec<AutoDimension>, String> {
    let mut chosen = Vec::new();
    for word in text.split(',').map(str::trim) {
        let found = AutoDimension::ALL.into_iter().find(|(asked, _, _)| *asked == word);
        let Some((_, _, dimension)) = found else {
            let words: Vec<_> = AutoDimension::ALL.iter().map(|(asked, _, _)| *asked).collect();
            let near = did_you_mean(word, &words);
            return Err(format!("any of {}, with commas, not {word:?}{near}", words.join(", ")));
        };
        if !chosen.contains(&dimension) {
            chosen.push(dimension);
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas() {
        let expected = vec![AutoDimension::TaskId, AutoDimension::Cluster];
        assert_eq!(auto_dimensions("task-id, cluster,task-id"), Ok(expected));
        assert_eq!(AutoDimension::TaskId.name(), "TaskId");
        for text in ["", "task", "cluster,", "Cluster"] {
            assert!(auto_dimensions(text).is_err(), "{text:?}");
        }
    }
}
