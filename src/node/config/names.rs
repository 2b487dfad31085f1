//! Names that one section gives and another uses: systems, lines, users.

use super::findings::Findings;
use super::section::nearest;
use std::fmt;
use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    System,
    Line,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::System => "system",
            Kind::Line => "line",
        })
    }
}

/// What was given and what was used, until the whole file is read.
#[derive(Debug, Default)]
pub struct Names {
    given: Vec<(Kind, String)>,
    used: Vec<(Kind, String, Range<usize>)>,
}

impl Names {
    /// A section gives a name; a second section may not give the same.
    pub fn give(&mut self, kind: Kind, name: &str, span: Range<usize>, findings: &Findings) {
        let entry = (kind, name.to_owned());
        if self.given.contains(&entry) {
            findings.error(span, format!("a second {kind} named `{name}`"), "give each its own name");
        } else {
            self.given.push(entry);
        }
    }

    pub fn is_given(&self, kind: Kind, name: &str) -> bool {
        self.given.iter().any(|(k, n)| *k == kind && n == name)
    }

    /// A section uses a name that some section has to give.
    pub fn uses(&mut self, kind: Kind, name: &str, span: Range<usize>) {
        self.used.push((kind, name.to_owned(), span));
    }

    /// Every used name has to be given somewhere.
    pub fn resolve(self, findings: &Findings) {
        for (kind, name, span) in &self.used {
            if self.is_given(*kind, name) {
                continue;
            }
            let known: Vec<&str> =
                self.given.iter().filter(|(k, _)| k == kind).map(|(_, n)| n.as_str()).collect();
            let hint = match nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => format!("add a [[{kind}]] section with this name"),
                None => {
                    format!("add a [[{kind}]] section with this name, or use one of {}", known.join(", "))
                }
            };
            findings.error(span.clone(), format!("there is no {kind} `{}`", name.escape_default()), hint);
        }
    }
}
