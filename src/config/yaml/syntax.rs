//! What a syntax error means, in plain English and with its cure. The parser names the rule of the YAML
//! grammar that a text breaks; its reader wants to know what to change.

use granit_parser::{ErrorKind, ScanError};

use super::{MAX_DEPTH, MAX_NODES, MAX_PROBLEMS, MAX_TEXT, Place, Problem};

pub(super) const TAG: &str = "tags other than `!!str` are not supported: remove the tag, or put the value in quotes if it begins with `!`";

const TAB: &str =
    "a tab is used for indentation, where YAML allows only spaces: replace the tab with spaces";

const INDENTATION: &str = "the line does not fit the lines above it: indent the keys of one map, and the `-` of \
     one list, by the same number of spaces, and write each key as `key: value`";

pub(super) fn too_deep() -> String {
    format!("lists and maps are nested deeper than {MAX_DEPTH} levels: use fewer")
}

pub(super) fn too_many() -> String {
    format!(
        "the file has more than {MAX_NODES} keys and values, or more than {MAX_TEXT} bytes of text, where each \
         anchor and alias counts as a copy of its value: shorten it"
    )
}

pub(super) fn cut_short() -> String {
    format!(
        "this list ends after {MAX_PROBLEMS} problems: correct these first, and more may follow"
    )
}

/// The beginning of a name for a message: a name can be as long as the file, and of several lines.
pub(super) fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters; enough to recognise the name.
const SHOWN: usize = 60;

/// `bracket`: the innermost `[` or `{` that is open where the error is, and its place.
pub(super) fn explain(source: &str, error: &ScanError, bracket: Option<(char, Place)>) -> Problem {
    let place = Place::of(error.marker());
    let start = error.marker().byte_offset().unwrap_or(0);
    let before = source.get(..start).unwrap_or("").rsplit('\n').next().unwrap_or("");
    let rest = source.get(start - before.len()..).unwrap_or("");
    if is_tab(error.kind()) {
        // The parser points at what it read before the tab, which can be one line or more above.
        if let Some(place) = first_tab(rest, place.line) {
            return Problem { place, text: TAB.to_owned() };
        }
    }
    let opener = rest.get(before.len()..).and_then(|text| text.chars().next()).unwrap_or('"');
    Problem { place, text: sentence(error.kind(), bracket, before, opener) }
}

fn is_tab(kind: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::TabNotAllowed
            | K::TabInBlockIndentation
            | K::TabInIndentation
            | K::TabAtBlockScalarStart
            | K::TabInPlainScalar
            | K::InvalidBlockEntryWhitespace
            | K::InvalidMappingValueWhitespace
    )
}

fn is_indentation(kind: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::ExpectedBlockMappingKey
            | K::ExpectedBlockSequenceEntry
            | K::ExpectedNodeContent
            | K::InvalidIndentation
            | K::InvalidFlowScalarIndent
            | K::InvalidQuotedScalarIndent
            | K::InvalidBlockScalarIndent
            | K::SimpleKeyExpected
            | K::InvalidSimpleKey
            | K::MappingKeyNotAllowed
    )
}

/// The first tab in the indentation of a line of `text`, whose first line has the number `line`.
fn first_tab(text: &str, line: usize) -> Option<Place> {
    text.split('\n').zip(line..).find_map(|(text, line)| {
        let indentation = text.chars().take_while(|c| matches!(c, ' ' | '\t' | '-'));
        let column = indentation.zip(1..).find_map(|(c, column)| (c == '\t').then_some(column))?;
        Some(Place { line, column })
    })
}

/// `before`: the line up to the error. `opener`: the character at the error, a quote where one is open.
fn sentence(
    kind: &ErrorKind,
    bracket: Option<(char, Place)>,
    before: &str,
    opener: char,
) -> String {
    use ErrorKind as K;
    let text = match kind {
        K::RecursionLimitExceeded => return too_deep(),
        K::UnclosedFlowCollection { open } => return unclosed(*open),
        K::MismatchedFlowCollectionEnd { open, close } => {
            return format!(
                "`{open}` opens here and `{close}` closes it: close it with `{}`",
                closing(*open)
            );
        }
        K::UnclosedQuotedScalar | K::DocumentIndicatorInQuotedScalar => return unclosed(opener),
        K::UnexpectedCharacter { character } if character.is_control() => {
            let code = u32::from(*character);
            return format!("the control character U+{code:04X} is not allowed: remove it");
        }
        K::UnexpectedCharacter { character } => {
            return format!("a value cannot begin with `{character}`: put the value in quotes");
        }
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
            "more text follows a closing quote: look for a missing quote in this line and above; write a quote \
             that belongs to the text as `''` in single quotes and as `\\\"` in double quotes"
        }
        K::MisplacedFlowCollectionEnd => {
            "this bracket closes nothing: remove it, or put the value in quotes if it is text"
        }
        K::MissingAnchorOrAliasName => {
            "`*` and `&` begin an alias or anchor, and its name is missing: put the value in quotes if it is text"
        }
        K::MappingValueNotAllowed if before.contains(": ") => {
            "a second `: ` stands in this line: put the value in quotes if the colon belongs to it, or begin the \
             inner key in a line of its own"
        }
        K::MappingValueNotAllowed => {
            "a key is not expected here, because the text above it goes on to here: check the indentation of this \
             line, and that a space follows the `:` in the line above"
        }
        K::SimpleKeyExpected | K::InvalidSimpleKey => {
            "expected `key: value`, with a colon and a space after the key"
        }
        K::BlockSequenceEntryNotAllowed => {
            "a list with `-` cannot begin in the line of its key: begin it in the next line, or put the value in \
             quotes if it is text"
        }
        K::ExpectedDocumentStart => {
            "expected the end of the file: check the indentation of this line against the lines above; after a \
             `%` directive, a line `---` has to come first"
        }
        K::InvalidBlockScalarHeader | K::ZeroBlockScalarIndent => {
            "the text of a block begins in the line after `|` or `>`: put the value in quotes if it has one line"
        }
        K::CommentNotSeparated | K::CommentInterceptedScalar => {
            "a comment begins inside a value: put a space before `#`, and no comment between the lines of one value"
        }
        kind if is_escape(kind) => {
            "an escape with `\\` in this text is not known: write `\\\\` for a backslash, or use single quotes"
        }
        kind if is_tag(kind) => TAG,
        kind if is_directive(kind) => {
            "this `%` directive is not supported: remove the line; none is needed"
        }
        kind if is_tab(kind) => {
            "a tab stands where YAML does not allow one: replace the tab with a space"
        }
        _ => match bracket {
            Some((open, place)) => {
                let (close, Place { line, column }) = (closing(open), place);
                return format!(
                    "this does not fit into what `{open}` opens in line {line}, column {column}: close that with \
                     `{close}`, and put one `,` between its items"
                );
            }
            None if is_indentation(kind) => INDENTATION,
            None => "the text from here on is not valid YAML",
        },
    };
    text.to_owned()
}

fn unclosed(open: char) -> String {
    format!("`{open}` opens here and is not closed: add `{}`", closing(open))
}

fn closing(open: char) -> char {
    match open {
        '[' => ']',
        '{' => '}',
        quote => quote,
    }
}

fn is_escape(kind: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::UnknownQuotedScalarEscape
            | K::InvalidQuotedScalarHexEscape
            | K::InvalidLowSurrogateHexEscape
            | K::InvalidLowSurrogate
            | K::MissingLowSurrogate
            | K::UnpairedLowSurrogate
            | K::InvalidUnicodeEscape
    )
}

fn is_tag(kind: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::UndeclaredTagHandle
            | K::ExpectedTagBang
            | K::InvalidGlobalTagCharacter
            | K::InvalidTagTerminator
            | K::MissingTagUri
            | K::UnclosedVerbatimTag
            | K::InvalidTagEscape
            | K::InvalidTagUtf8LeadingByte
            | K::InvalidTagUtf8TrailingByte
            | K::InvalidTagUtf8
    )
}

fn is_directive(kind: &ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::UnsupportedYamlMajorVersion
            | K::DuplicateVersionDirective
            | K::DuplicateTagDirective
            | K::ExpectedTagDirectiveBang
            | K::InvalidTagDirectiveTerminator
            | K::MissingDocumentEndBeforeDirective
            | K::InvalidDirectiveTerminator
            | K::InvalidDirectiveName
            | K::MissingDirectiveName
            | K::MissingYamlVersion
            | K::MissingYamlVersionSeparator
            | K::YamlVersionTooLong
            | K::DirectiveByteLimitExceeded { .. }
            | K::TooManyReservedDirectiveParams { .. }
    )
}
