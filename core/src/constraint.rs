//! Offer constraints: which agents a framework wants to be offered, by what is known of them.
//!
//! Those of one role are groups, of which one must hold; a group holds if each of its constraints
//! does. They follow Mesos: of several attributes of one name the first counts, and a predicate
//! about text holds for an attribute that is a number or ranges.
//!
//! Patterns have the syntax of the [`regex-syntax`](regex_syntax) crate, without look-around and
//! back-references, and must match the whole text; so they take linear time. What a pattern costs
//! is counted from its syntax, not from what a library makes of it: a journal that was accepted
//! once is accepted by every later version.

use std::fmt;
use std::sync::Arc;

use minicbor::{Decode, Encode};
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use serde::{Deserialize, Serialize};

use crate::attributes::Attributes;
use crate::error::shorten;
use crate::limits::{
    CONSTRAINTS_PER_ROLE_MAX, NAME_BYTES_MAX, PATTERN_BYTES_MAX, PATTERN_STEPS_MAX,
};
use crate::value::Domain;

/// What of an agent is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// The first attribute of that name.
    #[n(0)]
    Attribute(#[n(0)] Box<str>),
    /// The machine: its host name, or else the name of the agent.
    #[n(1)]
    Hostname,
    /// The region, if the agent is in a fault domain.
    #[n(2)]
    Region,
    /// The zone, if the agent is in a fault domain.
    #[n(3)]
    Zone,
}

/// What must be true of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    /// It is there.
    #[n(0)]
    Exists,
    /// It is not there.
    #[n(1)]
    NotExists,
    /// It is there, and if it is text, it is this one.
    #[n(2)]
    TextEquals(#[n(0)] Box<str>),
    /// It is not there, or it is not text, or another text.
    #[n(3)]
    TextNotEquals(#[n(0)] Box<str>),
    /// It is there, and if it is text, the pattern matches all of it.
    #[n(4)]
    TextMatches(#[n(0)] Box<str>),
    /// It is not there, or it is not text, or the pattern does not match all of it.
    #[n(5)]
    TextNotMatches(#[n(0)] Box<str>),
}

/// What must be true of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Constraint {
    /// What of the agent is looked at.
    #[n(0)]
    pub selector: Selector,
    /// What must be true of it.
    #[n(1)]
    pub predicate: Predicate,
}

/// Why constraints are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ConstraintError {
    /// Which group, counted from 0, if it is about one.
    pub group: Option<usize>,
    /// Which constraint of it, counted from 0, if it is about one.
    pub constraint: Option<usize>,
    /// What is wrong, and what would be right.
    pub reason: ConstraintReason,
}

/// What is wrong with constraints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstraintReason {
    /// No group, or a group without a constraint.
    #[error("empty: leave the role out to have no constraints")]
    Empty,
    /// Too many of them.
    #[error("{0} constraints in one role: at most {CONSTRAINTS_PER_ROLE_MAX}")]
    TooMany(usize),
    /// A name or text that no attribute can have.
    #[error("{0:?}: names and texts of attributes have 1 to {NAME_BYTES_MAX} bytes")]
    Length(String),
    /// A pattern that is too long to be looked at, or that would need too much memory.
    #[error("pattern {0:?} is too large: at most {PATTERN_BYTES_MAX} bytes, and short repetitions")]
    TooLarge(String),
    /// A pattern that could take too long.
    #[error("pattern {pattern:?} is too complex: {steps} steps, at most {PATTERN_STEPS_MAX}")]
    TooComplex {
        /// The pattern, shortened.
        pattern: String,
        /// What it costs.
        steps: usize,
    },
    /// A pattern that is none.
    #[error("pattern {pattern:?} is malformed: {why}")]
    Malformed {
        /// The pattern, shortened.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What constraints look at.
#[derive(Debug, Clone, Copy)]
pub struct Looks<'a> {
    /// The agent's attributes.
    pub attributes: &'a Attributes,
    /// Its machine.
    pub hostname: Option<&'a str>,
    /// Its fault domain.
    pub domain: Option<&'a Domain>,
}

/// The constraints of a framework in one role, checked and ready for use. Cheap to clone.
#[derive(Clone)]
pub struct Constraints(Arc<Compiled>);

struct Compiled {
    groups: Vec<Vec<Constraint>>,
    /// One for each constraint with a pattern, in their order.
    patterns: Vec<Regex>,
}

impl Constraints {
    /// Checks groups of constraints, and compiles their patterns.
    pub fn new(groups: Vec<Vec<Constraint>>) -> Result<Self, ConstraintError> {
        let count = groups.iter().map(Vec::len).sum();
        let reject = |group, constraint, reason| ConstraintError { group, constraint, reason };
        if count > CONSTRAINTS_PER_ROLE_MAX {
            return Err(reject(None, None, ConstraintReason::TooMany(count)));
        }
        if groups.is_empty() {
            return Err(reject(None, None, ConstraintReason::Empty));
        }
        let mut patterns = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            if group.is_empty() {
                return Err(reject(Some(index), None, ConstraintReason::Empty));
            }
            for (at, constraint) in group.iter().enumerate() {
                let pattern =
                    constraint.check().map_err(|reason| reject(Some(index), Some(at), reason))?;
                patterns.extend(pattern);
            }
        }
        Ok(Self(Arc::new(Compiled { groups, patterns })))
    }

    /// The groups, as they were given.
    pub fn groups(&self) -> &[Vec<Constraint>] {
        &self.0.groups
    }

    /// Whether one group holds for an agent that looks like this.
    pub fn hold(&self, agent: Looks<'_>) -> bool {
        let mut patterns = self.0.patterns.iter();
        // All are visited, so that each meets its own pattern.
        self.0.groups.iter().fold(false, |one, group| {
            let all = group.iter().fold(true, |all, constraint| {
                let pattern = constraint.predicate.pattern().and_then(|_| patterns.next());
                all && constraint.holds(agent, pattern)
            });
            one || all
        })
    }
}

impl Constraint {
    /// Checks it; compiles its pattern, if it has one.
    fn check(&self) -> Result<Option<Regex>, ConstraintReason> {
        let fits = |text: &str| (1..=NAME_BYTES_MAX).contains(&text.len());
        if let Selector::Attribute(name) = &self.selector {
            if !fits(name) {
                return Err(ConstraintReason::Length(shorten(name)));
            }
        }
        match &self.predicate {
            Predicate::TextEquals(text) | Predicate::TextNotEquals(text) if !fits(text) => {
                Err(ConstraintReason::Length(shorten(text)))
            }
            predicate => predicate.pattern().map(compile).transpose(),
        }
    }

    fn holds(&self, agent: Looks<'_>, pattern: Option<&Regex>) -> bool {
        let found = match &self.selector {
            Selector::Attribute(name) => agent.attributes.get(name),
            Selector::Hostname => agent.hostname,
            Selector::Region => agent.domain.map(|domain| &*domain.region),
            Selector::Zone => agent.domain.map(|domain| &*domain.zone),
        };
        let is_attribute = matches!(self.selector, Selector::Attribute(_));
        // What is no text fulfils every predicate about text.
        let text = found.filter(|text| !is_attribute || Attributes::is_text(text));
        match &self.predicate {
            Predicate::Exists => found.is_some(),
            Predicate::NotExists => found.is_none(),
            Predicate::TextEquals(wanted) => {
                found.is_some() && text.is_none_or(|text| text == &**wanted)
            }
            Predicate::TextNotEquals(other) => text.is_none_or(|text| text != &**other),
            Predicate::TextMatches(_) => {
                found.is_some() && text.is_none_or(|text| matches(pattern, text))
            }
            Predicate::TextNotMatches(_) => text.is_none_or(|text| !matches(pattern, text)),
        }
    }
}

fn matches(pattern: Option<&Regex>, text: &str) -> bool {
    pattern.is_some_and(|pattern| pattern.is_match(text))
}

impl Predicate {
    /// The pattern, if it has one.
    fn pattern(&self) -> Option<&str> {
        match self {
            Self::TextMatches(pattern) | Self::TextNotMatches(pattern) => Some(pattern),
            _ => None,
        }
    }
}

/// Beyond so many steps a pattern is called too large rather than too complex: Mesos gives a
/// pattern 4,096 B, and a step of its library takes 16 B.
const STEPS_IN_MEMORY: usize = 256;

/// Groups in groups in a pattern: its parts are visited recursively.
const NESTING_MAX: u32 = 32;

fn compile(pattern: &str) -> Result<Regex, ConstraintReason> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(ConstraintReason::TooLarge(shorten(pattern)));
    }
    let malformed = |why: String| ConstraintReason::Malformed {
        pattern: shorten(pattern),
        why: one_line(&why),
    };
    let mut parser = regex_syntax::ParserBuilder::new().nest_limit(NESTING_MAX).build();
    let parsed = parser.parse(pattern).map_err(|error| malformed(why(&error)))?;
    let steps = steps(&parsed).saturating_add(2);
    if steps > STEPS_IN_MEMORY {
        return Err(ConstraintReason::TooLarge(shorten(pattern)));
    }
    if steps > PATTERN_STEPS_MAX {
        return Err(ConstraintReason::TooComplex { pattern: shorten(pattern), steps });
    }
    let whole = Hir::concat(vec![Hir::look(Look::Start), parsed, Hir::look(Look::End)]);
    let config = Regex::config().which_captures(WhichCaptures::None);
    let built = Regex::builder().configure(config).build_from_hir(&whole);
    built.map_err(|error| malformed(error.to_string()))
}

fn why(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        error => error.to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many steps the program of a pattern has, about as Mesos' library counts them.
fn steps(hir: &Hir) -> usize {
    /// A class of characters counts no more than that, though the larger ones of Unicode take more.
    const CLASS_MAX: usize = 4;
    match hir.kind() {
        HirKind::Empty => 0,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().clamp(1, CLASS_MAX),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len().clamp(1, CLASS_MAX),
        HirKind::Look(_) => 1,
        HirKind::Capture(capture) => steps(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(steps).fold(0, usize::saturating_add),
        HirKind::Alternation(parts) => {
            parts.iter().map(steps).fold(parts.len() - 1, usize::saturating_add)
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min.max(1));
            let ways = repetition.max.map_or(1, |max| max - repetition.min);
            let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
            // An empty part costs its repetitions as well: they are made.
            let part = steps(&repetition.sub).max(1);
            part.saturating_mul(count(most)).saturating_add(count(ways))
        }
    }
}

/// As they were given.
impl fmt::Debug for Constraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Constraints").field(&self.0.groups).finish()
    }
}

impl PartialEq for Constraints {
    fn eq(&self, other: &Self) -> bool {
        self.0.groups == other.0.groups
    }
}

impl Eq for Constraints {}

/// As they were given: the compiled patterns are made anew.
impl<C> Encode<C> for Constraints {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        c: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.encode_with(&self.0.groups, c)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Constraints {
    fn decode(d: &mut minicbor::Decoder<'b>, c: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        Self::new(d.decode_with(c)?).map_err(|e| minicbor::decode::Error::message(e).at(at))
    }
}

#[cfg(test)]
mod tests;
