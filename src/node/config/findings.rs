//! What is wrong with a configuration file: every finding with its place, a caret, and what to write instead.
//!
//! A finding shows the line that it is about, and that line may hold a secret (also under a misspelt key), so
//! before anything is shown every text value of the file is blanked but the one that the finding points at, and that
//! one too if its key could name a secret.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::ops::Range;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The node cannot run so.
    Error,
    /// The node runs, but not as somebody may think.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub title: String,
    /// What to write instead.
    pub hint: String,
}

/// All findings of one file, in the order of the file.
#[derive(Debug, Default)]
pub struct Findings {
    /// The path as the user knows it.
    file: String,
    source: String,
    list: RefCell<Vec<Finding>>,
}

impl Findings {
    pub fn new(file: String, source: String) -> Findings {
        Findings { file, source, list: RefCell::default() }
    }

    pub fn add(&self, severity: Severity, span: Range<usize>, title: String, hint: String) {
        self.list.borrow_mut().push(Finding { severity, span, title, hint });
    }

    pub fn error(&self, span: Range<usize>, title: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Error, span, title.into(), hint.into());
    }

    pub fn warning(&self, span: Range<usize>, title: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Warning, span, title.into(), hint.into());
    }

    pub fn errors(&self) -> usize {
        self.list.borrow().iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// In the order of the file, each once.
    pub fn sorted(&self) -> Vec<Finding> {
        let mut list = self.list.borrow().clone();
        list.sort_by(|a, b| (a.span.start, a.span.end, &a.title).cmp(&(b.span.start, b.span.end, &b.title)));
        list.dedup();
        list
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    /// Line and column, from 1, columns in characters.
    pub fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.source.get(..offset).unwrap_or(&self.source);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// All findings as the compiler would show them; empty if there are none.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for finding in self.sorted() {
            let shown = blank_values(&self.source, &finding.span);
            let end = finding.span.end.min(shown.len());
            let level = match finding.severity {
                Severity::Error => Level::ERROR,
                Severity::Warning => Level::WARNING,
            };
            let snippet = Snippet::source(&shown)
                .path(&self.file)
                .annotation(AnnotationKind::Primary.span(finding.span.start.min(end)..end));
            let mut group = level.primary_title(&finding.title).element(snippet);
            if !finding.hint.is_empty() {
                group = group.element(Level::HELP.message(&finding.hint));
            }
            let _ = writeln!(out, "{}\n", renderer.render(&[group]));
        }
        out
    }
}

/// Whether the value of a key with this name may be a secret; misspelt ones too.
pub fn names_a_secret(key: &str) -> bool {
    let key = key.trim().trim_end_matches('"').to_ascii_lowercase();
    if key.ends_with("-file") {
        return false;
    }
    ["pass", "pas", "pwd", "secret", "chat", "hash", "token", "key"].iter().any(|part| key.contains(part))
}

/// The source with the content of every text value replaced by `*`, the same number of bytes, but for the value that
/// lies wholly in `shown` and whose key names no secret.
///
/// It reads quotes alone, not TOML, for it must work on files that do not parse: a text that is not closed is blanked up to the
/// end of its line (of the file, if it began with three quotes).
fn blank_values(source: &str, shown: &Range<usize>) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    let mut line_start = 0;
    let mut key = Key::of_line(source, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' => {
                at += 1;
                line_start = at;
                key = Key::of_line(source, at);
            }
            b'#' => at = find(bytes, at, b"\n").unwrap_or(bytes.len()),
            b'"' | b'\'' => {
                let end = text_end(bytes, at);
                let before = source.get(line_start..at).unwrap_or_default();
                let is_key = source.get(end..).is_some_and(|rest| {
                    let rest = rest.trim_start_matches([' ', '\t']);
                    // In a header, `[a."b"]`; the end of a list looks the same but for what stands before it.
                    let in_header =
                        before.trim_start().starts_with('[') && key.is_none_or(|key| key.end >= at);
                    rest.starts_with(['=', '.']) || in_header && rest.starts_with(']')
                });
                let name = before.trim_end_matches(['=', ' ', '\t', '[']);
                // Without a key on its line it may belong to any: a list that goes on.
                let has_key = key.is_some_and(|key| key.end < at);
                let pointed_at = shown.start <= at && end <= shown.end && has_key && !names_a_secret(name);
                if !is_key && !pointed_at {
                    // The closing quote stays, if there is one: no character is cut in two.
                    let is_closed = end > at + 1 && bytes.get(end - 1) == Some(&byte);
                    let inner = out.get_mut(at + 1..end - usize::from(is_closed));
                    inner.unwrap_or_default().iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b'*');
                }
                at = end;
            }
            _ => {
                // A bare value, under a key that names a secret.
                let length = source.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
                if !byte.is_ascii_whitespace() && key.is_some_and(|key| key.end < at && key.names_a_secret) {
                    out.get_mut(at..at + length).unwrap_or_default().fill(b'*');
                }
                at += length;
            }
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// What stands before the first `=` of a line.
#[derive(Debug, Clone, Copy)]
struct Key {
    /// Where the `=` is, in bytes of the file.
    end: usize,
    names_a_secret: bool,
}

impl Key {
    fn of_line(source: &str, start: usize) -> Option<Key> {
        let (key, _) = source.get(start..)?.lines().next()?.split_once('=')?;
        Some(Key { end: start + key.len(), names_a_secret: names_a_secret(key) })
    }
}

/// Where the text that begins with the quote at `start` ends, after its closing quote.
fn text_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes.get(start).copied().unwrap_or(b'"');
    let triple = [quote; 3];
    let long = bytes.get(start..start + 3) == Some(&triple);
    let mut at = start + if long { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\\' && quote == b'"' && bytes.get(at + 1).is_some_and(u8::is_ascii) {
            at += 2;
        } else if long && bytes.get(at..at + 3) == Some(&triple) {
            return at + 3;
        } else if !long && byte == quote {
            return at + 1;
        } else if !long && byte == b'\n' {
            return at;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    bytes.get(from..)?.windows(what.len()).position(|window| window == what).map(|at| at + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_finding_shows_a_secret() {
        let source = "name = \"barberouge\"\npasword = \"hunter2\"\npassword = \"hunter2\npassword = '''hunter2\nhunter2'''\nx = { \"passwd\" = 'hunter2' }\nchat = [\"word:\", \"hunter2\"]\npassword = [\n    \"hunter2\"]\n";
        let findings = Findings::new("uugate.toml".into(), source.into());
        findings.error(20..27, "unknown key", "");
        for (at, _) in source.match_indices("hunter2") {
            findings.error(at - 1..at + 8, "wrong", "");
        }
        findings.error(0..source.len(), "everything", "");
        let shown = findings.render(false);
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("pasword"), "{shown}");
    }

    #[test]
    fn a_text_that_is_not_closed_is_blanked_to_its_end() {
        for text in ["\"\u{e9}", "'''\u{e9}", "\"\\\u{e9}", "\"\u{e9}\u{e9}\n", "\"", "'"] {
            let source = format!("name = {text}");
            let findings = Findings::new("uugate.toml".into(), source.clone());
            findings.error(source.len()..source.len(), "not closed", "");
            let shown = findings.render(false);
            assert!(shown.contains("name = ") && !shown.contains('\u{e9}'), "{shown}");
        }
    }

    #[test]
    fn a_line_without_end_is_blanked_in_one_pass() {
        let name = "a".repeat(500_000);
        for source in
            [name.clone(), format!("{name}={name}"), format!("{name}=[{}]", "\"b\",".repeat(50_000))]
        {
            let shown = blank_values(&source, &(0..1));
            assert!(shown.len() == source.len() && !shown.contains('b'));
        }
    }

    #[test]
    fn a_finding_shows_its_own_value() {
        let findings = Findings::new("uugate.toml".into(), "[smtp]\nlisten = \"loopback\"\n".into());
        findings.error(16..26, "not an address", "write \"127.0.0.1:25\"");
        let shown = findings.render(false);
        assert!(shown.contains("listen = \"loopback\"") && shown.contains("uugate.toml:2:10"), "{shown}");
        assert_eq!(findings.place(16), (2, 10));
    }
}
