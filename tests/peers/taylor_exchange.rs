//! Taylor UUCP calls Taylor UUCP over the telephone exchange: dialling, login chat, mail, hang-up.

use crate::support::{self, taylor::Taylor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::retry_on_intr;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use uugate::wire::exchange::{Event, Exchange, ModemSpec, Settings};

const DIAL: &str = include_str!("../samples/taylor-exchange-dial");
const PORT: &str = include_str!("../samples/taylor-exchange-port");

/// Waits at a modem for a call, as a getty does, and has `uucico -l` take it.
fn answer(device: &Path, host: &Taylor) -> Child {
    let line = rustix::fs::open(device, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("the modem");
    let mut line = File::from(line);
    line.write_all(b"ATE0S0=1\r").expect("the modem takes commands");
    read_to(&mut line, "OK\r\n");
    read_to(&mut line, "CONNECT");
    read_to(&mut line, "\n");
    let mut command = host.called();
    command.arg("-l");
    support::start(&mut command, Stdio::from(line.try_clone().expect("a copy")), Stdio::from(line))
}

fn read_to(line: &mut File, end: &str) {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        let patience = Timespec { tv_sec: support::PATIENCE.as_secs() as i64, tv_nsec: 0 };
        let came =
            retry_on_intr(|| poll(&mut [PollFd::new(line, PollFlags::IN)], Some(&patience))).expect("poll");
        assert_eq!(came, 1, "waited for {end:?}, got {:?}", String::from_utf8_lossy(&read));
        let mut byte = [0];
        line.read_exact(&mut byte).expect("the modem speaks");
        read.push(byte[0]);
    }
}

fn exchange_mail(protocol: char) {
    let folder = support::open_folder();
    let modem = |name: &str, number: &str| ModemSpec {
        path: folder.path().join(name),
        number: number.to_owned(),
        digital: name == "host-modem",
    };
    // Taylor runs as another user than the exchange, when the tests run as root.
    let settings = Settings { mode: 0o666, ..Settings::default() };
    let modems = vec![modem("leaf-modem", "5550"), modem("host-modem", "5551")];
    let mut exchange = Exchange::start(settings, modems).expect("the exchange starts");

    let port = PORT.replace("DEVICE", &folder.path().join("leaf-modem").display().to_string());
    let leaf = Taylor::new(
        folder.path(),
        "leaf",
        "polux",
        &crate::support::taylor::Settings {
            protocol,
            system: "phone 5551\nchat \"\" \\r\\c ogin:-\\r\\c-ogin: \\L word: \\P\n\
                     call-login nleaf\ncall-password geheim\n",
            port: &port,
            dial: DIAL,
            ..Default::default()
        },
    );
    let polux = Taylor::new(
        folder.path(),
        "polux",
        "leaf",
        &crate::support::taylor::Settings {
            protocol,
            system: "chat \"\"\ncalled-login nleaf\n",
            logins: "nleaf geheim\n",
            ..Default::default()
        },
    );
    let eight_bit: Vec<u8> = (0..=255u8).cycle().take(6000).collect();
    let message = [b"Subject: all bytes\n\nNO CARRIER\r\n+++\n".as_slice(), &eight_bit].concat();
    leaf.mail("jan", &["ann"], &message);
    polux.mail("ann", &["jan"], b"Subject: back\n\nhello\n");

    let device = folder.path().join("host-modem");
    let called = std::thread::scope(|scope| {
        let called = scope.spawn(|| answer(&device, &polux));
        support::run_with_input(&mut leaf.caller(), b"");
        called.join().expect("the call is answered")
    });
    assert!(support::wait(called).success(), "{}", polux.log());
    polux.execute();
    leaf.execute();
    let inbox = polux.inbox();
    assert_eq!(inbox.len(), 1, "{}{}", leaf.log(), polux.log());
    assert_eq!(inbox[0].message(), message);
    assert_eq!(leaf.inbox()[0].message(), b"Subject: back\n\nhello\n");

    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        while let Some(event) = exchange.event().await {
            match event {
                Event::Connected { down, up, .. } => assert_eq!((down, up), (53_333, 33_600)),
                Event::Ended { sent, dropped, .. } => {
                    assert!(sent > 6000 && !dropped);
                    break;
                }
                _ => {}
            }
        }
        exchange.shutdown().await;
    });
}

#[test]
fn taylor_calls_taylor_over_the_exchange_with_i() {
    exchange_mail('i');
}

#[test]
fn taylor_calls_taylor_over_the_exchange_with_g() {
    exchange_mail('g');
}
