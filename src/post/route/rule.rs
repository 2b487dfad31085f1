//! What decided: said for people, with its place in a file.

use std::fmt;
use std::sync::Arc;

/// A line of a configuration or routing file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The rules that led to a decision, in order, and where the last of them stands that stands in a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Why {
    said: Vec<String>,
    place: Option<Place>,
}

impl Why {
    pub fn push(&mut self, rule: String) {
        self.said.push(rule);
    }

    pub fn push_at(&mut self, rule: String, place: Option<Place>) {
        self.said.push(match &place {
            Some(place) => format!("{rule} ({place})"),
            None => rule,
        });
        self.place = place.or_else(|| self.place.take());
    }

    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said.join(", "))
    }
}
