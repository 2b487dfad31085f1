//! `[routes]`: where mail for other hosts goes.

use super::findings::Findings;
use super::names::{Kind, Names};
use super::node::{domain, system_name};
use super::section::{Section, plain};
use crate::post::address::Precedence;
use crate::post::queue::{RouteFileError, read_paths, read_table};
use crate::post::route::{Files, Hop, Next, PathFile, Pipe, Place, Route};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Domains and where their mail goes.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Takes what nobody else takes.
    pub smart_host: Option<Route>,
    /// A domain, or with a leading dot everything below it.
    pub domains: BTreeMap<String, Route>,
    pub files: Files,
    /// Where it is allowed to send by SMTP to whoever takes mail for a domain.
    pub direct: Option<Place>,
    /// The DNS is not asked about mail.
    pub no_dns: bool,
    pub pseudo_domains: Option<Vec<String>>,
    pub precedence: Precedence,
    /// Systems to which longer bang paths are cut short.
    pub shortcuts: Vec<String>,
}

const NEXT: &str =
    "write the name of a [[system]], as \"polux\", or \"smtp:mail.example\", \"smtp:[192.0.2.1]:25\"";

pub fn read(section: &mut Section<'_>, base: &Path, names: &mut Names, findings: &Findings) -> Routes {
    let files = read_files(section, base, findings);
    let direct = section.boolean("direct").unwrap_or_default();
    let no_dns = section.boolean("dns") == Some(false);
    if direct && no_dns {
        section.wrong(
            "direct",
            "who takes mail for a domain is found out by DNS",
            "leave out one of `direct = true` and `dns = false`",
        );
    }
    let direct = direct.then(|| place(&section.span("direct"), findings));
    Routes {
        smart_host: smart_host(section, names, findings),
        domains: domains(section, names, findings),
        files,
        direct,
        no_dns,
        pseudo_domains: section.list("pseudo-domains", domain),
        precedence: section.value("precedence", precedence).unwrap_or_default(),
        shortcuts: section
            .list("shortcuts", |text| system_name(text).map(|name| name.to_string()))
            .unwrap_or_default(),
    }
}

fn smart_host(section: &mut Section<'_>, names: &mut Names, findings: &Findings) -> Option<Route> {
    let next = section.value("smart-host", |text| match next(text)? {
        Next::Mx => Err(NEXT.to_owned()),
        next => Ok(next),
    })?;
    let span = section.span("smart-host");
    let route = Route { next, place: Some(place(&span, findings)) };
    uses(&route, span, names);
    Some(route)
}

fn domains(section: &mut Section<'_>, names: &mut Names, findings: &Findings) -> BTreeMap<String, Route> {
    let mut domains = BTreeMap::new();
    for entry in section.section("domains").into_iter().flat_map(Section::entries) {
        let bare = entry.key.strip_prefix('.').unwrap_or(&entry.key);
        if let Err(hint) = domain(bare) {
            findings.error(entry.key_span.clone(), "this is no domain", hint);
        }
        match entry.texts.as_slice() {
            [text] => match next(text) {
                Ok(next) => {
                    let route = Route { next, place: Some(place(&entry.key_span, findings)) };
                    uses(&route, entry.span, names);
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
    domains
}

/// The files beside this one. Each is read once here, so that what is wrong in it is told like the rest.
fn read_files(section: &mut Section<'_>, base: &Path, findings: &Findings) -> Files {
    let forced = section.text("forced-paths").map(|file| base.join(file));
    if let Some(file) = &forced {
        complain(file, read_paths(file), section.span("forced-paths"), findings);
    }
    let listed = section.list("paths", |text| plain(text).map(|file| base.join(file))).unwrap_or_default();
    for file in &listed {
        complain(file, read_paths(file), section.span("paths"), findings);
    }
    let table = section.text("table").map(|file| base.join(file));
    if let Some(file) = &table {
        complain(file, read_table(file), section.span("table"), findings);
    }
    let mut paths: Vec<PathFile> = listed.into_iter().map(|path| PathFile { path, gateway: None }).collect();
    for gateway in section.sections("gateway") {
        paths.extend(read_gateway(gateway, base, findings));
    }
    Files { forced, paths, table }
}

/// A program that takes the mail for another network.
fn read_gateway(mut section: Section<'_>, base: &Path, findings: &Findings) -> Option<PathFile> {
    let path = section.text("paths").map(|file| base.join(file));
    let words = section.list("command", |word| plain(word).map(str::to_owned));
    for key in ["paths", "command"] {
        if !section.has(key) {
            section.missing(
                key,
                "write paths = \"fidopaths\" and command = [\"/usr/local/bin/ifmail\", \"-r$host\", \"$user\"]",
            );
        }
    }
    if let Some(file) = &path {
        complain(file, read_paths(file), section.span("paths"), findings);
    }
    let gateway = words.and_then(|words| match Pipe::new(words) {
        Ok(pipe) => Some(pipe),
        Err(error) => {
            section.wrong(
                "command",
                format!("this is no command for a gateway: {error}"),
                "write the words, the program by its whole path; $host is the next system, $user the recipients",
            );
            None
        }
    });
    section.finish();
    Some(PathFile { path: path?, gateway: Some(gateway?) })
}

/// Says what is wrong with a file that is named at `span`.
fn complain<T>(
    file: &Path,
    read: Result<Option<T>, RouteFileError>,
    span: Range<usize>,
    findings: &Findings,
) {
    match read {
        Ok(Some(_)) => {}
        Ok(None) => findings.warning(
            span,
            format!("there is no file {}", file.display()),
            "it is read as soon as it is there",
        ),
        Err(error) => findings.error(span, error.to_string(), ""),
    }
}

fn uses(route: &Route, span: Range<usize>, names: &mut Names) {
    if let Next::System(name) = &route.next {
        names.uses(Kind::System, name.as_str(), span);
    }
}

fn place(span: &Range<usize>, findings: &Findings) -> Place {
    let (line, _) = findings.place(span.start);
    Place { file: findings.file().into(), line }
}

/// `polux`, `smtp:HOP`, or `smtp` for whoever takes mail for the domain.
fn next(text: &str) -> Result<Next, String> {
    if text == "smtp" {
        return Ok(Next::Mx);
    }
    match text.strip_prefix("smtp:") {
        Some(hop) => hop.parse::<Hop>().map(Next::Smtp).map_err(|error| error.to_string()),
        None => system_name(text).map(Next::System).map_err(|_| NEXT.to_owned()),
    }
}

fn precedence(text: &str) -> Result<Precedence, String> {
    match text {
        "domain" => Ok(Precedence::Domain),
        "bang" => Ok(Precedence::Bang),
        _ => Err("write \"domain\" (a!b@c is for c) or \"bang\" (it is for a)".to_owned()),
    }
}
