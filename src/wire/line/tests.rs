//! Lines over real PTYs, programs and sockets.

mod flow;

use super::*;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{ControlModes, OptionalActions, tcgetattr, tcsetattr};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longer than anything here takes; reaching it fails the test.
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);

/// The other side of a line: what a modem would be.
struct Master {
    fd: OwnedFd,
    device: PathBuf,
}

impl Master {
    fn new() -> Self {
        let fd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&fd).unwrap();
        unlockpt(&fd).unwrap();
        let name = ptsname(&fd, Vec::new()).unwrap();
        Master { fd, device: PathBuf::from(name.into_string().unwrap()) }
    }

    fn settings(&self, lock_dir: Option<&Path>) -> SerialSettings {
        SerialSettings {
            device: self.device.clone(),
            lock_dir: lock_dir.map(Path::to_owned),
            flow: Flow::None,
            ..SerialSettings::default()
        }
    }

    async fn open(&self) -> Line {
        Port::Serial(self.settings(None)).open().await.unwrap()
    }

    fn write(&self, bytes: &[u8]) {
        assert_eq!(rustix::io::write(&self.fd, bytes).unwrap(), bytes.len());
    }

    fn read_exactly(&self, length: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < length {
            let mut buffer = [0; 1024];
            let most = buffer.len().min(length - all.len());
            let read = rustix::io::read(&self.fd, &mut buffer[..most]).unwrap();
            all.extend_from_slice(&buffer[..read]);
        }
        all
    }
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    clock::within(LONG, work).await.expect("it takes far too long")
}

fn every_byte() -> Vec<u8> {
    (0..=255).collect()
}

#[tokio::test]
async fn a_pty_carries_every_byte_both_ways() {
    let modem = Master::new();
    let mut line = modem.open().await;
    soon(line.write_all(&every_byte())).await.unwrap();
    assert_eq!(modem.read_exactly(256), every_byte());
    modem.write(&every_byte());
    let mut read = [0; 256];
    soon(line.read_exact(&mut read)).await.unwrap();
    assert_eq!(read.to_vec(), every_byte());
}

#[tokio::test]
async fn a_pty_has_no_modem_lines_and_no_uart_and_that_is_a_state() {
    let modem = Master::new();
    let mut line = modem.open().await;
    assert_eq!(line.modem_lines(), ModemLines::Absent);
    assert_eq!(line.carrier(), Carrier::Unknown);
    assert_eq!(line.signals(), None);
    assert!(line.uart().is_none());
    assert!(!line.set_dtr(false).unwrap());
    line.send_break(Duration::from_millis(1)).await.unwrap();
}

#[tokio::test]
async fn format_and_hang_up_on_close_are_set_as_asked() {
    let modem = Master::new();
    // A PTY itself knows 8 bits without parity alone.
    let shaped = |settings: &SerialSettings| {
        let mut termios = tcgetattr(&modem.fd).unwrap();
        serial::shape(&mut termios, settings).unwrap();
        termios.control_modes
    };
    let usual = shaped(&SerialSettings::default());
    assert_eq!(usual & ControlModes::CSIZE, ControlModes::CS8);
    assert!(usual.contains(ControlModes::HUPCL | ControlModes::CRTSCTS | ControlModes::CLOCAL));
    assert!(!usual.contains(ControlModes::PARENB));
    let settings = SerialSettings {
        data: DataBits::Seven,
        parity: Parity::Odd,
        hang_up_on_close: false,
        ..modem.settings(None)
    };
    let other = shaped(&settings);
    assert_eq!(other & ControlModes::CSIZE, ControlModes::CS7);
    assert!(other.contains(ControlModes::PARENB | ControlModes::PARODD));
    assert!(!other.intersects(ControlModes::HUPCL | ControlModes::CRTSCTS));
    let line = Port::Serial(settings).open().await.unwrap();
    assert!(!tcgetattr(&modem.fd).unwrap().control_modes.contains(ControlModes::HUPCL));
    assert!(!line.qualities().eight_bit);
}

#[tokio::test]
async fn a_port_without_dtr_opens_whatever_is_to_become_of_it() {
    let modem = Master::new();
    for dtr_on_open in [DtrOnOpen::Raise, DtrOnOpen::Keep, DtrOnOpen::Lower] {
        let settings = SerialSettings { dtr_on_open, ..modem.settings(None) };
        Port::Serial(settings).open().await.unwrap();
    }
}

#[tokio::test]
async fn odd_speeds_are_set_as_asked() {
    let modem = Master::new();
    let settings = SerialSettings { speed: 33_333, ..modem.settings(None) };
    let mut line = Port::Serial(settings).open().await.unwrap();
    assert_eq!(tcgetattr(&modem.fd).unwrap().output_speed(), 33_333);
    assert!(line.set_speed(9_600).unwrap());
    assert_eq!(tcgetattr(&modem.fd).unwrap().output_speed(), 9_600);
}

#[tokio::test]
async fn a_closed_master_ends_the_line_as_device_gone_or_in_a_call_as_carrier_lost() {
    for (in_call, end) in [(false, End::DeviceGone), (true, End::CarrierLost)] {
        let modem = Master::new();
        let mut line = modem.open().await;
        line.watch_carrier(in_call);
        let mut byte = [0; 1];
        let waiting = tokio::spawn(async move {
            let read = line.read(&mut byte).await.unwrap();
            (read, line)
        });
        drop(modem);
        let (read, mut line) = soon(waiting).await.unwrap();
        assert_eq!((read, line.end()), (0, Some(end)));
        assert_eq!(soon(line.read(&mut byte)).await.unwrap(), 0, "an end stays an end");
        assert!(soon(line.write(b"x")).await.is_err());
    }
}

#[tokio::test]
async fn a_far_end_that_never_reads_holds_up_neither_drain_nor_hang_up_nor_close() {
    let modem = Master::new();
    let mut line = modem.open().await;
    let chunk = vec![b'x'; 4096];
    // Until the kernel takes no more.
    while clock::within(SHORT, line.write(&chunk)).await.is_some_and(|written| written.is_ok()) {}
    soon(line.drain(SHORT)).await;
    soon(line.hang_up(SHORT)).await.unwrap();
    soon(line.close(SHORT)).await;
    drop(modem);
}

#[tokio::test]
async fn hanging_up_shows_speed_b0_to_the_other_side_and_then_the_old_speed() {
    let modem = Master::new();
    let mut line = modem.open().await;
    modem.write(b"of the call that ends");
    let hanging = tokio::spawn(async move {
        line.hang_up(Duration::from_millis(200)).await.unwrap();
        line
    });
    soon(async {
        while tcgetattr(&modem.fd).unwrap().output_speed() != 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut line = soon(hanging).await.unwrap();
    assert_eq!(line.end(), None, "the line can be used again");
    modem.write(b"\r\nOK");
    let mut read = [0; 4];
    soon(line.read_exact(&mut read)).await.unwrap();
    assert_eq!(&read, b"\r\nOK");
    assert_eq!(tcgetattr(&modem.fd).unwrap().output_speed(), 115_200);
}

#[tokio::test]
async fn a_modem_that_closes_its_pty_on_hang_up_is_a_device_gone_not_a_failure() {
    let modem = Master::new();
    let mut line = modem.open().await;
    drop(modem);
    soon(line.hang_up(SHORT)).await.unwrap();
    assert_eq!(line.end(), Some(End::DeviceGone));
}

#[test]
fn a_driver_that_hangs_keeps_one_thread_and_no_more() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let modem = Master::new();
        // As long as this goes on no device opens.
        let (go_on, hanging) = std::sync::mpsc::channel::<()>();
        let driver = tokio::task::spawn_blocking(move || hanging.recv());
        let open = |open_limit| {
            let settings = SerialSettings { open_limit, ..modem.settings(None) };
            async move { Port::Serial(settings).open().await }
        };
        let too_slow = |opened| matches!(opened, Err(LineError::OpenTooSlow { .. }));
        assert!(too_slow(soon(open(SHORT)).await));
        assert!(too_slow(soon(open(10 * LONG)).await), "it is not waited for again");
        go_on.send(()).unwrap();
        driver.await.unwrap().unwrap();
        tokio::task::spawn_blocking(|| {}).await.unwrap();
        soon(open(LONG)).await.expect("the driver came back");
    });
}

#[tokio::test]
async fn a_line_opens_a_hundred_times_and_leaves_no_lock_behind() {
    let modem = Master::new();
    let locks = tempfile::tempdir().unwrap();
    for _ in 0..100 {
        let line = Port::Serial(modem.settings(Some(locks.path()))).open().await.unwrap();
        assert_eq!(fs::read_dir(locks.path()).unwrap().count(), 1);
        drop(line);
        assert_eq!(fs::read_dir(locks.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_lock_file_has_the_hdb_form_for_the_published_name_and_the_device() {
    let modem = Master::new();
    let dir = tempfile::tempdir().unwrap();
    let published = dir.path().join("modem");
    std::os::unix::fs::symlink(&modem.device, &published).unwrap();
    let locks = tempfile::tempdir().unwrap();
    let settings = SerialSettings { device: published, ..modem.settings(Some(locks.path())) };
    let _line = Port::Serial(settings).open().await.unwrap();
    let device = modem.device.file_name().unwrap().to_str().unwrap();
    for name in ["modem", device] {
        let text = fs::read_to_string(locks.path().join(format!("LCK..{name}"))).unwrap();
        assert_eq!(text, format!("{:>10}\n", std::process::id()));
    }
}

#[tokio::test]
async fn a_second_opener_is_refused_and_told_who_has_the_line() {
    let modem = Master::new();
    let locks = tempfile::tempdir().unwrap();
    let own = i32::try_from(std::process::id()).unwrap();
    for directory in [Some(locks.path()), None] {
        let first = Port::Serial(modem.settings(directory)).open().await.unwrap();
        let refused = Port::Serial(modem.settings(directory)).open().await;
        let Err(LineError::Held { holder: Some(holder), .. }) = refused else {
            panic!("not refused with a name: {refused:?}");
        };
        assert_eq!(holder.pid, own);
        drop(first);
    }
}

#[tokio::test]
async fn a_live_programs_lock_file_is_respected_and_names_it() {
    let modem = Master::new();
    let locks = tempfile::tempdir().unwrap();
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let file = locks.path().join(format!("LCK..{}", modem.device.file_name().unwrap().to_str().unwrap()));
    fs::write(&file, format!("{:>10}\n", other.id())).unwrap();
    let refused = Port::Serial(modem.settings(Some(locks.path()))).open().await;
    let message = refused.expect_err("it is locked").to_string();
    assert!(message.contains(&format!("process {} (sleep)", other.id())), "{message}");
    assert!(file.exists(), "somebody else's lock stays");

    other.kill().unwrap();
    other.wait().unwrap();
    let line = Port::Serial(modem.settings(Some(locks.path()))).open().await.expect("the lock is stale now");
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), std::process::id().to_string());
    fs::remove_file(&file).unwrap();
    fs::write(&file, "         1\n").unwrap();
    drop(line);
    assert!(file.exists(), "a lock that is not ours any more stays");
}

#[tokio::test]
async fn rubbish_in_a_lock_file_counts_as_stale() {
    let modem = Master::new();
    let locks = tempfile::tempdir().unwrap();
    let file = locks.path().join(format!("LCK..{}", modem.device.file_name().unwrap().to_str().unwrap()));
    fs::write(&file, vec![0xff; 100_000]).unwrap();
    Port::Serial(modem.settings(Some(locks.path()))).open().await.unwrap();
}

#[tokio::test]
async fn what_is_no_serial_line_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let settings = |device: PathBuf| Port::Serial(SerialSettings { device, ..SerialSettings::default() });
    assert!(matches!(settings(file).open().await, Err(LineError::NotATerminal { .. })));
    let missing = settings(dir.path().join("none")).open().await.expect_err("it is not there");
    assert!(missing.to_string().contains("none"), "{missing}");
}

#[tokio::test]
async fn a_program_carries_every_byte_and_ends_with_its_line() {
    let mut line = Port::Pipe(PipeSettings { argv: vec!["cat".to_owned()] }).open().await.unwrap();
    soon(line.write_all(&every_byte())).await.unwrap();
    let mut read = [0; 256];
    soon(line.read_exact(&mut read)).await.unwrap();
    assert_eq!(read.to_vec(), every_byte());
    soon(line.shutdown()).await.unwrap();
    assert_eq!(soon(line.read(&mut read)).await.unwrap(), 0);
    assert_eq!(line.end(), Some(End::PeerClosed));
    soon(line.close(SHORT)).await;
}

#[tokio::test]
async fn a_program_that_ignores_end_of_file_and_sigterm_is_ended_all_the_same() {
    let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    let mut line = Port::Pipe(PipeSettings { argv }).open().await.unwrap();
    let mut ready = [0; 6];
    soon(line.read_exact(&mut ready)).await.unwrap();
    soon(line.hang_up(SHORT)).await.unwrap();
    assert_eq!(line.end(), Some(End::Local));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let pipe = Port::Pipe(PipeSettings { argv: vec!["/nowhere/ssh".to_owned()] });
    assert!(pipe.open().await.expect_err("no program").to_string().contains("/nowhere/ssh"));
}

#[tokio::test]
async fn tcp_carries_bytes_and_says_who_ended() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = TcpSettings { host: "127.0.0.1".to_owned(), port, ..TcpSettings::default() };
    let calling = tokio::spawn(async move { Port::Tcp(settings).open().await });
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let mut called = soon(Line::accepted(stream, &TcpListening::default())).await.unwrap();
    let mut caller = soon(calling).await.unwrap().unwrap();
    soon(caller.write_all(&every_byte())).await.unwrap();
    let mut read = [0; 256];
    soon(called.read_exact(&mut read)).await.unwrap();
    assert_eq!(read.to_vec(), every_byte());
    let hanging = tokio::spawn(async move {
        caller.hang_up(LONG).await.unwrap();
        caller
    });
    assert_eq!(soon(called.read(&mut read)).await.unwrap(), 0);
    assert_eq!(called.end(), Some(End::PeerClosed));
    drop(called);
    assert_eq!(soon(hanging).await.unwrap().end(), Some(End::Local));
}

#[tokio::test]
async fn a_tcp_port_that_nobody_listens_on_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let settings = TcpSettings { host: "127.0.0.1".to_owned(), port, ..TcpSettings::default() };
    let refused = soon(Port::Tcp(settings).open()).await.expect_err("nobody listens");
    assert!(refused.to_string().contains(&format!("127.0.0.1:{port}")), "{refused}");
}

fn line_over(input: &OwnedFd, output: &OwnedFd) -> Line {
    use std::os::fd::AsFd;
    let ends = stdio::StdioLine::over(input.as_fd(), output.as_fd()).unwrap();
    Line::new("stdin".to_owned(), Stream::Stdio(ends))
}

#[tokio::test]
async fn stdin_on_pipes_carries_bytes_and_gets_its_flags_back() {
    use rustix::fs::fcntl_getfl;
    let (input, feed) = rustix::pipe::pipe().unwrap();
    let (drain, output) = rustix::pipe::pipe().unwrap();
    let before = (fcntl_getfl(&input).unwrap(), fcntl_getfl(&output).unwrap());
    let mut line = line_over(&input, &output);
    rustix::io::write(&feed, b"Shere").unwrap();
    let mut read = [0; 5];
    soon(line.read_exact(&mut read)).await.unwrap();
    soon(line.write_all(&read)).await.unwrap();
    let mut echoed = [0; 5];
    rustix::io::read(&drain, &mut echoed[..]).unwrap();
    assert_eq!(&echoed, b"Shere");
    drop(feed);
    assert_eq!(soon(line.read(&mut read)).await.unwrap(), 0);
    assert_eq!(line.end(), Some(End::PeerClosed));
    drop(line);
    assert_eq!((fcntl_getfl(&input).unwrap(), fcntl_getfl(&output).unwrap()), before);
}

#[tokio::test]
async fn stdin_and_stdout_may_be_one_terminal_whose_settings_come_back() {
    let modem = Master::new();
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let terminal = rustix::fs::open(&modem.device, flags, Mode::empty()).unwrap();
    let before = tcgetattr(&terminal).unwrap();
    let mut line = line_over(&terminal, &terminal);
    soon(line.write_all(b"\nlogin\r")).await.unwrap();
    assert_eq!(modem.read_exactly(7), b"\nlogin\r");
    drop(line);
    let after = tcgetattr(&terminal).unwrap();
    assert_eq!(after.local_modes, before.local_modes);
    assert!(!rustix::fs::fcntl_getfl(&terminal).unwrap().contains(OFlags::NONBLOCK));
    tcsetattr(&terminal, OptionalActions::Now, &before).unwrap();
}

#[tokio::test]
async fn stdin_may_be_a_plain_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in");
    fs::write(&path, "one batch").unwrap();
    let input = OwnedFd::from(fs::File::open(&path).unwrap());
    let output = OwnedFd::from(fs::File::create(dir.path().join("out")).unwrap());
    let mut line = line_over(&input, &output);
    let mut text = String::new();
    soon(line.read_to_string(&mut text)).await.unwrap();
    assert_eq!(text, "one batch");
}

#[tokio::test]
async fn every_kind_of_line_tells_what_it_is_fit_for() {
    let modem = Master::new();
    assert_eq!(modem.open().await.qualities(), Qualities::SERIAL);
    let stopped = SerialSettings { flow: Flow::XonXoff, ..modem.settings(None) };
    let qualities = Port::Serial(stopped).open().await.unwrap().qualities();
    assert!(!qualities.is_transparent() && !qualities.reliable && qualities.full_duplex);
    let pipe = Port::Pipe(PipeSettings { argv: vec!["cat".to_owned()] }).open().await.unwrap();
    assert_eq!(pipe.qualities(), Qualities::STREAM);
}

#[tokio::test]
async fn a_program_is_told_host_and_system() {
    let words = [r"echo", r"\H", r"-l\Z", r"a\\b"].map(str::to_owned).to_vec();
    let pipe = PipeSettings { argv: words };
    assert_eq!(pipe.to("polux", Some("polux.example")).argv, ["echo", "polux.example", "-lpolux", r"a\b"]);
    assert_eq!(pipe.to("polux", None).argv[1], "polux", "without an address the name is the host");
    assert!(PipeSettings::check(r"\H:22").is_ok() && PipeSettings::check(r"\q").is_err());
    assert!(PipeSettings::check("\\").is_err());
    let mut line = Port::Pipe(pipe.to("polux", None)).open().await.unwrap();
    let mut said = String::new();
    soon(line.read_to_string(&mut said)).await.unwrap();
    assert_eq!(said, "polux -lpolux a\\b\n");
}

#[tokio::test]
async fn a_program_that_complains_without_end_is_read_all_the_same() {
    let script = "i=0; while [ $i -lt 40000 ]; do echo complaint >&2; i=$((i+1)); done; echo done";
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    let mut line = Port::Pipe(PipeSettings { argv }).open().await.unwrap();
    let mut said = String::new();
    soon(line.read_to_string(&mut said)).await.unwrap();
    assert_eq!(said, "done\n");
}

/// A TCP connection, both ends as lines.
async fn tcp_pair(over: Over) -> (Line, Line) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let called = over.clone();
    let settings = TcpSettings { host: "127.0.0.1".to_owned(), port, over, ..TcpSettings::default() };
    let calling = tokio::spawn(async move { Port::Tcp(settings).open().await });
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let called = TcpListening { over: called, ..TcpListening::default() };
    let called = soon(Line::accepted(stream, &called)).await.unwrap();
    (soon(calling).await.unwrap().unwrap(), called)
}

#[tokio::test]
async fn telnet_carries_every_byte_both_ways() {
    let (mut caller, mut called) = tcp_pair(Over::Telnet).await;
    let bytes = every_byte().repeat(1000);
    let length = bytes.len();
    let (one, other) = soon(async {
        let (mut there, mut back) = (vec![0; length], vec![0; length]);
        caller.write_all(&bytes).await.unwrap();
        // Nobody flushes: reading has to see to what was written.
        let reading = async { caller.read_exact(&mut back).await.unwrap() };
        let echoing = async {
            called.read_exact(&mut there).await.unwrap();
            called.write_all(&there).await.unwrap();
            // To the end of the caller.
            called.read(&mut [0; 1]).await.unwrap()
        };
        tokio::select! {
            read = reading => assert_eq!(read, length),
            _ = echoing => panic!("the caller is still there"),
        }
        (there, back)
    })
    .await;
    assert!(one == bytes && other == bytes);
    assert_eq!((caller.qualities(), called.qualities()), (Qualities::STREAM, Qualities::STREAM));
    assert!(!caller.is_exposed() && !called.is_exposed(), "loopback");
    soon(caller.close(SHORT)).await;
    let mut byte = [0; 1];
    assert_eq!(soon(called.read(&mut byte)).await.unwrap(), 0);
    assert_eq!(called.end(), Some(End::PeerClosed));
}

/// A terminal server by script: agrees to everything, says that it set what it was told to, and what it is told to
/// say of the modem lines.
async fn terminal_server(
    listener: tokio::net::TcpListener,
    mut lines: tokio::sync::mpsc::UnboundedReceiver<u8>,
    heard: tokio::sync::mpsc::UnboundedSender<Vec<u8>>,
) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut waiting = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let count = tokio::select! {
            read = stream.read(&mut buffer) => read.unwrap_or(0),
            Some(lines) = lines.recv() => {
                stream.write_all(&[255, 250, 44, 107, lines, 255, 240]).await.unwrap();
                continue;
            }
        };
        if count == 0 {
            return;
        }
        waiting.extend(&buffer[..count]);
        loop {
            let taken = match waiting[..] {
                [255, 251, option, ..] => {
                    stream.write_all(&[255, 253, option]).await.unwrap();
                    3
                }
                [255, 253, option, ..] => {
                    stream.write_all(&[255, 251, option]).await.unwrap();
                    3
                }
                [255, 250, 44, command, ..] => {
                    let Some(end) = waiting.windows(2).position(|pair| pair == [255, 240]) else { break };
                    let _ = heard.send(waiting[3..end].to_vec());
                    let value = &waiting[4..end];
                    if command != 7 {
                        let answer = [&[255, 250, 44, command + 100], value, &[255, 240]].concat();
                        stream.write_all(&answer).await.unwrap();
                    }
                    end + 2
                }
                // A modem that echoes.
                [byte, ..] if byte != 255 => {
                    stream.write_all(&[byte]).await.unwrap();
                    1
                }
                _ => break,
            };
            waiting.drain(..taken);
        }
    }
}

#[tokio::test]
async fn a_serial_port_behind_a_terminal_server_has_speed_dtr_and_carrier() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let (hear, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(terminal_server(listener, told, hear));
    // Carrier, DSR and CTS.
    tell.send(128 + 32 + 16).unwrap();
    let settings = SerialServerSettings {
        tcp: TcpSettings { host: "127.0.0.1".to_owned(), port, ..TcpSettings::default() },
        speed: 19_200,
        data: DataBits::Eight,
        parity: Parity::None,
        flow: Flow::RtsCts,
        plain_passwords: false,
    };
    let mut line = soon(Port::SerialServer(settings).open()).await.unwrap();
    let mut asked = Vec::new();
    while let Ok(request) = heard.try_recv() {
        asked.push(request);
    }
    assert!(asked.contains(&vec![1, 0, 0, 0x4b, 0]), "19200 bit/s: {asked:?}");
    assert_eq!((line.modem_lines(), line.carrier()), (ModemLines::Real, Carrier::Present));
    assert_eq!(line.qualities(), Qualities::SERIAL);
    soon(line.write_all(b"AT\r")).await.unwrap();
    let mut echo = [0; 3];
    soon(line.read_exact(&mut echo)).await.unwrap();
    assert_eq!(&echo, b"AT\r");
    // In a call the loss of the carrier ends the line, as on a port of our own. It may be told of later than CONNECT.
    tell.send(32 + 16).unwrap();
    soon(line.write_all(b"x")).await.unwrap();
    soon(line.read_exact(&mut echo[..1])).await.unwrap();
    while line.carrier() == Carrier::Present {
        let _ = clock::within(Duration::from_millis(1), line.read(&mut echo)).await;
    }
    line.watch_carrier(true);
    assert!(clock::within(Duration::from_millis(50), line.read(&mut echo)).await.is_none(), "not lost yet");
    tell.send(128 + 32 + 16).unwrap();
    while line.carrier() == Carrier::Absent {
        assert!(clock::within(Duration::from_millis(1), line.read(&mut echo)).await.is_none());
    }
    tell.send(32 + 16).unwrap();
    let mut byte = [0; 1];
    assert_eq!(soon(line.read(&mut byte)).await.unwrap(), 0);
    assert_eq!(line.end(), Some(End::CarrierLost));
    soon(line.hang_up(Duration::from_millis(1))).await.unwrap();
    assert_eq!(line.end(), None, "it can be used again");
    let mut after = Vec::new();
    while !after.contains(&vec![5, 8]) {
        after.push(soon(heard.recv()).await.unwrap());
    }
    assert!(after.contains(&vec![5, 9]), "DTR was low in between: {after:?}");
}

#[tokio::test]
async fn a_terminal_server_that_knows_no_serial_ports_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&[255, 254, 44]).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await
    });
    let settings = SerialServerSettings {
        tcp: TcpSettings { host: "127.0.0.1".to_owned(), port, ..TcpSettings::default() },
        speed: 9600,
        data: DataBits::Eight,
        parity: Parity::None,
        flow: Flow::None,
        plain_passwords: false,
    };
    let refused = soon(Port::SerialServer(settings).open()).await.expect_err("it cannot");
    assert!(refused.to_string().contains("RFC 2217"), "{refused}");
}
