//! `tariff` of a `[[line]]`: what calls cost there, and what may be spent in a month.

use super::section::Section;
use super::units::duration;
use crate::job::Grade;
use crate::schedule::{Band, Budget, Money, Tariff, Timetables, Windows};
use std::time::Duration;

/// The longest step that is known: some exchanges have counted by three minutes.
const LONGEST_STEP: Duration = Duration::from_secs(600);
/// The longest time that work can wait for a cheaper hour.
const LONGEST_PATIENCE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Reads the table `tariff`, if there is one.
pub fn read(section: &mut Section<'_>, tables: &Timetables) -> Option<Tariff> {
    let mut table = section.section("tariff")?;
    let mut tariff = Tariff::free();
    let bands = table.list("per-minute", |text| band(text, tables));
    let one_price = bands.as_ref().map_or(!table.has("per-minute"), |bands| bands.len() < 2);
    tariff.bands = bands.unwrap_or_default();
    tariff.connection = table.value("connection", money).unwrap_or_default();
    tariff.minimum = table.value("minimum", money).unwrap_or_default();
    tariff.step = table.value("step", step).unwrap_or(tariff.step);
    tariff.patience = table.value("wait-for-cheaper", patience).unwrap_or(tariff.patience);
    let usual = Budget::default();
    tariff.budget = Budget {
        money: table.value("budget", money),
        airtime: table.value("airtime", duration),
        reserve: table.value("reserve", percent).unwrap_or(usual.reserve),
        urgent: table.value("urgent", grade).unwrap_or(usual.urgent),
    };
    let costs = !tariff.bands.is_empty() || tariff.connection > Money(0) || tariff.minimum > Money(0);
    if table.has("budget") && !costs {
        table.wrong(
            "budget",
            "nothing on this line costs money",
            "say what a minute costs, as per-minute = [\"0.060 Wk0800-1800\", \"0.015\"]",
        );
    }
    if table.has("wait-for-cheaper") && one_price {
        table.wrong(
            "wait-for-cheaper",
            "every hour costs the same",
            "give `per-minute` the hours that are cheaper",
        );
    }
    let hidden = tariff.bands.iter().rev().skip(1).any(|band| band.hours == Windows::any());
    if hidden {
        table.wrong(
            "per-minute",
            "an amount for all hours hides those behind it: the first that is for the hour counts",
            "write it last, as [\"0.015 Night\", \"0.060\"]",
        );
    }
    if table.has("reserve") && !table.has("budget") && !table.has("airtime") {
        table.wrong("reserve", "there is nothing to keep a reserve of", "add `budget` or `airtime`");
    }
    table.finish();
    Some(tariff)
}

/// An amount, and the hours in which a minute costs it; without hours, all that are left.
fn band(text: &str, tables: &Timetables) -> Result<Band, String> {
    let hint = "write an amount and its hours, as \"0.060 Wk0800-1800\"";
    let (amount, hours) = match text.split_once(' ') {
        Some((amount, hours)) => (amount, tables.read(hours.trim()).map_err(|error| error.to_string())?),
        None => (text, Windows::any()),
    };
    Ok(Band { per_minute: amount.parse().map_err(|_| hint)?, hours })
}

fn money(text: &str) -> Result<Money, String> {
    text.parse().map_err(|error: crate::schedule::MoneyError| error.to_string())
}

fn step(text: &str) -> Result<Duration, String> {
    let step = duration(text)?;
    let fits = step.subsec_nanos() == 0 && !step.is_zero() && step <= LONGEST_STEP;
    if fits { Ok(step) } else { Err("write whole seconds, up to 10 min, as \"60 s\"".into()) }
}

fn patience(text: &str) -> Result<Duration, String> {
    let patience = duration(text)?;
    if patience <= LONGEST_PATIENCE { Ok(patience) } else { Err("write \"7 days\" or less".into()) }
}

fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').map(str::trim_end).and_then(|text| text.parse::<u8>().ok());
    number.filter(|number| *number <= 100).ok_or_else(|| "write a share, as \"25 %\"".into())
}

fn grade(text: &str) -> Result<Grade, String> {
    let letter = text.parse::<char>().ok().and_then(Grade::new);
    letter.ok_or_else(|| "write one character of 0-9, A-Z, a-z, as \"C\"".into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, titles};
    use super::super::{Kind, Rule};
    use super::*;

    const SITE: &str = r#"[node]
name = "barberouge"
[timetable]
Cheap = "Any2200-0600"
[[line]]
name = "modem"
type = "serial"
device = "/dev/ttyS0"
[line.tariff]
per-minute = ["0.015 cheap", "0.060"]
connection = "0.05"
minimum = "0.10"
step = "60 s"
budget = "20"
airtime = "10 h"
reserve = "25 %"
urgent = "C"
wait-for-cheaper = "15 min"
"#;

    #[test]
    fn a_line_says_what_its_calls_cost() {
        let (config, findings) = read(SITE);
        assert_eq!(findings.render(false), "");
        let config = config.unwrap();
        let tariff = &config.call_node().tariffs["modem"];
        let rate = |time: &str| tariff.rate_at(&format!("2026-11-23T{time}[UTC]").parse().unwrap());
        assert_eq!((rate("23:00"), rate("12:00")), (Money(15), Money(60)));
        assert_eq!((tariff.connection, tariff.minimum, tariff.step.as_secs()), (Money(50), Money(100), 60));
        let airtime = Some(Duration::from_secs(10 * 3600));
        let urgent = Grade::MAIL;
        let budget = Budget { money: Some(Money(20_000)), airtime, reserve: 25, urgent };
        assert_eq!((tariff.budget, tariff.patience), (budget, Duration::from_secs(900)));
        let rule = config.rules.find(Kind::Line, "modem", "tariff.budget");
        let file = "/tmp/site/uugate.toml".to_owned();
        assert_eq!(rule, Some(Rule { file, line: 14, key: "tariff.budget".to_owned() }));
        assert_eq!(config.rules.find(Kind::Line, "modem", "answer"), None);
    }

    #[test]
    fn what_does_not_fit_together_is_said() {
        let wrong = SITE
            .replace("\"0.015 cheap\", \"0.060\"", "\"0.0601\"")
            .replace("60 s", "0 s")
            .replace("25 %", "250 %")
            .replace("0.05", "5 cents");
        assert_eq!(
            titles(&read(&wrong).1),
            [
                "10:15 wrong `per-minute` in [tariff]",
                "11:14 wrong `connection` in [tariff]",
                "13:8 wrong `step` in [tariff]",
                "16:11 wrong `reserve` in [tariff]",
            ]
        );
        let line =
            "[node]\nname = \"x\"\n[[line]]\nname = \"m\"\ntype = \"serial\"\ndevice = \"/dev/ttyS0\"\n";
        let unpaid = format!("{line}tariff = {{ budget = \"5\", reserve = \"10 %\" }}\n");
        assert_eq!(titles(&read(&unpaid).1), ["7:21 nothing on this line costs money"]);
        let idle = format!("{line}tariff = {{ per-minute = \"1\", reserve = \"10 %\" }}\n");
        assert_eq!(titles(&read(&idle).1), ["7:40 there is nothing to keep a reserve of"]);
    }
}
