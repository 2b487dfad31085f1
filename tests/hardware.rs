//! `hwtest/run`, which is for real modems, against the modems of the exchange: on PTYs, and behind the 16550As of a guest.

use crate::support;
use crate::support::exchange::Program;
use std::path::Path;
use std::process::Command;

fn exchange(folder: &Path) -> Program {
    Program::start(folder, &["one=5551", "two=5552"], &[])
}

fn script(name: &str) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("hwtest").join(name));
    command
}

fn hwtest(device: &Path) -> Command {
    let mut command = script("run");
    command.arg(device);
    command
}

#[track_caller]
fn says(report: &str, wanted: &[&str]) {
    for said in wanted {
        assert!(report.contains(said), "{said:?} is missing:\n{report}");
    }
}

#[test]
fn the_hardware_test_passes_with_two_modems_of_the_exchange() {
    let folder = support::open_folder();
    let _exchange = exchange(folder.path());
    let mut command = hwtest(&folder.path().join("one"));
    command.args(["--dial", "5552", "--answer"]).arg(folder.path().join("two"));
    let output = support::run_with_input(&mut command, b"");
    let report = String::from_utf8(output.stdout).expect("text");
    let wanted = [
        "ok       AT is answered with OK",
        "ok       all byte values cross the call both ways",
        "ok       +++ within data does not end the call",
        "ok       the modem hangs up by escape and ATH",
        "ok       the other end sees the end of the call",
        "ok       closed and opened again, the modem answers",
        "not run  modem signals are there: the device has none",
        "not run  DTR arrives as DSR or DCD: needs --null-modem",
    ];
    says(&report, &wanted);
}

#[test]
fn the_hardware_test_writes_a_page_for_the_notes() {
    let folder = support::open_folder();
    let _exchange = exchange(folder.path());
    let page = folder.path().join("page.md");
    support::run_with_input(hwtest(&folder.path().join("one")).arg("--report").arg(&page), b"");
    let wanted = [
        "| the speed is taken | ok | 115200 bit/s, 8 bits, no parity, RTS/CTS |",
        "| a call is made | not run | needs --dial |",
        "    ATI0\n    uugate exchange modem",
    ];
    says(&std::fs::read_to_string(page).expect("the page"), &wanted);
}

#[test]
fn the_hardware_test_passes_behind_the_uarts_of_a_guest() {
    let folder = support::open_folder();
    let page = folder.path().join("page.md");
    let mut command = script("guest");
    command.arg("--uugate").arg(env!("CARGO_BIN_EXE_uugate")).arg("--report").arg(&page);
    let output = support::run_with_input(&mut command, b"");
    let wanted = [
        "ok       the UART has a FIFO: 16550A, transmit FIFO of 16 bytes",
        "ok       the driver counts errors",
        "ok       in loopback DTR arrives as DSR, RTS as CTS, OUT1 as RI, OUT2 as DCD",
        "ok       a break from the far end is counted: 1",
        "ok       all byte values cross the call both ways",
        "ok       DTR low ends the call, and DCD falls",
        "ok       uugate calls a system, and the record of the call has no errors: 16550A without errors; 115200",
        "ok       the UART counted no errors",
        "ok       the letter is in the mailbox of the host",
        "ok       the letter is in the mailbox of the guest",
    ];
    says(&String::from_utf8(output.stdout).expect("text"), &wanted);
    let wanted = ["| a break from the far end is counted | ok | 1 |", "16550A without errors"];
    says(&std::fs::read_to_string(page).expect("the page"), &wanted);
}

#[test]
fn the_hardware_test_says_what_fails() {
    let folder = support::open_folder();
    let _exchange = exchange(folder.path());
    // Its own number is busy.
    let device = folder.path().join("one");
    support::run_with_input(hwtest(&device).args(["--dial", "5551", "--expect", "BUSY"]), b"");
    let output =
        support::output_with_input(hwtest(&device).args(["--dial", "5551", "--expect", "CONNECT"]), b"");
    assert_eq!(output.status.code(), Some(1));
    let report = String::from_utf8(output.stdout).expect("text");
    assert!(report.contains("failed   a call is made: CONNECT was expected, not BUSY"), "{report}");
    let output = support::output_with_input(&mut hwtest(&folder.path().join("nothing")), b"");
    assert_eq!(output.status.code(), Some(1));
}
