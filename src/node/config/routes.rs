//! `[routes]`: where mail for other domains goes.

use super::findings::Findings;
use super::names::{Kind, Names};
use super::node::{domain, system_name};
use super::section::Section;
use crate::post::route::{Hop, Next, Place, Route};
use std::collections::BTreeMap;
use std::ops::Range;

/// Domains and where their mail goes.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Takes what nobody else takes.
    pub smart_host: Option<Route>,
    /// A domain, or with a leading dot everything below it.
    pub domains: BTreeMap<String, Route>,
}

const NEXT: &str =
    "write the name of a [[system]], as \"polux\", or \"smtp:mail.example\", \"smtp:[192.0.2.1]:25\"";

pub fn read(section: &mut Section<'_>, names: &mut Names, findings: &Findings) -> Routes {
    let place = |span: &Range<usize>| {
        let (line, _) = findings.place(span.start);
        Some(Place { file: findings.file().into(), line })
    };
    let smart_host = section.value("smart-host", next).filter(|next| match next {
        Next::Mx => {
            section.wrong("smart-host", "a smart host is one host", NEXT);
            false
        }
        _ => true,
    });
    let span = section.span("smart-host");
    let smart_host = smart_host.map(|next| Route { next, place: place(&span) });
    let mut uses = |route: &Route, span| {
        if let Next::System(name) = &route.next {
            names.uses(Kind::System, name.as_str(), span);
        }
    };
    if let Some(route) = &smart_host {
        uses(route, span);
    }
    let mut domains = BTreeMap::new();
    for entry in section.section("domains").into_iter().flat_map(Section::entries) {
        let bare = entry.key.strip_prefix('.').unwrap_or(&entry.key);
        if let Err(hint) = domain(bare) {
            findings.error(entry.key_span.clone(), "this is no domain", hint);
        }
        match entry.texts.as_slice() {
            [text] => match next(text) {
                Ok(next) => {
                    let route = Route { next, place: place(&entry.key_span) };
                    uses(&route, entry.span);
                    domains.insert(entry.key.to_ascii_lowercase(), route);
                }
                Err(hint) => findings.error(entry.span, "this is no system", hint),
            },
            _ => findings.error(
                entry.span,
                "a domain goes to one system",
                "write its name, as \"example.org\" = \"polux\"",
            ),
        }
    }
    Routes { smart_host, domains }
}

/// `polux`, `smtp:HOP`, or `smtp` for whoever takes mail for the domain.
fn next(text: &str) -> Result<Next, String> {
    match text.strip_prefix("smtp") {
        Some("") => Ok(Next::Mx),
        Some(hop) if hop.starts_with(':') => {
            let hop = hop.trim_start_matches(':').parse::<Hop>().map_err(|error| error.to_string())?;
            Ok(Next::Smtp(hop))
        }
        _ => system_name(text).map(Next::System).map_err(|_| NEXT.to_owned()),
    }
}
