//! A line in somebody's hands: what is typed goes to the modem or to whoever it has called, what comes is shown.
//!
//! At the beginning of a line `~` speaks to us and not to the other end, as cu(1) has it: `~.` ends it, `~#` sends a break, `~~` a `~`.

use super::phone::{Connection, HungUp, Phone};
use super::{LineKind, LineSettings, StationError, SystemSettings};
use crate::clock;
use crate::wire::line::Beside;
use crate::wire::modem::ModemError;
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a break is.
const BREAK: Duration = Duration::from_millis(300);
/// What is typed leaves at once; if not, flow control is wrong.
const WRITE: Duration = Duration::from_secs(10);
/// How much is read at once, in bytes.
const READ: usize = 4096;

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Typed {
    Bytes(Vec<u8>),
    Break,
    End,
}

/// Finds what is said to us in what is typed.
#[derive(Debug)]
struct Tilde {
    at_start: bool,
    pending: bool,
}

impl Tilde {
    fn new() -> Tilde {
        Tilde { at_start: true, pending: false }
    }

    fn typed(&mut self, bytes: &[u8]) -> Vec<Typed> {
        let mut all = Vec::new();
        let mut plain = Vec::new();
        for byte in bytes {
            match (std::mem::take(&mut self.pending), *byte) {
                (false, b'~') if self.at_start => self.pending = true,
                (true, b'.') => {
                    all.push(Typed::Bytes(std::mem::take(&mut plain)));
                    all.push(Typed::End);
                    break;
                }
                (true, b'#') => {
                    all.push(Typed::Bytes(std::mem::take(&mut plain)));
                    all.push(Typed::Break);
                }
                (true, b'~') => plain.push(b'~'),
                (true, other) => plain.extend([b'~', other]),
                (false, other) => plain.push(other),
            }
            self.at_start = !self.pending && matches!(byte, b'\r' | b'\n');
        }
        all.push(Typed::Bytes(plain));
        all.retain(|typed| *typed != Typed::Bytes(Vec::new()));
        all
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By `~.`, or the end of what is typed.
    ByHand,
    /// By the other end, or the line.
    ThereAlone,
    /// By us, for it may not take longer.
    TooLong,
}

/// Opens a line, dials the system on it if one is given, and joins it to a console until either ends, or the time is over.
/// What comes is also written to `log`.
pub async fn talk<C>(
    line: &LineSettings,
    system: Option<&SystemSettings>,
    longest: Duration,
    console: &mut C,
    mut log: Option<&mut (dyn Write + Send)>,
) -> Result<Ended, StationError>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let (port, profile) = match (&line.kind, system) {
        (LineKind::Modem { port, profile }, Some(_)) => (port.clone(), Some(&**profile)),
        // Without a call the modem is spoken to by hand, from its first word on.
        (LineKind::Modem { port, .. } | LineKind::Direct { port }, _) => (port.clone(), None),
        (LineKind::Tcp { .. } | LineKind::Pipe(_), Some(system)) => (line.port_to(system)?, None),
        (LineKind::Tcp { .. } | LineKind::Pipe(_), None) => {
            return Err(StationError::NoSystem { line: line.name.clone() });
        }
    };
    let began = clock::now();
    let mut phone = Phone::open(&port, profile).await?;
    let talking = async {
        let connection = match system {
            Some(system) => phone.dial(system).await?,
            None => Connection::default(),
        };
        if let Some(connect) = &connection.connect {
            tracing::info!(connect, "connected; ~. ends it");
        }
        join(&mut phone, &line.name, connection, console, &mut log).await
    };
    let ended = clock::within(longest.saturating_sub(clock::now() - began), talking)
        .await
        .unwrap_or(Ok(Ended::TooLong));
    if let (LineKind::Modem { profile, .. }, None) = (&line.kind, system) {
        phone.take_over(profile);
    }
    match phone.hang_up().await {
        HungUp::InDoubt { .. } => Err(ModemError::NotHungUp.into()),
        HungUp::Ready | HungUp::Gone => ended,
    }
}

async fn join<C>(
    phone: &mut Phone,
    line: &str,
    connection: Connection,
    console: &mut C,
    log: &mut Option<&mut (dyn Write + Send)>,
) -> Result<Ended, StationError>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = phone.online(connection);
    let mut tilde = Tilde::new();
    let (mut typed, mut came) = (vec![0; READ], vec![0; READ]);
    loop {
        tokio::select! {
            read = console.read(&mut typed) => {
                let count = read.unwrap_or(0);
                if count == 0 {
                    return Ok(Ended::ByHand);
                }
                for said in tilde.typed(typed.get(..count).unwrap_or_default()) {
                    match said {
                        Typed::Bytes(bytes) => {
                            match clock::within(WRITE, stream.write_all(&bytes)).await {
                                Some(Ok(())) => {}
                                Some(Err(_)) => return Ok(Ended::ThereAlone),
                                None => return Err(StationError::Stuck { line: line.to_owned() }),
                            }
                        }
                        Typed::Break => {
                            stream.send_break(BREAK).await?;
                        }
                        Typed::End => return Ok(Ended::ByHand),
                    }
                }
            }
            read = stream.read(&mut came) => {
                let bytes = came.get(..read.unwrap_or(0)).unwrap_or_default();
                if bytes.is_empty() {
                    return Ok(Ended::ThereAlone);
                }
                if let Some(log) = log {
                    log.write_all(bytes).map_err(StationError::Log)?;
                }
                if console.write_all(bytes).await.is_err() || console.flush().await.is_err() {
                    return Ok(Ended::ByHand);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &[u8]) -> Typed {
        Typed::Bytes(text.to_vec())
    }

    #[test]
    fn a_tilde_speaks_to_us_at_the_beginning_of_a_line_alone() {
        let mut tilde = Tilde::new();
        assert_eq!(tilde.typed(b"AT~.\r~~x\r~"), [bytes(b"AT~.\r~x\r")]);
        assert_eq!(tilde.typed(b"#ATZ\r~y"), [Typed::Break, bytes(b"ATZ\r~y")]);
        assert_eq!(tilde.typed(b"\rATH\r~.rest"), [bytes(b"\rATH\r"), Typed::End]);
        assert_eq!(Tilde::new().typed(b"~."), [Typed::End]);
    }
}
