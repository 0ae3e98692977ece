//! The text form: `cpus:4;mem:8192;ports:[31000-32000];disks:{a,b};gpus:<0-3=a100>`.
//!
//! Follows Mesos, with errors that name the item and the byte. Metadata stands between the name and
//! the colon, `cpus(role):4`; `(*)` means unreserved. Blanks are allowed around every part, but not
//! inside a number or a name: `4 5` is not read as 45.

use std::str::FromStr;

use super::amount::{Amount, AmountError};
use super::collection::{CollectionKey as _, Resources};
use super::device_request::RequestError;
use super::device_text::parse_devices;
use super::devices::DevicesError;
use super::excerpt::Excerpt;
use super::input::{Builder, InputError};
use super::key::{Meta, ResourceKey};
use super::meta_text::parse_key;
use super::name::{Name, NameError};
use super::pieces::Pieces;
use super::ranges::{Ranges, RangesError};
use super::set::{Set, SetError};
use super::value::{Grain, Kind, Value};

/// Why a text is not a list of resources or quantities, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("item {index} at byte {offset}, {item}: {reason}")]
pub struct ParseError {
    /// Where the item begins, in bytes from the start of the text.
    pub offset: usize,
    /// Which item it is, from 0; items are separated by `;`.
    pub index: usize,
    /// The item, shortened.
    pub item: Excerpt,
    /// What is wrong with it, and what would be right.
    pub reason: Reason,
}

/// What is wrong with one item of the text form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// There is no `:`.
    #[error("there is no ':'; write name:value, such as cpus:4")]
    NoColon,
    /// There is a second `:`.
    #[error("there is more than one ':'; write name:value and put ';' between items")]
    ExtraColon,
    /// A bracket is not closed, not opened or stands in the wrong place.
    #[error(
        "the bracket {found:?} has no partner; write [a-b,c-d] for ranges, {{a,b}} for a set, \
         <0-3=model> for devices"
    )]
    Unbalanced {
        /// The bracket.
        found: char,
    },
    /// What stands between the name and the colon is not a form of metadata.
    #[error(
        "{found} is not understood; write name(role,+refined)#volume<key=value>~&:value, \
         with the parts that are needed"
    )]
    Decoration {
        /// The part that is not understood.
        found: Excerpt,
    },
    /// Quantities have no metadata.
    #[error("a quantity is a name and a number: leave {found} out")]
    Decorated {
        /// The part before the colon.
        found: Excerpt,
    },
    /// `*2` behind what is not in pieces.
    #[error("{value} counts pieces; only volumes and whole disks come in pieces")]
    NotInPieces {
        /// The value.
        value: Excerpt,
    },
    /// The name is not legal.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The value is of no kind at all.
    #[error(
        "{value} is neither a number (4 or 0.5), nor ranges ([1-3,7-9]), nor a set ({{a,b}}), \
         nor devices (<0-3=model>)"
    )]
    NotAValue {
        /// The value.
        value: Excerpt,
    },
    /// The number is not legal.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// Something between the commas of `[...]` is not `a-b`.
    #[error("{range} is not a range; write two whole numbers with '-' between, such as 1-3")]
    NotARange {
        /// What stands there.
        range: Excerpt,
    },
    /// The ranges are not legal.
    #[error(transparent)]
    Ranges(#[from] RangesError),
    /// The set is not legal.
    #[error(transparent)]
    Set(#[from] SetError),
    /// Something between the commas of `<...>` is no unit.
    #[error("{unit} is not a unit; write id=model@group/amount with what is to be said, as 0=a100")]
    NotAUnit {
        /// What stands there.
        unit: Excerpt,
    },
    /// What has ` of ` between `<` and `>` is no request.
    #[error("{found} is not a request; write <2 of any>, <0.5 of a|b> or <2 of any in one group>")]
    NotARequest {
        /// What stands there.
        found: Excerpt,
    },
    /// The units are not legal.
    #[error(transparent)]
    Devices(#[from] DevicesError),
    /// The request is not legal.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The item does not add up with those before it.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The text is JSON (it begins with `[` or `{`) that is not a form of resources.
    #[error("as JSON: {0}")]
    Json(Box<str>),
}

/// One piece of the text between two `;`, without the blanks around it.
pub(super) struct Token<'a> {
    offset: usize,
    index: usize,
    text: &'a str,
}

impl<'a> Token<'a> {
    /// The non-empty items of a text. Empty ones are skipped: `cpus:4;` is common and clear.
    pub(super) fn all(text: &'a str) -> impl Iterator<Item = Self> {
        let mut offset = 0;
        text.split(';')
            .map(move |piece| {
                let begin = offset + (piece.len() - piece.trim_start().len());
                offset += piece.len() + 1;
                (begin, piece.trim())
            })
            .filter(|(_, piece)| !piece.is_empty())
            .enumerate()
            .map(|(index, (offset, text))| Self { offset, index, text })
    }

    pub(super) fn error(&self, reason: impl Into<Reason>) -> ParseError {
        ParseError {
            offset: self.offset,
            index: self.index,
            item: Excerpt::new(self.text),
            reason: reason.into(),
        }
    }

    /// The mistake of metadata where only a name can be.
    pub(super) fn decorated(&self) -> Reason {
        let key = self.text.split_once(':').map_or(self.text, |(key, _)| key);
        Reason::Decorated { found: Excerpt::new(key) }
    }

    /// The name, its metadata and the text of the value.
    pub(super) fn split(&self) -> Result<(Name, Meta, &'a str), Reason> {
        let (key, value) = self.text.split_once(':').ok_or(Reason::NoColon)?;
        let value = value.trim();
        // Device addresses have colons, so inside a set they are part of an item.
        if value.contains(':') && !value.starts_with('{') {
            return Err(Reason::ExtraColon);
        }
        let (name, meta) = parse_key(key)?;
        Ok((name, meta, value))
    }
}

/// Reads one value: a number, `[a-b,c-d]`, `{a,b}` or `<...>`.
pub(super) fn parse_value(text: &str) -> Result<Value, Reason> {
    let text = text.trim();
    if let Some(inner) = between(text, '[', ']')? {
        return Ok(Value::Ranges(parse_ranges(inner)?));
    }
    if let Some(inner) = between(text, '{', '}')? {
        let items = elements(inner);
        return Ok(Value::Set(Set::new(items)?));
    }
    if let Some(inner) = between(text, '<', '>')? {
        return parse_devices(inner);
    }
    match text.parse() {
        Ok(amount) => Ok(Value::Scalar(amount)),
        Err(AmountError::NotANumber { text: value }) => Err(Reason::NotAValue { value }),
        Err(error) => Err(error.into()),
    }
}

/// The kind of a value that is written alone, also of a number that is no amount, such as `-1`;
/// none for plain text.
#[must_use]
pub fn kind_of_text(text: &str) -> Option<Kind> {
    match parse_value(text) {
        Ok(value) => Some(value.kind()),
        Err(Reason::Amount(error)) => {
            (!matches!(error, AmountError::Empty)).then_some(Kind::Scalar)
        }
        Err(_) => None,
    }
}

/// What stands between a pair of brackets, when the text is such a pair.
fn between(text: &str, open: char, close: char) -> Result<Option<&str>, Reason> {
    let Some(inner) = text.strip_prefix(open) else {
        return Ok(None);
    };
    let Some(inner) = inner.strip_suffix(close) else {
        return Err(Reason::Unbalanced { found: open });
    };
    match inner.chars().find(|c| "[]{}()".contains(*c)) {
        Some(found) => Err(Reason::Unbalanced { found }),
        None => Ok(Some(inner)),
    }
}

/// The parts between commas; nothing at all is no part.
fn elements(inner: &str) -> impl Iterator<Item = &str> {
    let empty = inner.trim().is_empty();
    inner.split(',').map(str::trim).filter(move |_| !empty)
}

/// Overlapping ranges in a text are united, as in Mesos.
fn parse_ranges(inner: &str) -> Result<Ranges, Reason> {
    let mut intervals = Vec::new();
    for range in elements(inner) {
        let bounds = range.split_once('-').map(|(begin, end)| (whole(begin), whole(end)));
        let Some((Some(begin), Some(end))) = bounds else {
            return Err(Reason::NotARange { range: Excerpt::new(range) });
        };
        intervals.push((begin, end));
    }
    Ok(Ranges::coalesced(intervals)?)
}

pub(super) fn whole(text: &str) -> Option<u64> {
    let text = text.trim();
    // `u64::from_str` would also take a leading '+'.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Reads one amount where ranges and sets are not possible.
pub(super) fn parse_amount(text: &str) -> Result<Amount, Reason> {
    Ok(text.parse::<Amount>()?)
}

/// Reads a value that may end in `*2`, a number of pieces.
fn parse_pieces(name: &Name, meta: &Meta, text: &str) -> Result<Value, Reason> {
    // An item of a set may be a star.
    let pieces = text.split_once('*').filter(|(size, _)| !size.starts_with(['{', '[', '<']));
    let Some((size, count)) = pieces else { return parse_value(text) };
    let value = || Excerpt::new(text);
    let key = ResourceKey { name: name.clone(), meta: meta.clone() };
    let shared = match key.grain() {
        Grain::Divisible => return Err(Reason::NotInPieces { value: value() }),
        grain => grain == Grain::Copies,
    };
    let count = whole(count).and_then(|count| u32::try_from(count).ok());
    let count = count.ok_or_else(|| Reason::NotAValue { value: value() })?;
    Ok(Value::Pieces(Pieces::new(parse_amount(size)?, count, shared)))
}

impl FromStr for Resources {
    type Err = ParseError;

    /// Reads the text form, or JSON when the text begins with `[` or `{`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let trimmed = text.trim_start();
        if trimmed.starts_with(['[', '{']) {
            return serde_json::from_str(trimmed).map_err(|error| ParseError {
                offset: text.len() - trimmed.len(),
                index: 0,
                item: Excerpt::new(trimmed),
                reason: Reason::Json(error.to_string().into_boxed_str()),
            });
        }
        let mut sum = Builder::default();
        for token in Token::all(text) {
            let add = |sum: &mut Builder| -> Result<(), Reason> {
                let (name, meta, value) = token.split()?;
                let value = parse_pieces(&name, &meta, value)?;
                Ok(sum.push_with(name, meta, value)?)
            };
            add(&mut sum).map_err(|reason| token.error(reason))?;
        }
        Ok(sum.finish())
    }
}
