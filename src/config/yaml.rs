//! Reads YAML 1.2 into a small tree in which every key and value knows its place in the file.
//!
//! The parser library gives events; this file makes a tree of them, because the settings need what a
//! ready-made tree does not give: the text of a value as it was written, the place of each key, and all
//! problems at once.

use std::collections::HashMap;

use crate::sorted::{sort_by, sort_by_key};
use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

mod syntax;
#[cfg(test)]
mod tests;

/// Lists and maps inside each other. A settings file needs about five; the limit keeps recursion shallow.
const MAX_DEPTH: usize = 32;

/// Keys and values, with those that an anchor and each of its aliases copy. A few hundred bytes of
/// aliases can stand for billions of values; the file is refused before they are made.
const MAX_NODES: usize = 100_000;

/// Bytes of text in these. A file of 1 MiB (the caller's limit) stays below it without aliases, even if
/// each of its characters is an escape that gives more bytes than it takes.
const MAX_TEXT: usize = 2 * 1024 * 1024;

/// Problems that are reported for one file. Nobody reads more, and each one takes memory.
const MAX_PROBLEMS: usize = 100;

/// A place in the file. Both numbers begin at 1; the column counts characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    fn of(marker: &Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// A value. Where an alias stands for it, the place is the alias's; the places of what is inside are
/// where that is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text as it was written. It is empty and not quoted where the value is missing, `null` or `~`.
    /// A block (`|`, `>`) and a value with the tag `!!str` count as quoted.
    Scalar {
        text: String,
        is_quoted: bool,
    },
    List(Vec<Node>),
    /// In the order of the file, each key once.
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub place: Place,
    /// Never empty.
    pub text: String,
}

/// One thing that is wrong with the file, and how to cure it.
#[derive(Debug, PartialEq)]
pub struct Problem {
    pub place: Place,
    pub text: String,
}

/// Reads the text of one file. `None` is a file without a value: empty, comments only, or `null`.
///
/// # Errors
/// All problems, in the order of the file. A syntax error or a limit ends the reading, so more can follow
/// when it is corrected.
pub fn parse(text: &str) -> Result<Option<Node>, Vec<Problem>> {
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut reader = Reader::new(text);
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, span)) => reader.take(event, &span),
            Err(error) => reader.refuse(&error),
        }
        if reader.is_done {
            break;
        }
    }
    reader.finish()
}

/// What the events said so far.
struct Reader<'a> {
    source: &'a str,
    /// The lists and maps that are not closed yet, the outermost first.
    open: Vec<Open>,
    /// By the parser's number: a copy of each value that has an anchor.
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    has_document: bool,
    size: Size,
    problems: Vec<Problem>,
    is_done: bool,
}

struct Open {
    place: Place,
    /// `[` or `{`; none where indentation makes the list or map.
    bracket: Option<char>,
    anchor: usize,
    value: Value,
    key: Pending,
}

/// The key whose value comes next in a map.
enum Pending {
    Nothing,
    Key(Key),
    /// A key that was reported; its value is read and dropped.
    Refused,
}

/// What a value costs: keys and values, bytes of text, and levels of lists and maps.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            has_document: false,
            size: Size::default(),
            problems: Vec::new(),
            is_done: false,
        }
    }

    fn take(&mut self, event: Event, span: &Span) {
        let place = Place::of(&span.start);
        match event {
            Event::DocumentStart(..) if self.has_document => {
                let text = "a second document begins here: keep one, and remove the `---` or `...` before the other";
                self.report(place, text.to_owned());
                self.is_done = true;
            }
            Event::DocumentStart(..) => self.has_document = true,
            Event::Scalar(text, style, anchor, tag) => {
                let is_quoted =
                    self.check_tag(tag.as_deref(), span, true) || style != ScalarStyle::Plain;
                // The parser gives `~` for a value that is not there; as a key the two are not the same.
                let is_missing = !is_quoted && span.is_empty();
                let text = if is_missing { String::new() } else { text.into_owned() };
                if self.charge(Size { nodes: 1, bytes: text.len(), depth: 0 }, place) {
                    self.add(Node { place, value: Value::Scalar { text, is_quoted } }, anchor);
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), span, false);
                self.begin(Value::List(Vec::new()), anchor, span);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), span, false);
                self.begin(Value::Map(Vec::new()), anchor, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.follow(anchor, span),
            Event::UnresolvedAlias(_) => {
                // Its name may be a password that begins with an asterisk.
                let text = "no anchor of this name stands above this alias: define it, or put the value in quotes if it \
                    is text";
                self.refuse_alias(place, text.to_owned());
            }
            _ => {}
        }
    }

    /// Reports each tag but `!!str`: a tag that was ignored would let a value mean something else than
    /// its file says. True if the value is text by its tag.
    fn check_tag(&mut self, tag: Option<&Tag>, span: &Span, is_scalar: bool) -> bool {
        let Some(tag) = tag else { return false };
        let is_text = is_scalar && tag.is_yaml_core_schema_tag("str");
        if !is_text {
            self.report(Place::of(&span.tag_start.unwrap_or(span.start)), syntax::TAG.to_owned());
        }
        is_text
    }

    fn begin(&mut self, value: Value, anchor: usize, span: &Span) {
        let first = span.slice(self.source).and_then(|text| text.chars().next());
        let bracket = first.filter(|character| "[{".contains(*character));
        let place = Place::of(&span.start);
        if self.charge(Size { nodes: 1, bytes: 0, depth: 1 }, place) {
            self.open.push(Open { place, bracket, anchor, value, key: Pending::Nothing });
        }
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if let Value::Map(entries) = &open.value {
            self.check_keys(entries);
        }
        self.add(Node { place: open.place, value: open.value }, open.anchor);
    }

    fn add(&mut self, node: Node, anchor: usize) {
        // Zero is the parser's number for no anchor.
        if anchor != 0 {
            if !self.charge(size(&node), node.place) {
                return;
            }
            self.anchors.insert(anchor, node.clone());
        }
        self.attach(node, false);
    }

    fn follow(&mut self, anchor: usize, span: &Span) {
        let place = Place::of(&span.start);
        let Some(size) = self.anchors.get(&anchor).map(size) else {
            // Only a list or map that is still open has a number and no copy.
            let alias = syntax::shown(span.slice(self.source).unwrap_or("*"));
            let text =
                format!("the alias `{alias}` stands inside its own value: write the value out");
            return self.refuse_alias(place, text);
        };
        if self.charge(size, place)
            && let Some(node) = self.anchors.get(&anchor)
        {
            self.attach(Node { place, value: node.value.clone() }, true);
        }
    }

    fn refuse_alias(&mut self, place: Place, text: String) {
        self.report(place, text);
        // Something has to take its position, or a key would be paired with the next value.
        self.attach(
            Node { place, value: Value::Scalar { text: String::new(), is_quoted: false } },
            true,
        );
    }

    /// Puts a complete value where it belongs: into the innermost open list or map, or at the root.
    fn attach(&mut self, node: Node, is_alias: bool) {
        let Some(mut open) = self.open.pop() else {
            self.root = Some(with_null(node));
            return;
        };
        match &mut open.value {
            Value::Scalar { .. } => {}
            Value::List(nodes) => nodes.push(with_null(node)),
            Value::Map(entries) => match std::mem::replace(&mut open.key, Pending::Nothing) {
                Pending::Nothing => open.key = self.key(node, is_alias),
                Pending::Key(key) => entries.push((key, with_null(node))),
                Pending::Refused => {}
            },
        }
        self.open.push(open);
    }

    fn key(&mut self, node: Node, is_alias: bool) -> Pending {
        let place = node.place;
        let problem = match node.value {
            // Nobody needs it, and one long text that is the key again and again costs much time.
            _ if is_alias => "an alias cannot be a key: write the key out",
            Value::Scalar { text, is_quoted: false } if text == "<<" => {
                "merge keys (`<<`) are not supported: write the keys out here"
            }
            Value::Scalar { text, .. } if text.is_empty() => {
                "the key is empty: expected a name before `:`"
            }
            Value::Scalar { text, .. } => return Pending::Key(Key { place, text }),
            Value::List(_) | Value::Map(_) => {
                "a list or map cannot be a key: put it in quotes if it is text"
            }
        };
        self.report(place, problem.to_owned());
        Pending::Refused
    }

    fn check_keys(&mut self, entries: &[(Key, Node)]) {
        let mut keys: Vec<&Key> = entries.iter().map(|(key, _)| key).collect();
        sort_by(&mut keys, |one, other| (&one.text, one.place).cmp(&(&other.text, other.place)));
        for same in keys.chunk_by(|a, b| a.text == b.text) {
            let [first, again @ ..] = same else { continue };
            for key in again {
                let (text, line) = (syntax::shown(&key.text), first.place.line);
                self.report(
                    key.place,
                    format!("the key `{text}` is also in line {line}: keep one of them"),
                );
            }
        }
    }

    /// Counts a value before it is made. False, and the reading ends, if a limit does not allow it.
    fn charge(&mut self, size: Size, place: Place) -> bool {
        self.size.nodes += size.nodes;
        self.size.bytes += size.bytes;
        let text = if self.open.len() + size.depth > MAX_DEPTH {
            syntax::too_deep()
        } else if self.size.nodes > MAX_NODES || self.size.bytes > MAX_TEXT {
            syntax::too_many()
        } else {
            return true;
        };
        self.report(place, text);
        self.is_done = true;
        false
    }

    fn report(&mut self, place: Place, text: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { place, text });
        }
    }

    fn refuse(&mut self, error: &ScanError) {
        let bracket = self.open.iter().rev().find_map(|open| Some((open.bracket?, open.place)));
        let problem = syntax::explain(self.source, error, bracket);
        self.report(problem.place, problem.text);
        self.is_done = true;
    }

    fn finish(mut self) -> Result<Option<Node>, Vec<Problem>> {
        // After a syntax error, the maps around it are still open.
        while let Some(open) = self.open.pop() {
            if let Value::Map(entries) = &open.value {
                self.check_keys(entries);
            }
        }
        if !self.problems.is_empty() {
            sort_by_key(&mut self.problems, |problem| problem.place);
            if let [.., Problem { place, .. }] = self.problems[..]
                && self.problems.len() == MAX_PROBLEMS
            {
                self.problems.push(Problem { place, text: syntax::cut_short() });
            }
            return Err(self.problems);
        }
        let is_null = |node: &Node| matches!(&node.value, Value::Scalar { text, is_quoted: false } if text.is_empty());
        Ok(self.root.filter(|root| !is_null(root)))
    }
}

/// As a value, the names of null mean the same as no value. As a key they are names like others.
fn with_null(mut node: Node) -> Node {
    if let Value::Scalar { text, is_quoted: false } = &mut node.value
        && matches!(text.as_str(), "~" | "null" | "Null" | "NULL")
    {
        text.clear();
    }
    node
}

/// The whole of a value; recursion is as deep as the value, which is at most the limit.
fn size(node: &Node) -> Size {
    let mut sum = Size { nodes: 1, bytes: 0, depth: 0 };
    let mut add = |inner: Size| {
        sum.nodes += inner.nodes;
        sum.bytes += inner.bytes;
        sum.depth = sum.depth.max(inner.depth);
    };
    match &node.value {
        Value::Scalar { text, .. } => sum.bytes = text.len(),
        Value::List(nodes) => {
            nodes.iter().map(size).for_each(add);
            sum.depth += 1;
        }
        Value::Map(entries) => {
            for (key, node) in entries {
                add(Size { nodes: 1, bytes: key.text.len(), depth: 0 });
                add(size(node));
            }
            sum.depth += 1;
        }
    }
    sum
}
