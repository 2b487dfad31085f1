//! A serial port, or a pseudo terminal that stands for one.
//!
//! Opening never waits for carrier (O_NONBLOCK, then CLOCAL). 8N1 raw by default. The kernel raises DTR and RTS when a port
//! is opened, and lowers them when it is closed with HUPCL set (termios(3)); [`DtrOnOpen`] and
//! [`SerialSettings::hang_up_on_close`] say what is done beside that. A PTY has no modem lines: there, DTR low is told as
//! speed B0, which is what hanging up has always meant, and which whoever holds the other side can see.

use super::locks::Locks;
use super::uart::{self, Chip, UartWatch};
use super::{LineError, Qualities, holders};
use crate::clock;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, InputModes, OptionalActions, QueueSelector, Termios, ioctl_tiocnxcl, isatty, tcflush,
    tcgetattr, tcsetattr,
};
use serialport::SerialPort;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio_serial::SerialStream;

/// A program that we start holds a copy of our descriptors, and with them the flock of a line that we have just closed,
/// from its fork to its exec. A holder without a process of its own is such a one: it is waited for, so often and so long.
const FORKS: u32 = 10;
const FORK: Duration = Duration::from_millis(20);

/// The device numbers of Unix98 pseudo terminals (the kernel's `devices.txt`).
const PTY_MAJORS: std::ops::RangeInclusive<u32> = 136..=143;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataBits {
    Seven,
    Eight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    None,
    Even,
    Odd,
}

/// How either side stops the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    None,
    RtsCts,
    /// Takes two bytes out of the data: protocols that need 8 clean bits cannot use it.
    XonXoff,
}

/// What becomes of DTR when the port is opened. The kernel has raised it by then, for some milliseconds at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DtrOnOpen {
    /// It is high, and high again after each hang-up.
    #[default]
    Raise,
    /// It stays as the kernel has it.
    Keep,
    /// It is low, and stays so: for devices that take DTR for something else, such as a reset.
    Lower,
}

/// A serial line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialSettings {
    /// The path; a symlink is resolved anew at each open.
    pub device: PathBuf,
    /// Speed towards the modem, in bit/s; any number that the port can do.
    pub speed: u32,
    pub data: DataBits,
    pub parity: Parity,
    pub flow: Flow,
    pub dtr_on_open: DtrOnOpen,
    /// DTR and RTS fall when the port is closed (HUPCL), so that no call outlives this program.
    pub hang_up_on_close: bool,
    /// Refuse to share: flock, TIOCEXCL (not on a PTY) and lock files.
    pub exclusive: bool,
    /// Where `LCK..` files are kept, for programs that know only those; `None` writes none.
    pub lock_dir: Option<PathBuf>,
    /// How long opening may take: a driver can hang on a broken adapter.
    pub open_limit: Duration,
}

/// Whether this is the name of a USB adapter as the kernel numbers them: in the order in which they are found.
pub fn is_adapter(name: &str) -> bool {
    ["/dev/ttyUSB", "/dev/ttyACM"].iter().any(|start| name.starts_with(start))
}

/// What a line set up so is fit for.
pub(super) fn qualities(data: DataBits, flow: Flow) -> Qualities {
    let (eight_bit, xon_xoff) = (data == DataBits::Eight, flow == Flow::XonXoff);
    Qualities { eight_bit, xon_xoff, ..Qualities::SERIAL }
}

impl Default for SerialSettings {
    fn default() -> Self {
        SerialSettings {
            device: PathBuf::new(),
            speed: 115_200,
            data: DataBits::Eight,
            parity: Parity::None,
            flow: Flow::RtsCts,
            dtr_on_open: DtrOnOpen::Raise,
            hang_up_on_close: true,
            exclusive: true,
            lock_dir: Some(PathBuf::from("/var/lock")),
            open_limit: Duration::from_secs(10),
        }
    }
}

/// Whether the port has modem lines; probed once, when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModemLines {
    Real,
    Absent,
}

/// The incoming modem lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    pub cts: bool,
    pub dsr: bool,
    pub dcd: bool,
    pub ring: bool,
}

#[derive(Debug)]
pub(super) struct SerialLine {
    name: String,
    pub(super) stream: SerialStream,
    /// The same open file, for what the library does not do.
    device: OwnedFd,
    modem_lines: ModemLines,
    qualities: Qualities,
    speed: u32,
    flow: Flow,
    /// What DTR is outside a hang-up.
    dtr: bool,
    pty: bool,
    /// Held, and released after the device is closed.
    _locks: Option<Locks>,
}

impl SerialLine {
    pub(super) async fn open(settings: &SerialSettings) -> Result<Self, LineError> {
        let name = settings.device.display().to_string();
        let limit = settings.open_limit;
        let opening = async {
            for _ in 0..FORKS {
                match open_aside(settings).await {
                    Err(LineError::Held { holder: None, .. }) => clock::sleep(FORK).await,
                    opened => return opened,
                }
            }
            open_aside(settings).await
        };
        let opened = clock::within(limit, opening).await;
        let opened = opened.ok_or_else(|| LineError::OpenTooSlow { line: name.clone(), limit })??;
        let failed = |source| LineError::Open { line: name.clone(), source };
        let device = opened.device.try_clone().map_err(failed)?;
        let port = uart::port_of(opened.device);
        if opened.pty || !settings.exclusive {
            // On a PTY the claim would outlive a crash for as long as the other side is open.
            ioctl_tiocnxcl(&device).map_err(|errno| failed(errno.into()))?;
        }
        let stream = SerialStream::try_from(port).map_err(|error| failed(error.into()))?;
        let has_lines = uart::has_modem_lines(&device).map_err(failed)?;
        let modem_lines = if has_lines { ModemLines::Real } else { ModemLines::Absent };
        let mut line = SerialLine {
            name,
            stream,
            device,
            modem_lines,
            qualities: qualities(settings.data, settings.flow),
            speed: settings.speed,
            flow: settings.flow,
            dtr: settings.dtr_on_open != DtrOnOpen::Lower,
            pty: opened.pty,
            _locks: opened.locks,
        };
        if settings.dtr_on_open != DtrOnOpen::Keep {
            line.set_dtr(line.dtr)?;
        }
        Ok(line)
    }

    pub(super) fn modem_lines(&self) -> ModemLines {
        self.modem_lines
    }

    pub(super) fn qualities(&self) -> Qualities {
        self.qualities
    }

    pub(super) fn is_pty(&self) -> bool {
        self.pty
    }

    pub(super) fn signals(&mut self) -> Option<Signals> {
        if self.modem_lines == ModemLines::Absent {
            return None;
        }
        Some(Signals {
            cts: self.stream.read_clear_to_send().ok()?,
            dsr: self.stream.read_data_set_ready().ok()?,
            dcd: self.stream.read_carrier_detect().ok()?,
            ring: self.stream.read_ring_indicator().ok()?,
        })
    }

    pub(super) fn set_dtr(&mut self, high: bool) -> Result<bool, LineError> {
        if self.modem_lines == ModemLines::Absent {
            return Ok(false);
        }
        match self.stream.write_data_terminal_ready(high) {
            Ok(()) => Ok(true),
            Err(error) => Err(LineError::Set { line: self.name.clone(), what: "DTR", source: error.into() }),
        }
    }

    pub(super) async fn send_break(&mut self, length: Duration) -> Result<bool, LineError> {
        if self.stream.set_break().is_err() {
            return Ok(false);
        }
        clock::sleep(length).await;
        self.stream.clear_break().map(|()| true).map_err(|error| LineError::Set {
            line: self.name.clone(),
            what: "break",
            source: error.into(),
        })
    }

    /// Sets another speed, in bit/s.
    pub(super) fn set_speed(&mut self, speed: u32) -> Result<(), LineError> {
        let set = tcgetattr(&self.device).and_then(|mut termios| {
            termios.set_speed(speed)?;
            tcsetattr(&self.device, OptionalActions::Now, &termios)
        });
        set.map_err(|errno| LineError::Set { line: self.name.clone(), what: "speed", source: errno.into() })?;
        self.speed = speed;
        Ok(())
    }

    /// Bytes that the kernel still has to send.
    pub(super) fn unsent(&self) -> u32 {
        // A port that cannot say any more has nothing that could still be sent.
        self.stream.bytes_to_write().unwrap_or(0)
    }

    pub(super) fn discard(&self) {
        // A device that is gone says so at the next read.
        let _ = tcflush(&self.device, QueueSelector::IOFlush);
    }

    /// DTR low for a time; false if the device went away.
    pub(super) async fn hang_up(&mut self, low: Duration) -> Result<bool, LineError> {
        match self.modem_lines {
            ModemLines::Real => {
                self.set_dtr(false)?;
                clock::sleep(low).await;
                self.discard();
                self.set_dtr(self.dtr)
            }
            ModemLines::Absent => {
                let Ok(before) = tcgetattr(&self.device) else { return Ok(false) };
                let mut hung = before.clone();
                if hung.set_speed(0).is_err() || tcsetattr(&self.device, OptionalActions::Now, &hung).is_err()
                {
                    return Ok(false);
                }
                clock::sleep(low).await;
                self.discard();
                Ok(tcsetattr(&self.device, OptionalActions::Now, &before).is_ok())
            }
        }
    }

    pub(super) fn uart(&self) -> Option<UartWatch> {
        UartWatch::start(&self.device, self.speed, self.flow)
    }

    pub(super) fn chip(&self) -> Option<Chip> {
        uart::chip(&self.device)
    }
}

impl Drop for SerialLine {
    fn drop(&mut self) {
        // Closing a real port waits for its output (30 s by default), on the executor's thread; a PTY's does not wait,
        // and there the bytes are with the other side already.
        if !self.pty {
            let _ = tcflush(&self.device, QueueSelector::OFlush);
        }
    }
}

/// The devices that are being opened. Who hangs in a driver keeps a thread until that comes back, and more than one of them for
/// each device would soon keep all that there are.
static OPENING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

struct Opening(PathBuf);

impl Opening {
    /// `None` while an earlier one is under way.
    fn begin(device: &Path) -> Option<Opening> {
        let mut all = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(device.to_owned()).then(|| Opening(device.to_owned()))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        OPENING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

async fn open_aside(settings: &SerialSettings) -> Result<Opened, LineError> {
    let settings = settings.clone();
    let line = settings.device.display().to_string();
    let Some(under_way) = Opening::begin(&settings.device) else {
        return Err(LineError::OpenTooSlow { line, limit: settings.open_limit });
    };
    let opening = tokio::task::spawn_blocking(move || {
        let _until_done = under_way;
        open_device(&settings)
    });
    opening.await.unwrap_or_else(|panic| Err(LineError::Open { line, source: io::Error::other(panic) }))
}

struct Opened {
    device: OwnedFd,
    pty: bool,
    locks: Option<Locks>,
}

fn open_device(settings: &SerialSettings) -> Result<Opened, LineError> {
    let name = settings.device.display().to_string();
    let failed = |errno: Errno| LineError::Open { line: name.clone(), source: errno.into() };
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let device = match rustix::fs::open(&settings.device, flags, Mode::empty()) {
        // Somebody claimed exclusive use, and we are not root.
        Err(Errno::BUSY) => {
            let holder = holders::users_of(&settings.device).into_iter().next();
            return Err(LineError::Held { line: name, holder });
        }
        opened => opened.map_err(failed)?,
    };
    if !isatty(&device) {
        return Err(LineError::NotATerminal { device: settings.device.clone() });
    }
    let status = rustix::fs::fstat(&device).map_err(failed)?;
    let pty = PTY_MAJORS.contains(&rustix::fs::major(status.st_rdev));
    let locks = if settings.exclusive {
        let locks = Locks::take(&device, &settings.device, settings.lock_dir.as_deref())?;
        if !pty && uart::is_exclusive(&device) {
            let holder = holders::users_of(&settings.device).into_iter().next();
            return Err(LineError::Held { line: name, holder });
        }
        // Whoever publishes a PTY may well have it open.
        let others =
            if pty { holders::getties_of(&settings.device) } else { holders::users_of(&settings.device) };
        for other in others {
            tracing::warn!(
                device = name,
                "{other} has the device open too, and has not locked it: it takes a part of what comes; stop it, or let it make lock files"
            );
        }
        Some(locks)
    } else {
        None
    };
    let mut termios = tcgetattr(&device).map_err(failed)?;
    shape(&mut termios, settings).and_then(|()| tcsetattr(&device, OptionalActions::Now, &termios)).map_err(
        |errno| LineError::Set { line: name.clone(), what: "speed and format", source: errno.into() },
    )?;
    Ok(Opened { device, pty, locks })
}

/// Raw, with the settings' format.
pub(super) fn shape(termios: &mut Termios, settings: &SerialSettings) -> Result<(), Errno> {
    termios.make_raw();
    // A break is no byte of the stream.
    termios.input_modes |= InputModes::IGNBRK;
    termios.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL;
    termios.control_modes.set(ControlModes::HUPCL, settings.hang_up_on_close);
    termios.control_modes -= ControlModes::CSTOPB
        | ControlModes::CSIZE
        | ControlModes::PARENB
        | ControlModes::PARODD
        | ControlModes::CRTSCTS;
    termios.control_modes |= match settings.data {
        DataBits::Seven => ControlModes::CS7,
        DataBits::Eight => ControlModes::CS8,
    };
    // Some ports leave the parity of the other end in the eighth bit, and pseudo terminals always do.
    termios.input_modes.set(InputModes::ISTRIP, settings.data == DataBits::Seven);
    if settings.parity != Parity::None {
        termios.control_modes |= ControlModes::PARENB;
        // A character with wrong parity is dropped; the protocol above asks again.
        termios.input_modes |= InputModes::INPCK | InputModes::IGNPAR;
    }
    if settings.parity == Parity::Odd {
        termios.control_modes |= ControlModes::PARODD;
    }
    termios.input_modes -= InputModes::IXON | InputModes::IXOFF | InputModes::IXANY;
    match settings.flow {
        Flow::None => {}
        Flow::RtsCts => termios.control_modes |= ControlModes::CRTSCTS,
        Flow::XonXoff => termios.input_modes |= InputModes::IXON | InputModes::IXOFF,
    }
    termios.set_speed(settings.speed)
}

#[cfg(test)]
mod tests {
    use super::super::stream::Stream;
    use super::super::{Carrier, End, Line, Shown};
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn a_port_that_was_pulled_in_a_call_is_gone_and_has_lost_no_carrier() {
        for told in ["by its lines", "by an end of file"] {
            let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
            grantpt(&master).unwrap();
            unlockpt(&master).unwrap();
            let device = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
            let settings = SerialSettings { device, lock_dir: None, ..SerialSettings::default() };
            let mut port = SerialLine::open(&settings).await.unwrap();
            // As an adapter: its lines cannot be read any more, for a PTY has none.
            (port.pty, port.modem_lines) = (false, ModemLines::Real);
            let mut line = Line::new(told.to_owned(), Stream::Serial(Box::new(port)));
            line.watch_carrier(true);
            if told == "by its lines" {
                assert_eq!(line.carrier(), Carrier::Unknown);
                line.shown = Shown::Seen;
            } else {
                drop(master);
            }
            let read = clock::within(Duration::from_secs(30), line.read(&mut [0; 1])).await;
            assert_eq!((read.unwrap().unwrap(), line.end()), (0, Some(End::DeviceGone)), "{told}");
        }
    }
}
