//! The encoding, compared with whole values, the send, and its failures.

mod encoding;
mod failure;
mod sending;

use std::time::Duration;

use crate::config::{
    self, Aws, Checks, Identity, Measuring, MemoryUse, Output, Publish, Publishing, Reporting,
    Scope, Settings, ValueForm,
};
use crate::model::{Number, Numbers};

/// Settings with a period in seconds and the user's own dimensions.
pub fn settings(period: u64, own: &[(&str, &str)]) -> Settings {
    let dimension = |(name, value): (&str, &str)| config::Dimension {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let dimensions = std::iter::once(("ServiceName", "FooService")).chain(own.iter().copied());
    Settings {
        identity: Identity {
            namespace: Some("TestNamespace".into()),
            dimensions: dimensions.map(dimension).collect(),
            auto_dimensions: Vec::new(),
            sets: Vec::new(),
        },
        measuring: Measuring {
            scope: Scope::Host,
            memory: MemoryUse::Used,
            metrics: Numbers::of(&[Number::Cpu, Number::Memory]),
            per_container: false,
            pod_exclude: Vec::new(),
            until_alone: None,
            sample_interval: Duration::from_millis(900),
            period: Duration::from_secs(period),
            once: false,
        },
        history: None,
        state: None,
        watches_config: false,
        notifications: Default::default(),
        checks: Checks::default(),
        api: None,
        collectd_socket: None,
        errors: Vec::new(),
        publishing: Publishing {
            live: None,
            publishers: vec![Publish::CloudWatch],
            form: ValueForm::MedianMax,
            output: Output::Text,
            buffer: 60,
            shutdown_timeout: Duration::from_secs(8),
            aws: Aws::default(),
            standbys: Vec::new(),
            otlp: Box::default(),
        },
        report: Reporting::No,
        check: false,
        command: Vec::new(),
        warnings: Vec::new(),
    }
}
