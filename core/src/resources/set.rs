//! Sets of strings, such as disk or device names.
//!
//! Promises: items are sorted by bytes and unique. Refuses items that the text form could not carry
//! (blanks, control characters, brackets, `,` and `;`), so that print and parse are inverse.

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::excerpt::Excerpt;

type Items = SmallVec<[Arc<str>; 2]>;

/// A set of strings. One pointer wide; items are shared between copies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set(
    /// `None` exactly when there is no item.
    Option<Box<Items>>,
);

/// Why a list of strings is not a legal set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// An item is the empty string.
    #[error("set item {index} is empty; write a name or leave it out")]
    EmptyItem {
        /// Position in the list, from 0.
        index: usize,
    },
    /// An item is too long.
    #[error(
        "set item {index} {item} has {bytes} bytes; at most {} are allowed",
        Set::ITEM_BYTES_MAX
    )]
    TooLong {
        /// Position in the list, from 0.
        index: usize,
        /// The item.
        item: Excerpt,
        /// Its length.
        bytes: usize,
    },
    /// An item contains a character that the text form uses.
    #[error(
        "set item {index} {item} contains {found:?}; \
         blanks, control characters and any of ,;()[]{{}} are not allowed"
    )]
    BadCharacter {
        /// Position in the list, from 0.
        index: usize,
        /// The item.
        item: Excerpt,
        /// The character.
        found: char,
    },
    /// An item stands twice.
    #[error("set item {item} appears more than once; a set has each item once")]
    Duplicate {
        /// The item.
        item: Excerpt,
    },
}

impl Set {
    /// The most bytes of one item.
    pub const ITEM_BYTES_MAX: usize = 255;

    /// Makes a set from items in any order, each once.
    pub fn new<I>(items: I) -> Result<Self, SetError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut out = Items::new();
        for (index, item) in items.into_iter().enumerate() {
            let item = item.as_ref();
            check_item(index, item)?;
            out.push(Arc::from(item));
        }
        out.sort_unstable();
        if let Some((item, _)) = out.iter().zip(out.iter().skip(1)).find(|(a, b)| a == b) {
            return Err(SetError::Duplicate { item: Excerpt::new(item) });
        }
        Ok(Self::from_items(out))
    }

    fn from_items(items: Items) -> Self {
        Self((!items.is_empty()).then(|| Box::new(items)))
    }

    fn as_slice(&self) -> &[Arc<str>] {
        self.0.as_deref().map_or(&[], SmallVec::as_slice)
    }

    /// True when there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// The items, sorted by bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + '_ {
        self.as_slice().iter().map(|item| &**item)
    }

    /// Adds the items of `other`.
    pub fn union(&mut self, other: &Self) {
        if self.contains(other) {
            return;
        }
        let mut items: Items = self.as_slice().iter().chain(other.as_slice()).cloned().collect();
        items.sort_unstable();
        items.dedup();
        *self = Self::from_items(items);
    }

    /// Removes the items of `other`; items that are not there do not matter.
    pub fn difference(&mut self, other: &Self) {
        if let Some(items) = &mut self.0 {
            items.retain(|item| !other.has(item));
            if items.is_empty() {
                self.0 = None;
            }
        }
    }

    /// True when `item` is here.
    #[must_use]
    pub fn has(&self, item: &str) -> bool {
        self.as_slice().binary_search_by(|own| (**own).cmp(item)).is_ok()
    }

    /// True when every item of `other` is here.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.len() <= self.len() && other.iter().all(|item| self.has(item))
    }

    /// True when some item is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first_shared(other).is_some()
    }

    /// The first item, by bytes, that is in both.
    #[must_use]
    pub fn first_shared(&self, other: &Self) -> Option<&str> {
        self.iter().find(|item| other.has(item))
    }
}

fn check_item(index: usize, item: &str) -> Result<(), SetError> {
    if item.is_empty() {
        return Err(SetError::EmptyItem { index });
    }
    if item.len() > Set::ITEM_BYTES_MAX {
        return Err(SetError::TooLong { index, item: Excerpt::new(item), bytes: item.len() });
    }
    let bad = |c: char| c.is_whitespace() || c.is_control() || ",;()[]{}".contains(c);
    match item.chars().find(|c| bad(*c)) {
        Some(found) => Err(SetError::BadCharacter { index, item: Excerpt::new(item), found }),
        None => Ok(()),
    }
}

impl fmt::Display for Set {
    /// `{a,b}`; with `{:#}` as Mesos prints it, `{a, b}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if f.alternate() { ", " } else { "," };
        f.write_str("{")?;
        for (i, item) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { separator };
            write!(f, "{separator}{item}")?;
        }
        f.write_str("}")
    }
}
