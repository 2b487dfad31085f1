//! The table of transports: which host is spoken to how.
//!
//! ```text
//! curdsgw    demand_uusmtp   # by batched SMTP, called when there is mail
//! .lan       smtp            # hosts of the local network, at once
//! *          uux             # all others, at the next call
//! ```
//!
//! As smail has it. A name stands for itself, `.domain` for all hosts in it (and itself), `*` for whatever stands nowhere
//! else; the longest name wins, wherever it stands. It is asked about the next system on the way, not about
//! the last.

use super::super::{Place, Tables, Transport};
use super::paths::FileError;
use crate::post::address::Address;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A table of transports that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    file: Arc<str>,
    rows: BTreeMap<String, (Transport, usize)>,
}

/// A row that fits a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Row<'a> {
    pub name: &'a str,
    pub transport: Transport,
    pub place: Place,
}

impl Hosts {
    /// Reads the text of a file, known as `file`.
    pub fn parse(file: &str, text: &str) -> Result<Hosts, FileError> {
        let file: Arc<str> = file.into();
        let mut rows = BTreeMap::new();
        for (line, written) in (1..).zip(text.lines()) {
            let wrong = |problem: String| FileError { file: file.clone(), line, problem };
            let words: Vec<&str> =
                written.split('#').next().unwrap_or_default().split_ascii_whitespace().collect();
            let (name, transport) = match words.as_slice() {
                [] => continue,
                [name, transport] => (*name, *transport),
                _ => return Err(wrong("write a host and a transport, as \"sun demand\"".to_owned())),
            };
            let bare = name.strip_prefix('.').unwrap_or(name);
            if name != "*" && Address::parse(&format!("x@{bare}")).is_err() {
                return Err(wrong(format!("{name:?} is no host")));
            }
            let way_out = |transport: &Transport| {
                !matches!(transport, Transport::Local | Transport::Pipe | Transport::File)
            };
            let transport = Transport::named(transport).filter(way_out).ok_or_else(|| {
                let names = Transport::ALL.iter().filter(|one| way_out(one)).map(|one| one.name());
                wrong(format!("{transport:?} is no transport to another host; write one of {}", list(names)))
            })?;
            if let Some((_, first)) = rows.insert(Tables::key(name), (transport, line)) {
                return Err(wrong(format!("a second line for {name}; the first is line {first}")));
            }
        }
        Ok(Hosts { file, rows })
    }

    /// The row that names a host or a domain that it is in.
    pub(in super::super) fn named(&self, host: &str) -> Option<Row<'_>> {
        let host = Tables::key(host);
        let dotted = format!(".{host}");
        let domains = dotted.match_indices('.').filter_map(|(at, _)| dotted.get(at..));
        std::iter::once(host.as_str()).chain(domains).find_map(|name| self.row(name))
    }

    /// The row for all others.
    pub(in super::super) fn others(&self) -> Option<Row<'_>> {
        self.row("*")
    }

    fn row(&self, name: &str) -> Option<Row<'_>> {
        let (name, (transport, line)) = self.rows.get_key_value(name)?;
        let place = Place { file: self.file.clone(), line: *line };
        Some(Row { name, transport: *transport, place })
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_howto_reads_as_it_stands() {
        let table = "#host transport\n#---- ---------\ncurdsgw  demand_uusmtp # deliver using batched SMTP\n\
                     oldbsd uux_one_addr\nsun demand\n*\tuux # for all others\n.lan smtp\n";
        let hosts = Hosts::parse("table", table).unwrap();
        let named = |host: &str| hosts.named(host).map(|row| (row.transport, row.place.line));
        assert_eq!(named("curdsgw"), Some((Transport::DemandUusmtp, 3)));
        assert_eq!(named("OldBSD"), Some((Transport::UuxOneAddr, 4)));
        assert_eq!(named("sun"), Some((Transport::Demand, 5)));
        assert_eq!(named("printer.lan"), Some((Transport::Smtp, 7)));
        assert_eq!(named("moria"), None);
        assert_eq!(hosts.others().map(|row| row.transport), Some(Transport::Uux));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, error) in [
            ("a uux\nb", "t:2: write a host and a transport, as \"sun demand\""),
            ("a uux b", "t:1: write a host and a transport, as \"sun demand\""),
            ("* uux\n* smtp", "t:2: a second line for *; the first is line 1"),
            ("a!b uux", "t:1: \"a!b\" is no host"),
        ] {
            assert_eq!(Hosts::parse("t", text).unwrap_err().to_string(), error);
        }
        let error = Hosts::parse("t", "a local").unwrap_err().to_string();
        assert!(
            error.starts_with("t:1: \"local\" is no transport to another host; write one of uux,"),
            "{error}"
        );
    }
}
