//! Makes statements of the pieces of criteria.

use super::expression::{Condition, Name, Relation, Term};
use super::lexer::{Kind, Lexer, Token};
use super::mistake::Mistake;
use super::pattern::Pattern;
use super::status::Status;
use super::words::{did_you_mean, quoted};
use super::{Conditional, Criteria, Outcome};
use crate::alarm::state::State;

/// Reads criteria from their first to their last piece; it looks one piece ahead.
pub struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The piece that was looked at and not taken yet.
    ahead: Option<Token<'t>>,
    criteria: Criteria,
    /// Settings that were met.
    set: Vec<&'t str>,
    tokens: usize,
    /// Parentheses that are open in a condition.
    depth: usize,
    patterns: usize,
}

impl<'t> Parser<'t> {
    pub fn new(text: &'t str) -> Self {
        Self {
            lexer: Lexer::new(text),
            ahead: None,
            criteria: Criteria::without_statements(),
            set: Vec::new(),
            tokens: 0,
            depth: 0,
            patterns: 0,
        }
    }

    pub fn parse(mut self) -> Result<Criteria, Mistake> {
        loop {
            let token = self.take()?;
            match token.kind {
                Kind::Set => self.setting()?,
                Kind::Word("if") => self.conditional(&token)?,
                Kind::Word("return") => {
                    self.criteria.otherwise = self.outcome(&token)?;
                    let end = self.take()?;
                    return match end.kind {
                        Kind::End => Ok(self.criteria),
                        _ => Err(self.unexpected(&end, AFTER_RETURN, &[])),
                    };
                }
                Kind::End => return Ok(self.criteria),
                _ => return Err(self.unexpected(&token, "if, return or :set", &["if", "return"])),
            }
        }
    }

    /// What stands behind `:set`.
    fn setting(&mut self) -> Result<(), Mistake> {
        let key = self.take()?;
        let name = match key.kind {
            Kind::Word(name) if SETTINGS.contains(&name) => name,
            _ => {
                return Err(self.unexpected(
                    &key,
                    "consecutiveCount or consistencyLevel",
                    SETTINGS,
                ));
            }
        };
        if self.set.contains(&name) {
            return Err(self.unexpected(&key, "each setting only once", &[]));
        }
        self.set.push(name);
        self.sign("=", "=")?;
        let value = self.take()?;
        match value.kind {
            Kind::Number(count) if name == CONSECUTIVE_COUNT => {
                let of = (1..=MOST_CONSECUTIVE).find(|whole| f64::from(*whole) == count);
                let of = of.ok_or_else(|| self.unexpected(&value, CONSECUTIVE, &[]))?;
                self.criteria.consecutive_results = of;
            }
            _ if name == CONSECUTIVE_COUNT => {
                return Err(self.unexpected(&value, CONSECUTIVE, &[]));
            }
            // One agent is one, most and all of those that measure.
            Kind::Word(level) if LEVELS.contains(&level) => {}
            _ => return Err(self.unexpected(&value, "ONE, QUORUM or ALL", LEVELS)),
        }
        Ok(())
    }

    /// What stands behind `if`.
    fn conditional(&mut self, start: &Token<'t>) -> Result<(), Mistake> {
        if self.criteria.conditionals.len() == MOST_CONDITIONALS {
            return Err(self.unexpected(start, "at most 10 conditionals", &[]));
        }
        self.sign("(", "( and a condition")?;
        let condition = self.any()?;
        self.sign(")", "&&, || or )")?;
        self.sign("{", "{")?;
        let start = self.word("return", "return new AlarmStatus(STATE, 'text')")?;
        let outcome = self.outcome(&start)?;
        self.sign("}", "; or }")?;
        self.criteria.conditionals.push(Conditional { condition, outcome });
        Ok(())
    }

    /// What stands behind `return`.
    fn outcome(&mut self, start: &Token<'t>) -> Result<Outcome, Mistake> {
        self.word("new", "new AlarmStatus(STATE, 'text')")?;
        self.word("AlarmStatus", "AlarmStatus(STATE, 'text')")?;
        self.sign("(", "( and a state: OK, WARNING or CRITICAL")?;
        let state = self.state()?;
        let status = if self.take_sign(",")? {
            let text = self.take()?;
            let Kind::Text(text) = text.kind else {
                return Err(self.unexpected(&text, "a text in quotes", &[]));
            };
            Status::of(&text)
        } else {
            let before = self.lexer.at(0..start.at.start);
            Status::OfLine(1 + before.matches('\n').count())
        };
        let has_text = !matches!(status, Status::OfLine(_));
        self.sign(")", if has_text { ")" } else { ", and a text, or )" })?;
        // The last one may be missing, and so may the others: what follows them is clear without.
        self.take_sign(";")?;
        Ok(Outcome { state, status })
    }

    fn state(&mut self) -> Result<State, Mistake> {
        let token = self.take()?;
        let state = match token.kind {
            Kind::Word(word) => State::of(word),
            _ => None,
        };
        let names = State::ALL.map(State::name);
        state.ok_or_else(|| self.unexpected(&token, "a state: OK, WARNING or CRITICAL", &names))
    }

    /// Conditions with `||` between them, which binds less than `&&`.
    fn any(&mut self) -> Result<Condition, Mistake> {
        let first = self.all()?;
        let mut all = vec![first];
        while self.take_sign("||")? {
            all.push(self.all()?);
        }
        Ok(one_or(all, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Mistake> {
        let first = self.single()?;
        let mut all = vec![first];
        while self.take_sign("&&")? {
            all.push(self.single()?);
        }
        Ok(one_or(all, Condition::All))
    }

    /// A comparison, or a condition in parentheses.
    fn single(&mut self) -> Result<Condition, Mistake> {
        if self.peek()?.kind != Kind::Sign("(") {
            return self.comparison();
        }
        let open = self.take()?;
        self.descend(&open)?;
        let condition = self.any()?;
        self.sign(")", "&&, || or )")?;
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, Mistake> {
        let left = self.term()?;
        let token = self.take()?;
        let relation = match token.kind {
            Kind::Word("regex") => return self.matching(left, true),
            Kind::Word("nregex") => return self.matching(left, false),
            Kind::Sign(sign) => Relation::of(sign),
            _ => None,
        };
        let Some(relation) = relation else {
            return Err(self.unexpected(&token, COMPARISON, &["regex", "nregex"]));
        };
        Ok(Condition::Comparison(left, relation, self.term()?))
    }

    /// What stands behind `regex` and `nregex`.
    fn matching(&mut self, term: Term, is_wanted: bool) -> Result<Condition, Mistake> {
        let token = self.take()?;
        let Kind::Text(text) = &token.kind else {
            return Err(self.unexpected(&token, "a regular expression in quotes", &[]));
        };
        self.patterns += 1;
        if self.patterns > MOST_PATTERNS {
            return Err(self.unexpected(&token, "at most 10 regular expressions", &[]));
        }
        let pattern = Pattern::of(text);
        let pattern = pattern.map_err(|problem| self.unexpected(&token, &problem, &[]))?;
        Ok(Condition::Match { term, pattern, is_wanted })
    }

    fn term(&mut self) -> Result<Term, Mistake> {
        let token = self.take()?;
        Ok(match token.kind {
            Kind::Number(number) => Term::Number(number),
            Kind::Text(text) => Term::Text(text),
            Kind::Word("metric") => Term::Metric(self.name()?),
            Kind::Word("rate") => Term::Rate(self.metric_argument()?),
            Kind::Word("previous") => Term::Previous(self.metric_argument()?),
            Kind::Word("percentage") => self.percentage()?,
            _ => return Err(self.unexpected(&token, TERM, TERM_WORDS)),
        })
    }

    fn percentage(&mut self) -> Result<Term, Mistake> {
        let open = self.sign("(", "( and two values")?;
        self.descend(&open)?;
        let part = self.term()?;
        self.sign(",", ", and what it is a percentage of")?;
        let whole = self.term()?;
        self.sign(")", ")")?;
        self.depth -= 1;
        Ok(Term::Percentage(part.into(), whole.into()))
    }

    fn metric_argument(&mut self) -> Result<Name, Mistake> {
        self.sign("(", "( and a metric")?;
        self.word("metric", "a metric, such as metric['name']")?;
        let name = self.name()?;
        self.sign(")", ")")?;
        Ok(name)
    }

    /// What stands behind `metric`.
    fn name(&mut self) -> Result<Name, Mistake> {
        self.sign("[", "[ and a name, such as metric['name']")?;
        let token = self.take()?;
        let name = match &token.kind {
            Kind::Text(name) if !name.is_empty() => Name::from(&**name),
            _ => return Err(self.unexpected(&token, "the name of a metric in quotes", &[])),
        };
        self.sign("]", "]")?;
        Ok(name)
    }

    /// Opens a parenthesis. The depth is bounded, because each one takes some of the stack.
    fn descend(&mut self, open: &Token<'t>) -> Result<(), Mistake> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(self.unexpected(open, "at most 32 parentheses inside each other", &[]));
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<&Token<'t>, Mistake> {
        let token = self.take()?;
        Ok(self.ahead.insert(token))
    }

    fn take(&mut self) -> Result<Token<'t>, Mistake> {
        if let Some(token) = self.ahead.take() {
            return Ok(token);
        }
        let token = self.lexer.token()?;
        self.tokens += usize::from(token.kind != Kind::End);
        if self.tokens > MOST_TOKENS {
            return Err(self.unexpected(&token, "at most 4096 words, values and signs", &[]));
        }
        Ok(token)
    }

    /// Takes a sign if it is the next piece.
    fn take_sign(&mut self, sign: &'static str) -> Result<bool, Mistake> {
        let is_next = self.peek()?.kind == Kind::Sign(sign);
        if is_next {
            self.ahead = None;
        }
        Ok(is_next)
    }

    fn sign(&mut self, sign: &'static str, expected: &str) -> Result<Token<'t>, Mistake> {
        let token = self.take()?;
        if token.kind != Kind::Sign(sign) {
            return Err(self.unexpected(&token, expected, &[]));
        }
        Ok(token)
    }

    fn word(&mut self, word: &'static str, expected: &str) -> Result<Token<'t>, Mistake> {
        let token = self.take()?;
        if token.kind != Kind::Word(word) {
            return Err(self.unexpected(&token, expected, &[word]));
        }
        Ok(token)
    }

    /// A piece that is not what was expected; one of `words` may be meant by it.
    fn unexpected(&self, token: &Token<'t>, expected: &str, words: &[&str]) -> Mistake {
        let of_others = OF_OTHERS.iter().find(|(word, _)| token.kind == Kind::Word(word));
        let message = match (&token.kind, of_others) {
            (Kind::End, _) => format!("the criteria end here: expected {expected}"),
            (_, Some((word, instead))) => format!("{word:?}: {instead}"),
            (Kind::Word(word), None) => {
                format!("{}: expected {expected}{}", quoted(word), did_you_mean(word, words))
            }
            _ => format!("{}: expected {expected}", quoted(self.lexer.at(token.at.clone()))),
        };
        Mistake { at: token.at.clone(), message }
    }
}

/// A list, or the only condition in it.
fn one_or(mut all: Vec<Condition>, list: fn(Vec<Condition>) -> Condition) -> Condition {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        last => {
            all.extend(last);
            list(all)
        }
    }
}

const CONSECUTIVE_COUNT: &str = "consecutiveCount";
const SETTINGS: &[&str] = &[CONSECUTIVE_COUNT, "consistencyLevel"];
const LEVELS: &[&str] = &["ONE", "QUORUM", "ALL"];

/// Results in a row that may be asked for.
const MOST_CONSECUTIVE: u8 = 5;
const CONSECUTIVE: &str = "a whole number from 1 to 5";

const MOST_CONDITIONALS: usize = 10;

/// Parentheses inside each other. People write three or four.
const MOST_DEPTH: usize = 32;

/// Pieces of criteria: ten conditionals of ten comparisons have some 1,500. It bounds how long one
/// evaluation takes.
const MOST_TOKENS: usize = 4096;

/// Each one is searched for at each result, for 20 milliseconds at most.
const MOST_PATTERNS: usize = 10;

const AFTER_RETURN: &str = "the end of the criteria, because nothing behind this return is reached";
const COMPARISON: &str = "a comparison: ==, !=, >=, <=, >, <, regex or nregex";
const TERM: &str =
    "a value: metric['name'], a number, a text in quotes, rate, previous or percentage";
const TERM_WORDS: &[&str] = &["metric", "rate", "previous", "percentage"];

/// Words of other languages, and what is written instead.
const OF_OTHERS: [(&str, &str); 7] = [
    ("else", "there is no else: the first if whose condition holds decides"),
    ("elseif", "there is no elseif: the first if whose condition holds decides"),
    ("elif", "there is no elif: the first if whose condition holds decides"),
    ("and", "expected &&"),
    ("or", "expected ||"),
    ("not", "there is no not: use != or nregex, or turn the comparison around"),
    ("matches", "expected regex"),
];
