//! Devices that are talked to for real: PTYs with somebody at the other side.

use super::super::{Weight, judge};
use super::*;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;
use std::os::fd::OwnedFd;

const SHORT: Patience = Patience {
    answer: Duration::from_millis(400),
    quiet: Duration::from_millis(50),
    guard: Duration::from_millis(20),
};

/// Somebody at the other side of a PTY: `says` what, of what was heard at which speed.
fn connected(says: impl Fn(&[u8], u32) -> Vec<u8> + Send + 'static) -> PathBuf {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let device = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
    // The other side reads errors once nobody has it open; so somebody always has.
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let slave: OwnedFd = rustix::fs::open(&device, flags, rustix::fs::Mode::empty()).unwrap();
    std::thread::spawn(move || {
        let _slave = slave;
        let mut buffer = [0; 256];
        while let Ok(count) = rustix::io::read(&master, &mut buffer) {
            let speed = tcgetattr(&master).unwrap().output_speed();
            let answer = says(&buffer[..count], speed);
            if !answer.is_empty() {
                rustix::io::write(&master, &answer).unwrap();
            }
        }
    });
    device
}

async fn look(device: &Path, speed: u32) -> Seen {
    let settings = SerialSettings {
        device: device.to_owned(),
        speed,
        flow: Flow::None,
        lock_dir: None,
        ..SerialSettings::default()
    };
    examine(&settings, true, &SHORT, &mut |_| {}).await
}

fn wrong(seen: &Seen) -> Vec<String> {
    let findings = judge(seen).into_iter().filter(|finding| finding.weight == Weight::Wrong);
    findings.map(|finding| format!("{}: {}", finding.saw, finding.change)).collect()
}

#[tokio::test]
async fn a_modem_that_answers_is_all_right() {
    let device = connected(|heard, _| if heard == b"AT\r" { b"\r\nOK\r\n".to_vec() } else { Vec::new() });
    let seen = look(&device, 57_600).await;
    assert_eq!((&seen.opening, seen.trials.len()), (&Opening::Opened, 1));
    assert!(wrong(&seen).is_empty(), "{seen:?}");
}

#[tokio::test]
async fn a_modem_of_another_speed_is_found() {
    let device = connected(|_, speed| match speed {
        9_600 => b"AT\r\r\nOK\r\n".to_vec(),
        faster if faster > 9_600 => vec![0xfe, 0xe0, 0x1c],
        _ => Vec::new(),
    });
    let seen = look(&device, 57_600).await;
    let found = wrong(&seen);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("speed = \"9600 bit/s\""), "{found:?}");
}

#[tokio::test]
async fn a_modem_that_is_still_in_a_call_is_fetched_out_of_it() {
    let escaped = std::sync::atomic::AtomicBool::new(false);
    let device = connected(move |heard, _| {
        use std::sync::atomic::Ordering::Relaxed;
        let escape = heard == b"+++" && !escaped.swap(true, Relaxed);
        if escape || (escaped.load(Relaxed) && heard.starts_with(b"AT")) {
            b"\r\nOK\r\n".to_vec()
        } else {
            Vec::new()
        }
    });
    let seen = look(&device, 57_600).await;
    let said: Vec<Said> = seen.trials.iter().map(|trial| trial.said).collect();
    assert_eq!(said, [Said::At, Said::At, Said::Escape, Said::At]);
    assert!(wrong(&seen)[0].contains("AT&D2"), "{seen:?}");
}

#[tokio::test]
async fn a_far_end_that_never_reads_nor_answers_holds_nothing_up() {
    let device = connected(|_, _| Vec::new());
    let begun = clock::now();
    let seen = look(&device, 57_600).await;
    assert!(clock::now().duration_since(begun) < Duration::from_secs(20));
    assert_eq!(seen.trials.len(), 2 + 1 + SPEEDS.len() - 1);
    assert!(wrong(&seen)[0].starts_with("nothing comes back"), "{seen:?}");
}

#[tokio::test]
async fn a_device_that_does_not_open_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(look(&folder.path().join("none"), 9_600).await.opening, Opening::Missing);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(look(&file, 9_600).await.opening, Opening::NoTerminal);
    let device = connected(|_, _| Vec::new());
    let settings = SerialSettings { device: device.clone(), lock_dir: None, ..SerialSettings::default() };
    let _line = Port::Serial(settings).open().await.unwrap();
    let held = look(&device, 9_600).await;
    let own = i32::try_from(std::process::id()).unwrap();
    assert!(matches!(&held.opening, Opening::Held(Some(Process { pid, .. })) if *pid == own), "{held:?}");
}
