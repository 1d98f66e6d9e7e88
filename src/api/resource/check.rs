//! The checks: the built-in one, and those that are configured.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::number;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::model::{Detail, Form, Setting, UTILIZATION};
use crate::schedule::Listed;
use crate::shown::without_passwords;

/// A check.
pub enum Found {
    /// The one that the source feeds.
    Utilization,
    Configured(Listed),
}

/// The type of the built-in check.
pub const UTILIZATION_TYPE: &str = "agent.utilization";

/// All checks, with their ids.
pub async fn all(state: &State) -> Result<Vec<(String, Found)>, Failure> {
    let configured = state.checks().await?.into_iter();
    let configured = configured.map(|of| (of.configured.id.clone(), Found::Configured(of)));
    Ok(configured.chain([(UTILIZATION.to_owned(), Found::Utilization)]).collect())
}

/// The check of this id.
pub async fn find(state: &State, id: &str) -> Result<Found, Failure> {
    let found = all(state).await?.into_iter().find(|(of, _)| of == id);
    found
        .map(|(_, check)| check)
        .ok_or_else(|| Failure::not_found(format!("check {id:?} not found")))
}

pub async fn list(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let all = all(&asked.state).await?;
    Ok(Reply::json(&page(&asked, all, |_, check| check.object(&asked.state))?))
}

pub async fn one(asked: Asked) -> Result<Reply, Failure> {
    asked.own_entity()?;
    let check = find(&asked.state, asked.name(1)).await?;
    Ok(Reply::json(&check.object(&asked.state)))
}

impl Found {
    /// Its object, without what is secret.
    fn object(&self, state: &State) -> Value {
        let mut object = json!({
            "active_suppressions": [],
            "scheduled_suppressions": [],
            "monitoring_zones_poll": null,
            "target_alias": null,
            "target_resolver": null,
        });
        let (id, label, kind, period, timeout, details, is_disabled, metadata) = match self {
            Self::Utilization => {
                let (interval, label) = (state.sample_interval, "CPU and memory");
                let (details, metadata) = (Value::Object(Map::new()), json!({}));
                (UTILIZATION, label, UTILIZATION_TYPE, interval, interval, details, false, metadata)
            }
            Self::Configured(Listed { configured: of, .. }) => {
                let settings = of.kind.settings;
                let details = of.details.0.iter().map(|(name, detail)| {
                    let setting = settings.iter().find(|setting| setting.name == name);
                    (name.clone(), shown(setting, detail))
                });
                let details = Value::Object(details.collect());
                let (label, metadata) = (&*of.label, json!(of.metadata));
                let (kind, is_disabled) = (of.kind.name, of.is_disabled);
                (&*of.id, label, kind, of.period, of.timeout, details, is_disabled, metadata)
            }
        };
        object["id"] = id.into();
        object["label"] = label.into();
        object["type"] = kind.into();
        object["period"] = number(period.as_secs_f64());
        object["timeout"] = number(timeout.as_secs_f64());
        object["details"] = details;
        object["disabled"] = is_disabled.into();
        object["metadata"] = metadata;
        object
    }

    /// The period with which its values come; those that the source gives once a window come less often.
    pub fn period(&self, state: &State) -> Duration {
        match self {
            Self::Utilization => state.sample_interval,
            Self::Configured(Listed { configured, .. }) => configured.period,
        }
    }
}

/// A detail as it may be shown. Arguments and headers may be passwords.
fn shown(setting: Option<&Setting>, detail: &Detail) -> Value {
    let is_secret = setting.is_none_or(|of| SECRET.contains(&of.name));
    match detail {
        Detail::Secret(_) => HIDDEN.into(),
        Detail::List(list) if is_secret => list.iter().map(|_| HIDDEN).collect(),
        _ if is_secret => HIDDEN.into(),
        Detail::Text(text) => without_passwords(text).into(),
        Detail::Yes(yes) => (*yes).into(),
        Detail::Number(value) => number(*value),
        Detail::Lasting(lasting) => {
            let is_in_ms =
                setting.is_some_and(|of| matches!(of.form, Form::LastingMilliseconds(..)));
            number(lasting.as_secs_f64() * if is_in_ms { 1000.0 } else { 1.0 })
        }
        Detail::List(list) => list.iter().map(|text| without_passwords(text)).collect(),
    }
}

const HIDDEN: &str = "***";

/// Details that may have a secret in them, beside those that are always one.
const SECRET: &[&str] = &["args", "headers", "body"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn no_secret_is_shown() {
        let text = |name, form, detail: &Detail| {
            shown(Some(&Setting::optional(name, form, "", "")), detail).to_string()
        };
        let of = |text: &str| Detail::Text(text.to_owned());
        let list = Detail::List(vec!["a".to_owned(), "hunter2".to_owned()]);
        let secret = Detail::Secret(Secret("hunter2".to_owned()));
        assert_eq!(text("password", Form::Secret, &secret), r#""***""#);
        assert_eq!(text("args", Form::List, &list), r#"["***","***"]"#);
        assert_eq!(text("headers", Form::List, &list), r#"["***","***"]"#);
        assert_eq!(text("body", Form::Text, &of("hunter2")), r#""***""#);
        assert_eq!(shown(None, &of("hunter2")), "***");
        let url = text("url", Form::Text, &of("http://joe:hunter2@x/"));
        assert!(!url.contains("hunter2"), "{url}");
        assert_eq!(text("expect_status", Form::List, &list), r#"["a","hunter2"]"#);
        let second = Detail::Lasting(Duration::from_millis(1500));
        assert_eq!(text("timeout", Form::LastingMilliseconds(0.0, 1.0), &second), "1500");
        assert_eq!(text("timeout", Form::Lasting(0.0, 1.0), &second), "1.5");
    }
}
