//! `uugate check`: everything that is wrong with a configuration, at once.

use super::{Common, Failure, common};
use crate::exit;
use crate::node::config::{Config, ConfigError, Findings};
use crate::node::report::{Check, Finding};
use std::io::IsTerminal;

pub fn run(common: &Common) -> Result<u8, Failure> {
    let findings = match Config::load(&common.site.file) {
        Ok((_, findings)) | Err(ConfigError::Wrong { findings }) => findings,
        Err(error) => return Err(error.into()),
    };
    let code = if findings.errors() == 0 { exit::OK } else { exit::CONFIG };
    if common.json {
        common.print_json(&report(&findings))?;
    } else {
        common::say_styled(&findings.render(std::io::stdout().is_terminal()))?;
        common.say(&report(&findings).to_string())?;
    }
    Ok(code)
}

fn report(findings: &Findings) -> Check {
    let finding = |finding: crate::node::config::Finding| {
        let (line, column) = findings.place(finding.span.start);
        Finding { severity: finding.severity, line, column, message: finding.title, hint: finding.hint }
    };
    Check {
        file: findings.file().to_owned(),
        errors: findings.errors(),
        findings: findings.sorted().into_iter().map(finding).collect(),
    }
}
