//! Checks and alarms in the form that requests have them: what a file has, in JSON.

use serde_json::{Value, json};

use crate::alarm::Alarm;
use crate::model::{Configured, Detail, Details, Form, Publication, Setting};
use crate::notification::{Notification, Plan, Suppression};
use crate::secret;
use crate::sorted::object_of;
use crate::threshold::Threshold;

/// The object of a check, without what is secret.
pub fn shown_check(of: &Configured) -> Value {
    let mut object = body_of_check(of);
    object["id"] = of.id.as_str().into();
    object["details"] = details(of.kind.settings, &of.details, shown);
    object
}

/// What is set of a check, with its secrets, in the form that requests have it.
pub fn body_of_check(of: &Configured) -> Value {
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
        "details": details(of.kind.settings, &of.details, |setting, detail| plain(setting, detail, str::to_owned)),
        "disabled": of.is_disabled,
        "metadata": of.metadata,
        "publish": publish,
    })
}

/// What is set of an alarm, in the form that requests have it.
pub fn body_of_alarm(of: &Alarm) -> Value {
    json!({
        "check_id": of.check,
        "label": of.label,
        // Without criteria, availability decides; empty ones are a mistake.
        "criteria": Some(&of.text).filter(|text| !text.is_empty()),
        "disabled": of.is_disabled,
        "publish": of.publishes,
        "notification_plan_id": of.notification_plan,
        "metadata": of.metadata,
    })
}

/// What is set of a threshold, in the form that requests have it.
pub fn body_of_threshold(of: &Threshold) -> Value {
    json!({
        "label": of.label,
        "check": of.matches.check,
        "metric": of.matches.metric,
        "target": of.matches.target,
        "warning_min": of.warning.min.map(number),
        "warning_max": of.warning.max.map(number),
        "failure_min": of.failure.min.map(number),
        "failure_max": of.failure.max.map(number),
        "invert": of.is_inverted,
        "percentage": of.percentage,
        "of": of.of.name(),
        "hits": of.hits,
        "hysteresis": number(of.hysteresis),
        "persist": of.persists,
        "persist_ok": of.persists_ok,
        "missing": of.missing.name(),
        "notification_plan_id": of.notification_plan,
        "missing_after": of.missing_after,
        "disabled": of.is_disabled,
    })
}

/// The object of a notification, without what is secret.
pub fn shown_notification(of: &Notification) -> Value {
    let mut object = body_of_notification(of);
    object["id"] = of.id.as_str().into();
    object["details"] = details(of.kind.settings, &of.details, |setting, detail| {
        match (setting.map(|of| of.name), detail) {
            // Whoever knows the whole URL may be able to send to it.
            (Some("url"), Detail::Text(url)) => without_path(url).into(),
            _ => shown(setting, detail),
        }
    });
    object
}

/// What is set of a notification, with its secrets.
pub fn body_of_notification(of: &Notification) -> Value {
    let plain = |setting: Option<&Setting>, detail: &Detail| plain(setting, detail, str::to_owned);
    json!({
        "label": of.label,
        "type": of.kind.name,
        "details": details(of.kind.settings, &of.details, plain),
        "metadata": of.metadata,
    })
}

/// What is set of a notification plan.
pub fn body_of_plan(of: &Plan) -> Value {
    json!({
        "label": of.label,
        "ok_state": of.ok,
        "warning_state": of.warning,
        "critical_state": of.critical,
        "metadata": of.metadata,
    })
}

/// What is set of a suppression. An end of 0 is none.
pub fn body_of_suppression(of: &Suppression) -> Value {
    json!({
        "label": of.label,
        "start_time": of.start_ms,
        "end_time": of.end_ms.unwrap_or_default(),
        "entities": of.entities,
        "checks": of.checks,
        "alarms": of.alarms,
        "notification_plans": of.plans,
    })
}

/// A URL with `***` for its path.
fn without_path(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    match rest.split_once(['/', '?', '#']) {
        Some((server, path)) if !path.is_empty() => format!("{scheme}://{server}/{HIDDEN}"),
        _ => url.to_owned(),
    }
}

fn details(
    settings: &[Setting],
    of: &Details,
    value: impl Fn(Option<&Setting>, &Detail) -> Value,
) -> Value {
    let details = of.0.iter().map(|(name, detail)| {
        let setting = settings.iter().find(|setting| setting.name == name);
        (name.clone(), value(setting, detail))
    });
    Value::Object(object_of(details))
}

/// A detail as it may be shown. Arguments and headers may be passwords.
fn shown(setting: Option<&Setting>, detail: &Detail) -> Value {
    let is_secret = setting.is_none_or(|of| SECRET.contains(&of.name));
    match detail {
        Detail::Secret(_) => HIDDEN.into(),
        Detail::List(list) if is_secret => list.iter().map(|_| HIDDEN).collect(),
        _ if is_secret => HIDDEN.into(),
        // Services sign with the query of a URL.
        _ => plain(setting, detail, secret::device),
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
const SECRET: &[&str] = &["args", "headers", "body", "send_body"];

/// A number of JSON; null for what JSON has no number for.
pub fn number(value: f64) -> Value {
    // Whole numbers are easier to read without a fraction, and exact up to here.
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return (value as i64).into();
    }
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
