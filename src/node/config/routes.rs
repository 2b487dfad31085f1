//! `[routes]`: where mail for other domains goes.

use super::findings::Findings;
use super::names::{Kind, Names};
use super::node::{domain, system_name};
use super::section::Section;
use crate::job::SystemName;
use std::collections::BTreeMap;

/// Domains and the systems that take mail for them.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Takes what nobody else takes.
    pub smart_host: Option<SystemName>,
    /// A domain, or with a leading dot everything below it.
    pub domains: BTreeMap<String, SystemName>,
}

pub fn read(section: &mut Section<'_>, names: &mut Names, findings: &Findings) -> Routes {
    let smart_host = section.value("smart-host", system_name);
    if let Some(name) = &smart_host {
        names.uses(Kind::System, name.as_str(), section.span("smart-host"));
    }
    let mut domains = BTreeMap::new();
    for entry in section.section("domains").into_iter().flat_map(Section::entries) {
        let bare = entry.key.strip_prefix('.').unwrap_or(&entry.key);
        if let Err(hint) = domain(bare) {
            findings.error(entry.key_span, "this is no domain", hint);
        }
        match entry.texts.as_slice() {
            [system] => match system_name(system) {
                Ok(name) => {
                    names.uses(Kind::System, name.as_str(), entry.span);
                    domains.insert(entry.key.to_ascii_lowercase(), name);
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
