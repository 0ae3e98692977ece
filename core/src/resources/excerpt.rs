//! A short quotation of rejected input, so that an error can show it whatever its size.

use std::fmt;

/// At most [`Excerpt::CHARS_MAX`] characters of some input, safe to print on one line.
///
/// `Display` puts it in single quotes and ends a shortened one with `...`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    /// The most characters that are kept of the original.
    pub const CHARS_MAX: usize = 40;

    /// Quotes `text`; control characters are written as escapes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut out = String::new();
        let mut chars = text.chars();
        for c in chars.by_ref().take(Self::CHARS_MAX) {
            // Escapes keep an error on one line and a terminal unharmed.
            if c.is_control() {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        if chars.next().is_some() {
            out.push_str("...");
        }
        Self(out.into_boxed_str())
    }

    /// The quoted text without the quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&str> for Excerpt {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
