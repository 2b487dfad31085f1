//! `tariff` of a `[[line]]`: what calls cost there, and what may be spent in a month.

use super::section::Section;
use super::units::duration;
use crate::job::Grade;
use crate::schedule::{Band, Budget, Money, NotPaid, Tariff, Timetables, Windows};
use std::time::Duration;

/// What a call costs is reckoned with two minutes from now on, the set-up of the modem among them.
pub const LONGEST_DIAL: Duration = Duration::from_secs(100);
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
    tariff.training = table.value("training", training).unwrap_or(tariff.training);
    tariff.patience = table.value("wait-for-cheaper", patience).unwrap_or(tariff.patience);
    let usual = Budget::default();
    tariff.budget = Budget {
        money: table.value("budget", money),
        airtime: table.value("airtime", duration),
        reserve: table.value("reserve", percent).unwrap_or(usual.reserve),
        urgent: table.value("urgent", grade).unwrap_or(usual.urgent),
    };
    if table.has("training") && !section.has("modem") {
        table.wrong("training", "no modem is on this line to be trained", "leave it out");
    }
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
    check_budget(&table, &tariff);
    table.finish();
    Some(tariff)
}

/// Says what of a budget can never do what it is for.
fn check_budget(table: &Section<'_>, tariff: &Tariff) {
    let Budget { reserve, urgent, .. } = tariff.budget;
    match (tariff.suffices(0), tariff.suffices(reserve)) {
        (Err(NotPaid::Airtime), _) => {
            table.wrong(
                "airtime",
                "the airtime of a month is not enough for one call",
                "write \"2 min\" or more",
            );
        }
        (Err(_), _) => table.wrong(
            "budget",
            "the money of a month is not enough for one call",
            "give it what two minutes cost in the cheapest hour, and the connection",
        ),
        (Ok(()), Err(_)) => table.wrong(
            "reserve",
            "beside the reserve there is not enough left for one call",
            "keep less back, as \"25 %\"",
        ),
        (Ok(()), Ok(())) => {}
    }
    let keeps = table.has("reserve") && reserve > 0;
    let waits = table.has("wait-for-cheaper");
    if table.has("urgent") && !keeps && !waits {
        table.wrong("urgent", "nothing is kept for what is urgent", "add a reserve, as reserve = \"25 %\"");
    } else if urgent == Grade::WORST && (keeps || waits) {
        table.wrong(
            "urgent",
            "every grade is as good as this one, and so urgent",
            "write a better one, as \"C\"",
        );
    }
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

fn training(text: &str) -> Result<Duration, String> {
    let training = duration(text)?;
    if training <= LONGEST_DIAL { Ok(training) } else { Err("write \"100 s\" or less".into()) }
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

    const SITE: &str = r#"node = { name = "barberouge", time-zone = "UTC" }

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
    fn every_line_that_is_called_on_may_cost_something() {
        let site = |kind: &str, keys: &str| {
            format!(
                "node.name = \"x\"\nnode.time-zone = \"UTC\"\n[[line]]\nname = \"l\"\ntype = \"{kind}\"\n{keys}\n[line.tariff]\n\
                 per-minute = \"0.5\"\n"
            )
        };
        for (kind, keys) in [
            ("serial", "server = \"box:7000\"\nmodem = \"generic\""),
            ("tcp", ""),
            ("telnet", ""),
            ("tls", ""),
            ("pipe", "program = \"ssh\""),
        ] {
            let (config, findings) = read(&site(kind, keys));
            assert_eq!(findings.render(false), "", "{kind}");
            assert!(config.unwrap().call_node().tariffs.contains_key("l"), "{kind}");
        }
        assert_eq!(titles(&read(&site("stdin", "")).1), ["7:7 unknown key `tariff` in [[line]]"]);
        let slow = site("tcp", "connect-timeout = \"2 min\"");
        assert_eq!(titles(&read(&slow).1), ["6:19 the price could change while it dials"]);
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
        let line = "node = { name = \"x\", time-zone = \"UTC\" }\n\n[[line]]\nname = \"m\"\ntype = \"serial\"\ndevice = \"/dev/ttyS0\"\n";
        let unpaid = format!("{line}tariff = {{ budget = \"5\", reserve = \"10 %\" }}\n");
        assert_eq!(titles(&read(&unpaid).1), ["7:21 nothing on this line costs money"]);
        let paid = |keys: &str| {
            let site = format!("{line}tariff = {{ per-minute = [\"0.030 Night\", \"0.060\"], {keys} }}\n");
            titles(&read(&site).1)
        };
        assert_eq!(paid("budget = \"0.06\", wait-for-cheaper = \"1 h\", urgent = \"C\""), [""; 0]);
        assert_eq!(paid("budget = \"0.05\""), ["7:60 the money of a month is not enough for one call"]);
        assert_eq!(paid("airtime = \"1 min\""), ["7:61 the airtime of a month is not enough for one call"]);
        assert_eq!(
            paid("budget = \"9\", reserve = \"100 %\""),
            ["7:75 beside the reserve there is not enough left for one call"]
        );
        assert_eq!(
            paid("budget = \"9\", reserve = \"0 %\", urgent = \"C\""),
            ["7:91 nothing is kept for what is urgent"]
        );
        assert_eq!(
            paid("budget = \"9\", reserve = \"9 %\", urgent = \"z\""),
            ["7:91 every grade is as good as this one, and so urgent"]
        );
        assert_eq!(paid("training = \"20 s\""), ["7:62 no modem is on this line to be trained"]);
        let idle = format!("{line}tariff = {{ per-minute = \"1\", reserve = \"10 %\" }}\n");
        assert_eq!(titles(&read(&idle).1), ["7:40 there is nothing to keep a reserve of"]);
    }
}
