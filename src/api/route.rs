//! A resource: the pattern of its paths, its description and its handlers.

use futures_util::future::LocalBoxFuture;
use hyper::Method;

use super::asked::Asked;
use super::failure::Failure;
use super::query::decoded;
use super::reply::Reply;
use super::tokens::Scope;

/// A resource. A new one is a row of the table.
#[derive(Clone, Copy)]
pub struct Route {
    /// A name in braces is any one part of a path; one with dots behind it is several of them.
    pub pattern: &'static str,
    pub method: &'static Method,
    /// What is needed to use it; nothing where no token is needed.
    pub scope: Option<Scope>,
    pub parameters: &'static [Parameter],
    pub summary: &'static str,
    /// The status of an answer that is no error.
    pub success: u16,
    /// The name of the schema of its answer; empty for text, and where there is none.
    pub schema: &'static str,
    pub answer: Answer,
}

/// Answers a request.
pub type Answer = fn(Asked) -> LocalBoxFuture<'static, Result<Reply, Failure>>;

/// A parameter of the query.
pub struct Parameter {
    pub name: &'static str,
    pub about: &'static str,
    pub is_required: bool,
}

impl Route {
    /// The names in a path of this pattern, decoded; nothing if it is none.
    fn names(&self, path: &[&str]) -> Option<Vec<String>> {
        let pattern: Vec<_> = self.pattern.split('/').skip(1).collect();
        let is_several = |part: &&str| part.ends_with("...}");
        let several = pattern.iter().position(is_several);
        let more = path.len().checked_sub(pattern.len())?;
        if more > 0 && several.is_none() {
            return None;
        }
        let mut rest = path;
        let mut names = Vec::new();
        for (place, part) in pattern.iter().enumerate() {
            // One that is several parts takes all but those that follow: up to the last `/plot`.
            let count = if several == Some(place) { more + 1 } else { 1 };
            let (taken, after) = rest.split_at_checked(count)?;
            rest = after;
            if part.starts_with('{') {
                if taken == [""] && several != Some(place) {
                    return None;
                }
                names.push(decoded(&taken.join("/")));
            } else if taken != [*part] {
                return None;
            }
        }
        Some(names)
    }
}

/// What a path leads to.
pub struct Found {
    /// One for each method; at least one.
    pub routes: Vec<&'static Route>,
    /// The names in the path.
    pub names: Vec<String>,
    /// What stands before the path of a resource in a `Location`.
    pub base: String,
}

/// What a path leads to. One that begins with `/v1.0/TENANT` is the same without.
pub fn find(table: &'static [Route], path: &str) -> Option<Found> {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let (tenant, parts) = match &parts[..] {
        ["v1.0", tenant, rest @ ..] => (*tenant, rest),
        all => ("self", all),
    };
    let find = |parts: &[&str]| table.iter().find_map(|of| Some((of, of.names(parts)?)));
    let (first, names) = find(parts).or_else(|| match parts {
        // A slash too many at the end.
        [rest @ .., ""] => find(rest),
        _ => None,
    })?;
    let routes = table.iter().filter(|of| of.pattern == first.pattern).collect();
    Some(Found { routes, names, base: format!("/v1.0/{tenant}") })
}

/// The methods of these, as in `Allow`.
pub fn allowed(routes: &[&Route]) -> String {
    let has_head = routes.iter().any(|route| *route.method == Method::GET);
    let names = routes.iter().map(|route| route.method.as_str());
    names.chain(has_head.then_some("HEAD")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn route(pattern: &'static str) -> Route {
        let (method, scope, answer): (_, _, Answer) = (&Method::GET, None, |_| unreachable!());
        let (parameters, success) = (&[], 200);
        Route { pattern, method, scope, parameters, summary: "", success, schema: "", answer }
    }

    static TABLE: &[Route] = &[
        route("/entities"),
        route("/entities/{e}"),
        route("/e/{e}/metrics/{m...}/plot"),
        route("/e/{e}/metrics"),
        route("/values/{c}/{m...}"),
    ];

    #[test]
    fn a_path_leads_to_its_pattern() {
        for (path, pattern, names) in [
            ("/entities", "/entities", &[][..]),
            ("/entities/", "/entities", &[]),
            ("/v1.0/self/entities", "/entities", &[]),
            ("/v1.0/any%20one/entities/x", "/entities/{e}", &["x"]),
            ("/entities/a%2Fb", "/entities/{e}", &["a/b"]),
            ("/e/x/metrics", "/e/{e}/metrics", &["x"]),
            ("/e/x/metrics/cpu/plot", "/e/{e}/metrics/{m...}/plot", &["x", "cpu"]),
            ("/e/x/metrics//var.used/plot", "/e/{e}/metrics/{m...}/plot", &["x", "/var.used"]),
            ("/e/x/metrics///plot", "/e/{e}/metrics/{m...}/plot", &["x", "/"]),
            ("/e/x/metrics/../plot", "/e/{e}/metrics/{m...}/plot", &["x", ".."]),
            ("/e/x/metrics/50%/plot", "/e/{e}/metrics/{m...}/plot", &["x", "50%"]),
            ("/e/x/metrics/a%23b%20c/plot", "/e/{e}/metrics/{m...}/plot", &["x", "a#b c"]),
            ("/e/x/metrics/a/plot/plot", "/e/{e}/metrics/{m...}/plot", &["x", "a/plot"]),
            ("/values/c/a/b", "/values/{c}/{m...}", &["c", "a/b"]),
        ] {
            let found = find(TABLE, path).expect(path);
            let of = (found.routes[0].pattern, &found.names[..]);
            assert_eq!(of, (pattern, &names.map_owned()[..]), "{path}");
        }
        for path in
            ["/", "", "/entitie", "/v1.0", "/v1.0/self", "/e/x/metrics/plot", "/values/c", "*"]
        {
            assert!(find(TABLE, path).is_none(), "{path}");
        }
    }

    trait MapOwned {
        fn map_owned(&self) -> Vec<String>;
    }

    impl MapOwned for &[&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|text| (*text).to_owned()).collect()
        }
    }

    #[test]
    fn who_may_get_may_ask_for_the_head() {
        assert_eq!(allowed(&[&TABLE[0]]), "GET, HEAD");
    }
}
