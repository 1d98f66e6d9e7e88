//! Events as JSON: in answers, in what is sent, and as lines of a file.

use serde_json::{Map, Value, json};

use super::{Event, Kind, Severity};

impl Event {
    /// The event as an object; of this entity.
    pub fn to_json(&self, entity: &str) -> Value {
        let mut object = self.line();
        object["entity_id"] = entity.into();
        object
    }

    /// The event as a line of a file, without its end.
    pub fn encode(&self) -> String {
        self.line().to_string()
    }

    /// The event of a line; nothing where the line is none, as one that was cut off.
    pub fn decode(line: &str) -> Option<Self> {
        let mut object: Map<String, Value> = serde_json::from_str(line).ok()?;
        let mut text = |name| match object.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (severity, kind) = (Severity::of(&text("severity")?)?, Kind::of(&text("kind")?)?);
        let (check, alarm, threshold) = (text("check_id"), text("alarm_id"), text("threshold_id"));
        let (state, previous_state) = (text("state"), text("previous_state"));
        let message = text("message")?;
        let (id, time_ms) = (object.get("id")?.as_u64()?, object.get("timestamp")?.as_i64()?);
        let details = match object.remove("details") {
            Some(Value::Object(details)) => details,
            _ => return None,
        };
        let event = Self {
            id,
            time_ms,
            severity,
            kind,
            check,
            alarm,
            threshold,
            state,
            previous_state,
            message,
            details,
        };
        // 0 is before the first one.
        Some(event).filter(|event| event.id > 0)
    }

    fn line(&self) -> Value {
        json!({
            "id": self.id,
            "timestamp": self.time_ms,
            "severity": self.severity.name(),
            "kind": self.kind.name(),
            "check_id": self.check,
            "alarm_id": self.alarm,
            "threshold_id": self.threshold,
            "state": self.state,
            "previous_state": self.previous_state,
            "message": self.message,
            "details": self.details,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_the_same_event_and_a_torn_one_none() {
        let event = Event {
            id: 7,
            time_ms: 1_795_843_899_102,
            alarm: Some("full".to_owned()),
            threshold: Some("high".to_owned()),
            state: Some("CRITICAL".to_owned()),
            details: Map::from_iter([("label".to_owned(), "a\nb".into())]),
            ..Event::of(Kind::Alarm, Severity::Critical, "the disk\nis full").about("disk")
        };
        let line = event.encode();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(Event::decode(&line), Some(event.clone()));
        for end in 0..line.len() {
            assert_eq!(Event::decode(&line[..end]), None, "{}", &line[..end]);
        }
        for other in ["{}", "[]", "7", &line.replace("critical", "bad"), &line.replace("7,", "0,")]
        {
            assert_eq!(Event::decode(other), None, "{other}");
        }
        assert_eq!(event.to_json("host-1")["entity_id"], "host-1");
    }
}
