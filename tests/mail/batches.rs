//! Batches between uugates, and by the packing programs of the machine.

use crate::support::letters::{as_batch, letters};
use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::{Node, neighbour};
use crate::support::{self, open_folder, run_with_input};
use std::path::Path;
use std::process::Command;
use uugate::post::batch::{Limits, Packer, Unwrapper, Wrapper};

fn packed(wrapper: Wrapper, text: &[u8]) -> Vec<u8> {
    let mut packer = Packer::new(wrapper).expect("a packer");
    let mut packed = Vec::new();
    packer.push(text, &mut packed).expect("it packs");
    packer.finish(&mut packed).expect("it packs");
    packed
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unwrapper = Unwrapper::new(Limits::default());
    let (mut rest, mut text) = (bytes, Vec::new());
    while unwrapper.step(&mut rest, &mut text).expect("it is what the program wrote") {}
    unwrapper.finish(&mut text).expect("it is whole");
    text
}

/// Texts that fill the table of compress and have it emptied, and small ones.
fn texts() -> Vec<Vec<u8>> {
    let prose = letters(100).concat().into_bytes();
    let mixed: Vec<u8> = twenty("to pack").concat();
    let both = [prose.clone(), mixed.clone(), prose.iter().rev().copied().collect()].concat();
    vec![b"a".to_vec(), b"aaaaaaa".to_vec(), prose, mixed, both]
}

#[test]
fn programs_unpack_what_we_pack_and_we_what_they_pack() {
    for text in texts() {
        for (wrapper, program) in [
            (Wrapper::Compress, "compress"),
            (Wrapper::Compress, "gzip"),
            (Wrapper::Gzip, "gzip"),
            (Wrapper::Zstd, "zstd"),
        ] {
            let ours = run_with_input(Command::new(program).arg("-dc"), &packed(wrapper, &text)).stdout;
            assert!(ours == text, "{program} has unpacked another text of {} bytes", text.len());
        }
        for (program, arguments) in
            [("gzip", &["-1c"][..]), ("gzip", &["-9c"]), ("zstd", &["-qc"]), ("zstd", &["-qc", "-19"])]
        {
            let theirs = run_with_input(Command::new(program).args(arguments), &text).stdout;
            assert!(unpacked(&theirs) == text, "{program} {arguments:?}, {} bytes", text.len());
        }
        // With 9 bits compress writes what neither it nor gzip can read.
        for bits in 10..=16 {
            let arguments = ["-f", "-c", "-b", &bits.to_string()].map(str::to_owned);
            let theirs = run_with_input(Command::new("compress").args(arguments), &text).stdout;
            assert!(unpacked(&theirs) == text, "compress -b {bits}, {} bytes", text.len());
        }
    }
}

/// `alpha` sends batches on these terms, `beta` takes them.
fn pair(folder: &Path, terms: &str) -> (Node, Node) {
    (
        Node::new(folder, "alpha", &neighbour("beta", terms)),
        Node::new(folder, "beta", &neighbour("alpha", "")),
    )
}

fn call(alpha: &Node, beta: &Node) {
    let (caller, called) = support::join(&mut alpha.caller("beta"), &mut beta.called());
    assert!(caller.success() && called.success());
    beta.run("uuxqt", &[], b"");
}

/// The commands and sizes of the jobs that wait.
fn jobs(node: &Node) -> Vec<(String, u64)> {
    let report = node.report("uustat", &["-a"]);
    let jobs = report["jobs"]["jobs"].as_array().expect("a list");
    let word = |job: &serde_json::Value| {
        let work = job["work"].as_str().expect("a command");
        work.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    jobs.iter().map(|job| (word(job), job["size"].as_u64().expect("a size"))).collect()
}

#[test]
fn a_hundred_letters_travel_in_less_than_half_of_the_bytes() {
    let letters = letters(100);
    let size = |terms: &str, command: &str, count: usize| {
        let folder = open_folder();
        let (alpha, beta) = pair(folder.path(), terms);
        alpha.run("rsmtp", &[], as_batch(&letters).as_bytes());
        alpha.run("uuxqt", &[], b"");
        let jobs = jobs(&alpha);
        assert!(jobs.len() == count && jobs.iter().all(|job| job.0 == command), "{jobs:?}");
        call(&alpha, &beta);
        assert_eq!(alpha.waiting(), (0, 0));
        let wanted: Vec<Vec<u8>> = letters.iter().map(|letter| letter.clone().into_bytes()).collect();
        let arrived = beta.mailbox("ann");
        assert_arrived(&wanted, arrived, true);
        jobs.iter().map(|job| job.1).sum::<u64>()
    };
    let plain = size("", "rmail", 100);
    for (name, command) in [("compress", "rcsmtp"), ("gzip", "rgsmtp"), ("zstd", "rzsmtp")] {
        let packed = size(&format!("transport = \"rsmtp\"\nbatch-compress = \"{name}\""), command, 1);
        println!("{name}: {packed} bytes instead of {plain}");
        assert!(packed * 2 <= plain, "{name}: {packed} bytes instead of {plain}");
    }
}

#[test]
fn a_daemon_gathers_mail_until_the_call() {
    let folder = open_folder();
    let (alpha, beta) = pair(folder.path(), "transport = \"rsmtp\"\nbatch-compress = \"gzip\"");
    let messages = twenty("gathered");
    let daemon = alpha.start();
    for message in messages.iter().filter(|message| message.len() < 50_000) {
        alpha.mail("ann", &["ann@beta.uucp"], message);
    }
    support::watch::until(&alpha.path("spool"), "one batch of all", || {
        let waiting = jobs(&alpha);
        let queued = alpha.report("mailq", &[])["queue"]["entries"].to_string().contains("\"queued\"");
        waiting.len() == 1 && waiting[0].0 == "rgsmtp" && !queued
    });
    assert!(daemon.stop().success());
    call(&alpha, &beta);
    assert_eq!((alpha.waiting(), beta.mailbox("ann").len()), ((0, 0), 18));
}

#[test]
fn the_commands_take_a_batch_in_any_wrapper_and_say_what_is_wrong_with_it() {
    let folder = open_folder();
    let (_, beta) = pair(folder.path(), "");
    let batch = b"MAIL FROM:<joe@far.example>\nRCPT TO:<ann>\nDATA\nSubject: packed\n\nhello\n.\n";
    for command in ["rsmtp", "rcsmtp", "rgsmtp", "rzsmtp"] {
        for wrapper in Wrapper::ALL {
            beta.run(command, &[], &packed(wrapper, batch));
        }
    }
    beta.run("uuxqt", &[], b"");
    assert_eq!(beta.mailbox("ann").len(), 16);
    let code = |arguments: &[&str], input: &[u8]| beta.try_run("rgsmtp", arguments, input).status.code();
    let cut = packed(Wrapper::Gzip, batch);
    for wrong in
        [&cut[..cut.len() - 4], b"BZh91AY&SY", b"\x1f\x9d\x90\xff\xff\xff", b"MAIL FROM:<a>\n", b"sh\n"]
    {
        assert_eq!(code(&[], wrong), Some(65));
    }
    assert_eq!((code(&["word"], b""), code(&["--no-such"], b"")), (Some(64), Some(64)));
    assert_eq!(beta.mailbox("ann").len(), 16);
}
