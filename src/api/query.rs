//! What stands behind the question mark of a path.

use percent_encoding::percent_decode;

use super::failure::Failure;

/// The parameters of a request.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Each as it came, and decoded: name and value.
    parameters: Vec<(String, String, String)>,
}

impl Query {
    pub fn of(text: &str) -> Self {
        let parts = text.split('&').filter(|part| !part.is_empty());
        let parameters = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (part.to_owned(), of_form(name), of_form(value))
        });
        Self { parameters: parameters.collect() }
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_it = move |(_, of, _): &&(String, String, String)| of == name;
        self.parameters.iter().filter(is_it).map(|(_, _, value)| &**value)
    }

    /// The value of a parameter that may be there once.
    pub fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Failure> {
        match self.all(name).count() {
            0 | 1 => Ok(self.all(name).next()),
            count => Err(Failure::bad(format!("{name} is there {count} times: expected it once"))),
        }
    }

    /// The same parameters with this marker.
    pub fn with_marker(&self, marker: &str) -> String {
        let others = self.parameters.iter().filter(|(_, name, _)| name != MARKER);
        let others = others.map(|(part, _, _)| format!("{part}&"));
        let marker =
            percent_encoding::utf8_percent_encode(marker, percent_encoding::NON_ALPHANUMERIC);
        format!("{}{MARKER}={marker}", others.collect::<String>())
    }
}

/// The parameter that says where a page begins.
pub const MARKER: &str = "marker";

/// A name or value as forms encode it.
fn of_form(text: &str) -> String {
    decoded(&text.replace('+', " "))
}

/// A part of a path. What is not encoded is itself, also a `%`.
pub fn decoded(text: &str) -> String {
    percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_as_those_of_forms() {
        let query = Query::of("a=1%2B2&b=x+y&&c&a=%e4%bd&d=50%&e=1=2");
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1+2", "\u{fffd}"]);
        assert_eq!(query.one("b"), Ok(Some("x y")));
        assert_eq!(query.one("c"), Ok(Some("")));
        assert_eq!(query.one("d"), Ok(Some("50%")));
        assert_eq!(query.one("e"), Ok(Some("1=2")));
        assert_eq!(query.one("f"), Ok(None));
        let twice = query.one("a").expect_err("it is there twice");
        assert_eq!(twice.message, "a is there 2 times: expected it once");
    }

    #[test]
    fn the_next_page_has_the_same_parameters_as_they_came() {
        let query = Query::of("limit=2&marker=x&who=a+b%20c");
        assert_eq!(query.with_marker("é/1 &"), "limit=2&who=a+b%20c&marker=%C3%A9%2F1%20%26");
        assert_eq!(Query::default().with_marker("x"), "marker=x");
    }

    #[test]
    fn a_percent_sign_without_two_digits_is_itself() {
        for (text, expected) in
            [("50%", "50%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("a+b", "a+b"), ("a%20b", "a b")]
        {
            assert_eq!(decoded(text), expected);
        }
    }
}
