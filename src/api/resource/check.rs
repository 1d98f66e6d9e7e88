//! The checks: the built-in one, and those that are configured.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::time::Duration;

use hyper::header::ETAG;
use serde_json::{Value, json};

use super::number;
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::api::state::State;
use crate::model::{Configured, Detail, Form, Publication, Setting, UTILIZATION};
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
    let reply = Reply::json(&check.object(&asked.state));
    Ok(match &check {
        Found::Configured(Listed { configured, .. }) => reply.with(ETAG, tag(configured)),
        Found::Utilization => reply,
    })
}

impl Found {
    /// Its object, without what is secret.
    fn object(&self, state: &State) -> Value {
        match self {
            Self::Configured(Listed { configured, .. }) => object_of(configured),
            Self::Utilization => whole(json!({
                "id": UTILIZATION,
                "label": "CPU and memory",
                "type": UTILIZATION_TYPE,
                "period": number(state.sample_interval.as_secs_f64()),
                "timeout": number(state.sample_interval.as_secs_f64()),
                "details": {},
                "disabled": false,
                "metadata": {},
                "publish": null,
            })),
        }
    }

    /// The period with which its values come; those that the source gives once a window come less often.
    pub fn period(&self, state: &State) -> Duration {
        match self {
            Self::Utilization => state.sample_interval,
            Self::Configured(Listed { configured, .. }) => configured.period,
        }
    }
}

/// The object of a check, without what is secret.
pub fn object_of(of: &Configured) -> Value {
    let mut object = settings(of);
    object["id"] = of.id.as_str().into();
    object["details"] = details(of, shown);
    whole(object)
}

/// What is set of a check, with its secrets, in the form that requests have it.
pub fn settings(of: &Configured) -> Value {
    let publish = match &of.publish {
        by_default if *by_default == Publication::by_default(of.kind) => Value::Null,
        Publication::All | Publication::Discovered => "all".into(),
        Publication::Some(names) if names.is_empty() => "none".into(),
        Publication::Some(names) => json!(names),
    };
    json!({
        "label": of.label,
        "type": of.kind.name,
        "period": number(of.period.as_secs_f64()),
        "timeout": number(of.timeout.as_secs_f64()),
        "details": details(of, |setting, detail| plain(setting, detail, str::to_owned)),
        "disabled": of.is_disabled,
        "metadata": of.metadata,
        "publish": publish,
    })
}

/// Changes with each setting of a check, also a secret one, and is the same as long as this process runs.
pub fn tag(of: &Configured) -> String {
    // Nobody outside can compute it, and so try passwords.
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    let keys = KEYS.get_or_init(RandomState::new);
    format!("\"{:016x}\"", keys.hash_one((&of.id, settings(of).to_string())))
}

/// The same with what clients expect beside it.
fn whole(mut object: Value) -> Value {
    object["active_suppressions"] = json!([]);
    object["scheduled_suppressions"] = json!([]);
    for absent in ["monitoring_zones_poll", "target_alias", "target_resolver"] {
        object[absent] = Value::Null;
    }
    object
}

fn details(of: &Configured, value: impl Fn(Option<&Setting>, &Detail) -> Value) -> Value {
    let details = of.details.0.iter().map(|(name, detail)| {
        let setting = of.kind.settings.iter().find(|setting| setting.name == name);
        (name.clone(), value(setting, detail))
    });
    Value::Object(details.collect())
}

/// A detail as it may be shown. Arguments and headers may be passwords.
fn shown(setting: Option<&Setting>, detail: &Detail) -> Value {
    let is_secret = setting.is_none_or(|of| SECRET.contains(&of.name));
    match detail {
        Detail::Secret(_) => HIDDEN.into(),
        Detail::List(list) if is_secret => list.iter().map(|_| HIDDEN).collect(),
        _ if is_secret => HIDDEN.into(),
        _ => plain(setting, detail, |text| without_passwords(text).into_owned()),
    }
}

/// A detail as it is set, its texts made fit by this.
fn plain(setting: Option<&Setting>, detail: &Detail, text: impl Fn(&str) -> String) -> Value {
    match detail {
        Detail::Secret(secret) => text(&secret.0).into(),
        Detail::Text(of) => text(of).into(),
        Detail::Yes(yes) => (*yes).into(),
        Detail::Number(value) => number(*value),
        Detail::Lasting(lasting) => {
            let is_in_ms =
                setting.is_some_and(|of| matches!(of.form, Form::LastingMilliseconds(..)));
            number(lasting.as_secs_f64() * if is_in_ms { 1000.0 } else { 1.0 })
        }
        Detail::List(list) => list.iter().map(|of| text(of)).collect(),
    }
}

pub const HIDDEN: &str = "***";

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
