//! `uugate line doctor`: what was seen of the serial lines, and what is to be changed.

use crate::observe::printable;
use crate::wire::doctor::{Finding, Opening, Said, Seen, Signals, Weight};
use serde::Serialize;
use std::fmt;

/// As much of an answer is shown, in bytes.
const SHOWN: usize = 60;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Doctor {
    pub lines: Vec<Examined>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Examined {
    /// The name of the line, if it has one.
    pub line: Option<String>,
    pub seen: Seen,
    pub findings: Vec<Finding>,
}

impl Doctor {
    /// Whether calls cannot work on one of them.
    pub fn is_wrong(&self) -> bool {
        let mut findings = self.lines.iter().flat_map(|line| &line.findings);
        findings.any(|finding| finding.weight == Weight::Wrong)
    }
}

impl fmt::Display for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| line.fmt(f))
    }
}

impl fmt::Display for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Examined { line, seen, findings } = self;
        if let Some(line) = line {
            write!(f, "{line}: ")?;
        }
        write!(f, "{}", seen.device)?;
        if let Some(node) = &seen.leads_to {
            write!(f, ", which is {node}")?;
        }
        let flow = if seen.hardware_flow { "with" } else { "without" };
        writeln!(f, "; {} bit/s {flow} hardware flow control", seen.speed)?;
        what_was_seen(seen, f)?;
        for finding in findings {
            let weight = match finding.weight {
                Weight::Wrong => "wrong",
                Weight::Doubtful => "doubtful",
                Weight::Note => "note",
            };
            writeln!(f, "  {weight}: {}\n    -> {}", finding.saw, finding.change)?;
        }
        if findings.iter().all(|finding| finding.weight == Weight::Note) {
            writeln!(f, "  nothing has to be changed")?;
        }
        Ok(())
    }
}

fn what_was_seen(seen: &Seen, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if seen.opening != Opening::Opened {
        return Ok(());
    }
    match &seen.uart {
        Some(uart) if uart.fifo > 1 => writeln!(f, "  UART: {} with a FIFO of {}", uart.name, uart.fifo)?,
        Some(uart) => writeln!(f, "  UART: {} without a FIFO", uart.name)?,
        None => writeln!(f, "  UART: the driver does not tell")?,
    }
    match seen.signals {
        Some(Signals { cts, dsr, dcd, ring }) => {
            let state = |high| if high { "high" } else { "low" };
            writeln!(
                f,
                "  modem lines: CTS {}, DSR {}, DCD {}, RI {}",
                state(cts),
                state(dsr),
                state(dcd),
                state(ring)
            )?;
        }
        None => writeln!(f, "  modem lines: none")?,
    }
    for trial in &seen.trials {
        let said = match trial.said {
            Said::At => "AT",
            Said::Escape => "+++",
        };
        write!(f, "  {said} at {} bit/s: ", trial.speed)?;
        match trial.heard.as_str() {
            "" => writeln!(f, "silence")?,
            _ => writeln!(f, "{}", printable(&trial.bytes(), SHOWN))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::doctor::judge;
    use std::path::Path;

    /// Each file of `tests/samples/line-doctor` is what was seen, two dashes, and the report that is made of it.
    #[test]
    fn every_transcript_is_reported_as_it_says() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/line-doctor");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 8, "{files:?}");
        let mut wrong = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let (seen, report) = text.split_once("--\n").unwrap();
            let seen: Seen =
                toml::from_str(seen).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let findings = judge(&seen);
            let told = Examined { line: Some("modem".to_owned()), seen, findings }.to_string();
            if told != report {
                wrong.push(format!("{}:\n{told}", file.display()));
            }
        }
        assert!(wrong.is_empty(), "these are told otherwise:\n{}", wrong.join("\n"));
    }
}
