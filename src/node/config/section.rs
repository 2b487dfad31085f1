//! Walks one table of the file: each key is asked for once, whatever is wrong becomes a finding, and what was not
//! asked for is unknown.

use super::findings::{Findings, Severity};
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table of the file.
pub struct Section<'a> {
    /// As it stands in the file, `[smtp]`.
    name: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    known: Vec<&'static str>,
    findings: &'a Findings,
}

impl<'a> Section<'a> {
    pub fn new(
        name: impl Into<String>,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        findings: &'a Findings,
    ) -> Self {
        Section { name: name.into(), table, span, known: Vec::new(), findings }
    }

    /// A text value, read by `parse`, which gives the value or what to write instead.
    pub fn value<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.take(key)?;
        self.text_of(key, value).and_then(|text| self.parsed(key, value, text, parse))
    }

    /// A text value as it is; it may not be empty.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        self.value(key, |text| plain(text).map(str::to_owned))
    }

    /// Several text values; a single one may stand without brackets.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let value = self.take(key)?;
        let Some(array) = value.get_ref().as_array() else {
            let text = self.text_of(key, value)?;
            return self.parsed(key, value, text, parse).map(|one| vec![one]);
        };
        let read = |item: &'a Spanned<DeValue<'a>>| {
            self.text_of(key, item).and_then(|text| self.parsed(key, item, text, &parse))
        };
        let all: Vec<Option<T>> = array.iter().map(read).collect();
        all.into_iter().collect()
    }

    pub fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        value.get_ref().as_bool().or_else(|| self.wrong_type(key, value, "true or false"))
    }

    /// A bare number: only for what is counted, never for times, sizes or speeds.
    pub fn count(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.take(key)?;
        let wanted = format!("a number from {} to {}", range.start(), range.end());
        let Some(number) = value.get_ref().as_integer() else {
            return self.wrong_type(key, value, &wanted);
        };
        let number = u32::from_str_radix(number.as_str(), number.radix()).ok();
        number.filter(|number| range.contains(number)).or_else(|| {
            self.findings.error(
                value.span(),
                format!("`{key}` is out of range in {}", self.name),
                format!("write {wanted}"),
            );
            None
        })
    }

    /// A table below this one.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let value = self.take(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Section::new(format!("[{key}]"), table, value.span(), self.findings)),
            None => self.wrong_type(key, value, &format!("a section [{key}]")),
        }
    }

    /// The tables of `[[key]]`.
    pub fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type::<()>(
                key,
                value,
                &format!("[[{key}]], with two brackets, for there may be several"),
            );
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_table() {
                Some(table) => {
                    sections.push(Section::new(format!("[[{key}]]"), table, item.span(), self.findings));
                }
                None => {
                    self.wrong_type::<()>(key, item, &format!("[[{key}]] sections"));
                }
            }
        }
        sections
    }

    /// For a section whose keys are names of the operator's choice: all of them, each with its texts.
    pub fn entries(self) -> Vec<Entry> {
        let texts = |key: &str, value: &'a Spanned<DeValue<'a>>| match value.get_ref().as_array() {
            Some(array) => {
                array.iter().filter_map(|item| self.text_of(key, item)).map(str::to_owned).collect()
            }
            None => self.text_of(key, value).into_iter().map(str::to_owned).collect(),
        };
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            Entry {
                key: name.to_string(),
                key_span: key.span(),
                span: value.span(),
                texts: texts(name, value),
            }
        };
        let mut entries: Vec<Entry> = self.table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        entries
    }

    /// Every key, those of tables below as `table.key`, and where it stands.
    pub fn keys(&self) -> Vec<(String, usize)> {
        fn walk(table: &DeTable<'_>, before: &str, keys: &mut Vec<(String, usize)>) {
            for (key, value) in table.iter() {
                let name = format!("{before}{}", key.get_ref());
                if let Some(below) = value.get_ref().as_table() {
                    walk(below, &format!("{name}."), keys);
                }
                keys.push((name, key.span().start));
            }
        }
        let mut keys = Vec::new();
        walk(self.table, "", &mut keys);
        keys
    }

    /// The text of a key, if it is one; for what is read elsewhere with all that may be wrong of it.
    pub fn peek(&self, key: &str) -> Option<&'a str> {
        self.find(key).and_then(|value| value.get_ref().as_str())
    }

    /// Where the value of a key stands; the section itself if it is not there.
    pub fn span(&self, key: &str) -> Range<usize> {
        self.find(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Something is wrong with a key as a whole.
    pub fn wrong(&self, key: &str, title: impl Into<String>, hint: impl Into<String>) {
        self.findings.error(self.span(key), title, hint);
    }

    /// The same, but the node can run so.
    pub fn doubtful(&self, key: &str, title: impl Into<String>, hint: impl Into<String>) {
        self.findings.add(Severity::Warning, self.span(key), title.into(), hint.into());
    }

    /// A key that has to be there is not.
    pub fn missing(&self, key: &str, hint: impl Into<String>) {
        self.findings.error(self.span.clone(), format!("{} lacks `{key}`", self.name), hint);
    }

    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Calls every key unknown that was not asked for.
    pub fn finish(self) {
        for (key, _) in self.table.iter() {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) {
                let title = format!("unknown key `{}` in {}", name.escape_default(), self.name);
                let hint = match nearest(name, &self.known) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("known keys are {}", self.known.join(", ")),
                };
                self.findings.error(key.span(), title, hint);
            }
        }
    }

    fn find(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.find(key)
    }

    fn text_of(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<&'a str> {
        value.get_ref().as_str().or_else(|| self.wrong_type(key, value, "a text in quotes"))
    }

    fn parsed<T>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'a>>,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let complain =
            |hint| self.findings.error(value.span(), format!("wrong `{key}` in {}", self.name), hint);
        parse(text).map_err(complain).ok()
    }

    fn wrong_type<T>(&self, key: &str, value: &Spanned<DeValue<'a>>, wanted: &str) -> Option<T> {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        let title = format!("`{}` in {} is {article} {found}", key.escape_default(), self.name);
        self.findings.error(value.span(), title, format!("write {wanted}"));
        None
    }
}

/// One line of a section whose keys are names.
pub struct Entry {
    pub key: String,
    pub key_span: Range<usize>,
    pub span: Range<usize>,
    pub texts: Vec<String>,
}

/// A text that is not empty and holds no control characters.
pub fn plain(text: &str) -> Result<&str, String> {
    match text {
        "" => Err("it may not be empty".into()),
        _ if text.chars().any(char::is_control) => Err("it may not hold control characters".into()),
        _ => Ok(text),
    }
}

/// The known name that is nearest to what was written, if it is near at all.
pub fn nearest<'n>(written: &str, known: &[&'n str]) -> Option<&'n str> {
    let near = |name: &&&str| distance(written, name) <= (name.len() / 3).max(1);
    known.iter().filter(near).min_by_key(|name| distance(written, name)).copied()
}

/// How many letters must be changed, added or removed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        for ((&y, window), left) in b.iter().zip(row.windows(2)).zip(0..) {
            let (corner, above) = (window.first().copied().unwrap_or(0), window.last().copied().unwrap_or(0));
            let before: usize = next.get(left).copied().unwrap_or(0);
            next.push((corner + usize::from(x != y)).min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_name_is_offered() {
        let known = ["password", "password-file", "protocols", "poll"];
        assert_eq!(nearest("pasword", &known), Some("password"));
        assert_eq!(nearest("protocol", &known), Some("protocols"));
        assert_eq!(nearest("frequency", &known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
