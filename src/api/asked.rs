//! A request that is to be answered.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::failure::Failure;
use super::query::Query;
use super::state::State;
use super::tokens::Scope;

/// A request, with what was found of its path.
pub struct Asked {
    pub state: Rc<State>,
    /// What stands in the path at each place of the pattern, in order.
    pub names: Vec<String>,
    pub query: Query,
    /// The URL of the path, as it came.
    pub url: String,
    /// What stands before the path of a resource in a `Location`.
    pub base: String,
    pub body: Vec<u8>,
    /// The header `If-Match`.
    pub if_match: Option<String>,
    /// The header `Last-Event-ID`.
    pub last_event: Option<String>,
    pub rights: Rights,
}

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    pub scope: Scope,
    /// Whether it has shown who it is: by a token, or by being able to open the socket.
    pub is_known: bool,
}

impl Asked {
    /// The name at a place of the pattern.
    pub fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", |name| name)
    }

    /// The URL of the same resource with these parameters.
    pub fn href(&self, query: &str) -> String {
        format!("{}?{query}", self.url)
    }

    /// The object that the body has to be.
    pub fn object(&self) -> Result<Map<String, Value>, Failure> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Err(Failure::bad("the body is missing: expected a JSON object"));
        }
        let parsed = serde_json::from_slice(&self.body);
        let value =
            parsed.map_err(|error| Failure::bad(format!("the body is no JSON: {error}")))?;
        match value {
            Value::Object(object) => Ok(object),
            Value::Array(_) => Err(Failure::bad("the body: expected a JSON object, not an array")),
            other => Err(Failure::bad(format!("the body: expected a JSON object, not {other}"))),
        }
    }

    /// Refuses an entity that is not this one; it is the first name of the path.
    pub fn own_entity(&self) -> Result<(), Failure> {
        self.own().map_err(|own| Failure::no_entity(self.name(0), own))
    }

    /// Refuses an agent that is not this one; it is the first name of the path.
    pub fn own_agent(&self) -> Result<(), Failure> {
        let id = self.name(0);
        let refused =
            |own| Failure::not_found(format!("agent {id:?} not found: this one is {own:?}"));
        self.own().map_err(refused)
    }

    /// Whether the first name of the path is of this entity and agent, which have the same id. The error is that id.
    fn own(&self) -> Result<(), &str> {
        let is_own = self.state.is_entity(self.name(0));
        if is_own { Ok(()) } else { Err(self.state.entity()) }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A request of `/path` with these parameters.
    pub fn asked(query: &str) -> Asked {
        Asked {
            state: Rc::new(State::for_tests()),
            names: Vec::new(),
            query: Query::of(query),
            url: "http://localhost/path".to_owned(),
            base: "/v1.0/self".to_owned(),
            body: Vec::new(),
            if_match: None,
            last_event: None,
            rights: Rights { scope: Scope::Read, is_known: false },
        }
    }

    #[test]
    fn this_entity_has_its_id_and_the_name_of_the_host_and_self() {
        let mut asked = asked("");
        for (id, status) in
            [("self", None), ("host-1", None), ("other", Some(404)), ("", Some(404))]
        {
            asked.names = vec![id.to_owned()];
            let refused = asked.own_entity().err().map(|failure| failure.status.as_u16());
            assert_eq!(refused, status, "{id}");
        }
        let mut settings =
            crate::publisher::cloudwatch::tests::settings(60, &[("TaskId", "task-1")]);
        settings.identity.auto_dimensions = vec![crate::config::AutoDimension::TaskId];
        asked.state.found(&settings);
        asked.names = vec!["task-1".to_owned()];
        assert_eq!(asked.own_entity(), Ok(()));
        asked.names = vec!["x".to_owned()];
        let refused = asked.own_entity().expect_err("another one");
        assert_eq!(refused.message, "entity \"x\" not found: this agent's is \"task-1\", or self");
        assert_eq!(refused.kind, "parentNotFoundError");
    }
}
