//! docs/operations.md has each text that the agent can log or complain with. Every sentence of the
//! source is one of them, unless it is said here what else it is.

use std::fs;
use std::path::{Path, PathBuf};

/// Files whose sentences are other things than messages: help, explanations, pictures, tests.
const OTHER_FILES: &[&str] = &[
    "api/openapi.rs",
    // A page says what its buttons do.
    "api/page/",
    "api/resource/numbers.rs",
    "api/schema.rs",
    "api/schema/",
    "api/table.rs",
    "api/table/told.rs",
    "options.rs",
    "config/options/",
    "config/commands.rs",
    "config/control_commands.rs",
    "config/example.rs",
    "config/history_commands.rs",
    "cost/mod.rs",
    "explain.rs",
    "explain/",
    "live/",
    "model/amount.rs",
    "notification/kind.rs",
    "model/figure.rs",
    "prices.rs",
    "properties.rs",
    "publisher/line.rs",
    "publisher/table.rs",
    "right_size/json.rs",
    "right_size/text.rs",
    "source/pod/evidence.rs",
    "source/task/evidence.rs",
    // The rows of `top` and its help. What is wrong with an agent is in its other files.
    "top/head.rs",
    "top/help.rs",
    "top/list.rs",
    "top/metrics.rs",
    "top/plotted.rs",
    "verb.rs",
];

/// What stands before a sentence that no user has to understand, or that is a part of docs/checks.md: the
/// sources of metrics, and what they need.
const OTHER_PLACES: &[&str] = &[
    "debug!(",
    "debug!(target: COMMAND,",
    ".expect(",
    "reason =",
    ".push_str(",
    "_SOURCE: &str =",
    "_SINCE: &str =",
];

/// Where the tests of a file begin. Those of a file of their own only have their name here, also at its top.
const TESTS: &[&str] = &[
    "\n#[cfg(test)]\nmod tests {",
    "\n#[cfg(test)]\npub mod tests {",
    "\n#[cfg(all(test, target_os = \"linux\"))]\nmod tests {",
];

/// Parts of an explanation, and names of what is looked for.
const OTHER_SENTENCES: &[&str] = &[
    "the environment",
    "the profile",
    "the EC2 instance",
    "dns error",
    "no connection",
    "no TLS",
    "the proxy cannot be reached",
    "the body of a request is not in memory",
    "the URL of a request has no host",
    "was not enabled",
    "environment variable not set",
    "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
    "ECS provider not configured",
    "this request is not sent",
    "Mozilla, bundled: the system has none",
    "the system, {}",
    "the system",
    "{} of {}",
    "skipped: {}",
    "TRUSTED CERTIFICATE-----",
    "X509 CERTIFICATE-----",
    "except for the hosts in NO_PROXY",
    "lines on standard output",
    "Embedded Metric Format: JSON lines on standard output, for CloudWatch Logs",
    "not found in {origin}",
    "cpuacct.usage ns",
    "usage_usec µs",
    "(memory.usage_in_bytes − (total_cache − total_shmem)) bytes",
    "(memory.usage_in_bytes − total_inactive_file) bytes",
    "(memory.current − (file − shmem) − slab_reclaimable) bytes",
    "(memory.current − inactive_file) bytes",
    "(user + nice + system + irq + softirq + steal) × 10 ms",
    "(MemTotal − MemFree",
    "(memory.usage_in_bytes − total_inactive_file − total_active_file) bytes",
    "- fuse.lxcfs",
    "{}/stats has no data of any container",
    // What a container has before it was looked at, and when it has ended.
    "not looked at yet",
    "it has ended",
    "no container has been read yet",
    // What `check` and `config check` print of a result, and the raw values that it is made of.
    "{id}{of_type}: {state}: {}; took {took:.1} ms",
    "metrics: {}",
    "{}valid: {}",
    "{}, ticks since the reading before",
    "and {} more CPUs",
    "{}, before",
    "statvfs {}",
    "f_frsize {f_frsize}, f_blocks {f_blocks}, f_bfree {f_bfree}, f_bavail {f_bavail}, f_files {f_files}, \
     f_ffree {f_ffree}",
    "{} CPUs online",
    "usage of each CPU: {usages:?}",
    "total {total}, used {actual_used}, free {free}",
    "total {} bytes, available {}",
    "read {} bytes, written {}",
    "{name}: CPU {cpu:.2} s, resident {resident} bytes, age {age:.2} s",
    "{}, which are not counted",
    "unknown, or no finite number",
    "{word:?} is not label=value",
    "connected to {address}",
    "{}, {content_type:?}, {length} bytes read{cut}",
    ", and there are more",
    "{more} more words are not label=value",
    "{:?} is left out: the exit code has that name",
    // What is printed of a history.
    "local time",
    "{title}, {} point{plural}\n\n{}",
    "bytes of all blocks: {}",
    "before: {} bytes\nafter: {} bytes",
    "# TYPE history gauge",
    "history{{{labels}}} {value} {seconds}.{rest:03}",
    // What `ctl` prints where all is well.
    "{}: added",
    "{publisher}: limit {limit}",
    "generation {}",
    "needs a restart",
    "checks {name}",
    "checks unchanged: {}",
    "not kept: {}",
    "rejected: {}",
    "succeeded: {}, failed: {}",
    "the same as here",
    "{ahead} ms ahead of here",
    "{} ms behind here",
    "clock of the agent: {}, {side}; both ways took {delay} ms",
    "timestamps of what it publishes: {whose}",
    "as its clock has them",
    "{ms} ms later than its clock has them",
    "{} ms earlier than its clock has them",
    // What a server says, and what it is asked.
    "Basic {login}",
    "Bearer realm={:?}",
    "Accept: {FORMATS}",
    "Apache Server Status",
    "max number of clients",
    "invalid password",
    "wrong number of arguments",
    "unknown command",
    "no password is set",
    "without any password configured",
    "query '",
    "{} WHERE Variable_name IN ('{}')",
    "SHOW SLAVE STATUS",
    "the server's version",
    // Comments of a stream.
    ": events follow",
    ": nothing new",
    // The lines of HTTP.
    "r\ncontent-length: 0r",
    "HTTP/1.1 {} {reason}r\ncontent-type: application/jsonr\ncontent-length: {length}r\n{header}connection: closer\nr\n{body}",
    // The released program aborts before it can say so.
    "{purpose} panicked",
];

#[test]
fn every_message_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = fs::read_to_string(root.join("docs/operations.md")).expect("the document");
    let document = words(&document.replace("\\|", "|"));
    // What a type of checks says of itself, its details and its metrics stands in the tables of another.
    let checks = fs::read_to_string(root.join("docs/checks.md")).expect("the document");
    let checks = words(&checks.replace("\\|", "|"));
    // What clients of the API are told stands in its own documents.
    let api = ["docs/api.md", "docs/control.md", "docs/alarms.md", "docs/events.md"];
    let api = api.map(|name| fs::read_to_string(root.join(name)).expect("the document")).concat();
    let api = words(&api.replace("\\|", "|"));
    // And so do the language of alarms and what is said of thresholds.
    let alarms = fs::read_to_string(root.join("docs/alarms.md")).expect("the document");
    let alarms = words(&alarms.replace("\\|", "|"));
    // And the types of notifications.
    let events = fs::read_to_string(root.join("docs/events.md")).expect("the document");
    let events = words(&events.replace("\\|", "|"));
    // And why the report at the end of a run lacks something.
    let report = fs::read_to_string(root.join("docs/report.md")).expect("the document");
    let report = words(&report.replace("\\|", "|"));
    // And what an endpoint of OTLP answers.
    let otlp = fs::read_to_string(root.join("docs/otlp.md")).expect("the document");
    let otlp = words(&otlp.replace("\\|", "|"));
    let (mut missing, mut unused) = (Vec::new(), OTHER_SENTENCES.to_vec());
    let mut messages = 0;
    for file in source_files(&root.join("src")) {
        let source = fs::read_to_string(&file).expect("a source file");
        let is_of_api = file.components().any(|part| part.as_os_str() == "api");
        let of_alarms = ["alarm", "threshold", "thresholds"];
        let is_of_alarms =
            file.components().any(|part| of_alarms.iter().any(|of| part.as_os_str() == *of));
        let is_of_events = file.components().any(|part| part.as_os_str() == "notification");
        let is_of_otlp = file.components().any(|part| part.as_os_str() == "otlp");
        let is_of_report = file.components().any(|part| part.as_os_str() == "right_size");
        let is_of_a_check = file.components().any(|part| part.as_os_str() == "check");
        for (before, sentence) in sentences(&source) {
            if OTHER_PLACES.iter().any(|place| before.ends_with(place)) {
                continue;
            }
            if OTHER_SENTENCES.contains(&sentence.as_str()) {
                unused.retain(|other| *other != sentence);
                continue;
            }
            messages += 1;
            if is_of_a_check && checks.contains(&words(&sentence)) {
                continue;
            }
            let is_explained = |part: &String| {
                document.contains(part)
                    || is_of_api && api.contains(part)
                    || is_of_alarms && alarms.contains(part)
                    || is_of_events && events.contains(part)
                    || is_of_report && report.contains(part)
                    || is_of_otlp && otlp.contains(part)
            };
            if let Some(part) = stable_parts(&sentence).find(|part| !is_explained(part)) {
                missing.push(format!("{}: {sentence:?}: {part:?}", file.display()));
            }
        }
    }
    assert!(messages > 100, "only {messages} messages were found");
    assert!(missing.is_empty(), "not in docs/operations.md:\n{}", missing.join("\n"));
    assert!(unused.is_empty(), "not in the source any more: {unused:?}");
}

/// What the agent is built of, without the files that have no messages.
fn source_files(source: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![source.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(source).expect("below it").to_string_lossy().into_owned();
            let is_other = OTHER_FILES.iter().any(|other| match other.ends_with('/') {
                true => name.contains(other),
                false => name.ends_with(other),
            });
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.is_file() && !is_other && !name.ends_with("tests.rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The string literals of more than a word, each with the code before it, up to the tests.
fn sentences(source: &str) -> Vec<(String, String)> {
    let mut source = source;
    for tests in TESTS {
        source = source.split(tests).next().unwrap_or_default();
    }
    let source = &without_type_of_checks(source);
    let (mut code, mut found) = (String::new(), Vec::new());
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '/' if characters.peek() == Some(&'/') => {
                while characters.next_if(|c| *c != '\n').is_some() {}
            }
            // A quote by itself, as in '"'.
            '\'' if characters.peek() == Some(&'"') => {
                characters.next();
            }
            '"' => {
                let literal = literal(&mut characters);
                if literal.trim().contains(' ') {
                    found.push((code.trim_end().to_owned(), literal));
                }
                code.push('_');
            }
            _ => code.push(character),
        }
    }
    found
}

/// The source without the definition of a type of checks, which docs/checks.md is made of.
fn without_type_of_checks(source: &str) -> String {
    let Some((before, rest)) = source.split_once("\npub const TYPE: CheckType = ") else {
        return source.to_owned();
    };
    let (_, after) = rest.split_once("\n};\n").expect("the definition ends");
    format!("{before}\n{after}")
}

/// The text up to the closing quote. A backslash at the end of a line takes the indentation away.
fn literal(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                Some('\n') => while characters.next_if(|c| c.is_whitespace()).is_some() {},
                Some('n') => text.push('\n'),
                Some(escaped) => text.push(escaped),
                None => {}
            },
            _ => text.push(character),
        }
    }
    text.trim().to_owned()
}

/// What stands between the places of a format, as far as it says something.
fn stable_parts(sentence: &str) -> impl Iterator<Item = String> {
    // Two brackets are one of the text.
    let sentence = sentence.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut parts = Vec::new();
    for part in sentence.split('{') {
        let part = part.split_once('}').map_or(part, |(_, part)| part);
        parts.push(words(&part.replace('\u{1}', "{").replace('\u{2}', "}")));
    }
    parts.into_iter().filter(|part| part.chars().filter(|c| c.is_alphabetic()).count() >= 3)
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
