//! The table of what a call takes, uugate and Taylor UUCP 1.07 side by side on the same lines.
//!
//! ```text
//! cargo bench --bench line -- [--quick | --full] [--only TEXT] [--variant NAME]
//! ```
//!
//! Needs the Debian package `uucp`, and root, for Taylor's programs must own their spool. Sessions that are bound by a simulated
//! line run beside each other, the longest first; those that are bound by the machine run after them, one by one. Only the slowest
//! lines, which take next to nothing of the machine, are there from the beginning to the end.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be made ends the program"
)]

#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod support;

mod cases;
mod circuit;
mod disk;
mod pair;

use cases::{Beside, Case, Figure, Outcome};
use clap::Parser;
use pair::{Program, Variant};
use std::cmp::Reverse;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use uugate::clock;

#[derive(Parser)]
struct Options {
    /// The second call of each pair, few seeds, small files where no line is in the way. It is what is done without a word, too.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// First and third call, all seeds, large files.
    #[arg(long)]
    full: bool,
    /// Only cases whose title holds this text.
    #[arg(long, default_value = "")]
    only: String,
    /// Only this protocol variant (i, g, g2048, ...).
    #[arg(long)]
    variant: Option<String>,
    /// Only this pairing.
    #[arg(long, value_parser = ["T-T", "u-T", "T-u", "u-u"])]
    pairing: Option<String>,
    /// Sessions beside each other on simulated lines. One takes a fortieth of a processor at 57 600 bit/s.
    #[arg(long, default_value_t = 48)]
    parallel: usize,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// On a line of so many bit/s a session lasts for minutes and takes less than a hundredth of a processor.
const UNHURRIED: u32 = 9600;

/// Who calls and who is called, in the order of the columns.
const PAIRINGS: [(Program, Program); 4] = [
    (Program::Taylor, Program::Taylor),
    (Program::Uugate, Program::Taylor),
    (Program::Taylor, Program::Uugate),
    (Program::Uugate, Program::Uugate),
];

/// One row: a case, a protocol, and how often the two had met before.
struct Row<'a> {
    case: &'a Case,
    variant: Variant,
    before: usize,
    /// What each pairing came to, once a seed.
    outcomes: [Mutex<Vec<Outcome>>; 4],
}

fn main() {
    let options = Options::parse();
    let cases = cases::cases(!options.full);
    let began = clock::now();
    let meetings: &[usize] = if options.full { &[0, 2] } else { &[1] };
    let mut rows = Vec::new();
    for case in cases.iter().filter(|case| case.title.contains(&options.only)) {
        for &variant in &case.variants {
            if options.variant.as_ref().is_some_and(|name| name != variant.name) {
                continue;
            }
            // Without a line, what two programs learnt of each other saves nothing that could be seen.
            let meetings = if case.rate().is_some() { meetings } else { &[0] };
            for &before in meetings {
                rows.push(Row { case, variant, before, outcomes: Default::default() });
            }
        }
    }
    print_head(cases::limits(!options.full));
    let (on_lines, by_machine): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.case.rate().is_some());
    let (slow, others): (Vec<&Row>, Vec<&Row>) =
        on_lines.into_iter().partition(|row| row.case.rate().is_some_and(|rate| rate <= UNHURRIED));
    let pairing = options.pairing.as_deref();
    std::thread::scope(|scope| {
        scope.spawn(|| run(&slow, pairing, usize::MAX));
        run(&others, pairing, options.parallel);
        run(&by_machine, pairing, 1);
    });
    print_table(&rows);
    if rows.iter().any(|row| row.case.rate().is_none()) {
        disk::print_yardstick();
    }
    println!(
        "\nall of it took {:.0} s; load average at the end {}",
        (clock::now() - began).as_secs_f64(),
        load()
    );
}

/// Measures every pairing of these rows, or the one that is named, so many sessions at a time.
fn run(rows: &[&Row], named: Option<&str>, parallel: usize) {
    let mut todo = Vec::new();
    for row in rows {
        for (pairing, (alpha, beta)) in PAIRINGS.iter().enumerate() {
            if named.is_some_and(|name| name != format!("{alpha}-{beta}")) || !row.case.is_for(*alpha, *beta)
            {
                continue;
            }
            todo.extend((0..row.case.seeds).map(|seed| (*row, pairing, seed)));
        }
    }
    todo.sort_by_key(|(row, ..)| Reverse(row.case.about(row.variant)));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..parallel.min(todo.len()) {
            scope.spawn(|| {
                while let Some((row, pairing, seed)) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (alpha, beta) = PAIRINGS[*pairing];
                    let outcome = row.case.measure(alpha, beta, row.variant, row.before, seed + 1);
                    row.outcomes[*pairing].lock().expect("no panic elsewhere").push(outcome);
                    eprintln!(
                        "{} {} {alpha}-{beta} seed {}: {outcome:?}",
                        row.case.title,
                        row.variant.name,
                        seed + 1
                    );
                }
            });
        }
    });
}

fn print_head([on_line, direct]: [Duration; 2]) {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().map(|output| output.stdout);
        String::from_utf8_lossy(&output.unwrap_or_default())
            .lines()
            .next()
            .unwrap_or("unknown")
            .trim()
            .to_owned()
    };
    println!("commit {}", said("git", &["describe", "--always", "--dirty"]));
    println!(
        "{}; {}",
        said("/usr/sbin/uucico", &["--version"]),
        said(env!("CARGO_BIN_EXE_uugate"), &["--version"])
    );
    println!("seeds from 1 up; load average at the start {}", load());
    println!(
        "T-T is Taylor calling Taylor, u-T uugate calling Taylor; \"n of m\": so many calls brought everything intact,"
    );
    println!(
        "the others failed, or were ended after {} s ({} s where there is no line); in parentheses behind MB/s: seconds of \
         the processor for 2^30 bytes, both sides; behind %: what caller and called program took of a processor, in %; behind the \
         time of mails: bytes that the caller sends beside each\n",
        on_line.as_secs(),
        direct.as_secs()
    );
}

fn load() -> String {
    let loads = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split(' ').next().unwrap_or("unknown").to_owned()
}

fn print_table(rows: &[Row]) {
    println!("| work | protocol | call | T-T | u-T | T-u | u-u |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let cells =
            row.outcomes.each_ref().map(|outcomes| cell(&outcomes.lock().expect("no panic elsewhere")));
        let call = ["first", "second", "third"][row.before];
        println!("| {} | {} | {call} | {} |", row.case.title, row.variant.name, cells.join(" | "));
    }
}

/// The median of the calls that ended well; in parentheses what goes beside it, or how many they were.
fn cell(outcomes: &[Outcome]) -> String {
    let mut good: Vec<Figure> = outcomes.iter().copied().flatten().collect();
    good.sort_by(|one, other| one.value.total_cmp(&other.value));
    if outcomes.is_empty() {
        return "–".to_owned();
    }
    let count = format!("{} of {}", good.len(), outcomes.len());
    match (good.get(good.len() / 2), good.len() == outcomes.len()) {
        (Some(Figure { value, beside: Some(Beside::Seconds(beside) | Beside::Bytes(beside)) }), true) => {
            format!("{value:.2} ({beside:.1})")
        }
        (Some(Figure { value, beside: Some(Beside::Share([caller, called])) }), true) => {
            format!("{value:.2} ({caller:.2}; {called:.2})")
        }
        (Some(median), true) => format!("{:.2}", median.value),
        (Some(median), false) => format!("{:.2} ({count})", median.value),
        (None, _) => count,
    }
}
