//! The exchange in real time: one thread that serves all PTYs.
//!
//! A thread with `poll`, not a task: the master of a PTY whose slave is closed says POLLHUP for ever, which an
//! edge-triggered reactor takes for the end of the file.

use super::ExchangeError;
use super::port::{CHUNK, Port};
use super::spec::{ModemSpec, Settings};
use super::switch::{Event, Line, Switch};
use crate::clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::PipeWriter;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How often DTR is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Events that wait to be taken; of more, the newest are dropped.
const EVENTS: usize = 4096;
/// After an orderly end, how long a terminal may take to read the rest, if it cannot be seen whether it has.
const UNSEEN: Duration = Duration::from_secs(1);

/// A running exchange.
///
/// Each modem is a PTY, published as a symlink. DTR is "a slave is open and its speed is not B0". Once a slave is open,
/// a new PTY is published: whoever opens the path from then on is the next user, and is heard when the one before has
/// gone; so nobody can open what is about to be taken away. When a call is lost, or after an orderly end when the
/// terminal has read what was sent and `NO CARRIER`, the new PTY takes the place of the old one, whose slave gets
/// end-of-file and EIO. A terminal that closes its slave leaves the modem to the next PTY; one that hangs up itself
/// (ATH, or B0 with the slave kept open) keeps its own.
#[derive(Debug)]
pub struct Exchange {
    events: mpsc::Receiver<Event>,
    /// Closing it stops the thread.
    stop: PipeWriter,
    stopped: oneshot::Receiver<()>,
}

impl Exchange {
    /// Makes and publishes the PTYs, and serves them until `shutdown` or until the handle is dropped.
    pub fn start(settings: Settings, modems: Vec<ModemSpec>) -> Result<Exchange, ExchangeError> {
        for (at, modem) in modems.iter().enumerate() {
            let others = modems.get(at + 1..).unwrap_or_default();
            let mut numbers = others.iter().map(|other| &other.number).chain(&settings.people);
            if numbers.any(|other| *other == modem.number) {
                return Err(ExchangeError::NumberTwice(modem.number.clone()));
            }
            if others.iter().any(|other| other.path == modem.path) {
                return Err(ExchangeError::PathTwice(modem.path.clone()));
            }
        }
        let lines = modems.iter().map(|m| Line { number: m.number.clone(), digital: m.digital }).collect();
        let (drain, mode) = (settings.drain, settings.mode);
        let switch = Switch::new(settings, lines);
        let (stopping, stop) = std::io::pipe().map_err(ExchangeError::Thread)?;
        let (done, stopped) = oneshot::channel();
        let (sender, events) = mpsc::channel(EVENTS);
        let mut office = Office { switch, ports: Vec::new(), events: sender, drain };
        for modem in modems {
            office.ports.push(Port::new(modem.path, mode)?);
        }
        let serve = move || {
            office.run(&stopping);
            drop(office);
            let _ = done.send(());
        };
        std::thread::Builder::new()
            .name("exchange".to_owned())
            .spawn(serve)
            .map_err(ExchangeError::Thread)?;
        Ok(Exchange { events, stop, stopped })
    }

    /// What happens next; nothing once the exchange has stopped.
    pub async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Drops every call, takes the symlinks away and waits until that is done.
    pub async fn shutdown(self) {
        drop(self.stop);
        let _ = self.stopped.await;
    }
}

/// Everything that the thread works on.
struct Office {
    switch: Switch,
    ports: Vec<Port>,
    events: mpsc::Sender<Event>,
    drain: Duration,
}

impl Drop for Office {
    fn drop(&mut self) {
        self.ports.iter().for_each(Port::withdraw);
    }
}

impl Office {
    /// Serves until the other end of `stopping` is closed.
    fn run(&mut self, stopping: &impl AsFd) {
        let mut next_look = clock::now();
        loop {
            let now = clock::now();
            if now >= next_look {
                next_look = now + LOOK;
                (0..self.ports.len()).for_each(|port| self.look(now, port));
            }
            (0..self.ports.len()).for_each(|port| self.read(now, port));
            self.switch.handle_timeout(now);
            self.report(now);
            (0..self.ports.len()).for_each(|port| self.write(port));
            // What was written makes room for what waits in the switch.
            self.switch.handle_timeout(now);
            self.report(now);
            let wake = self.switch.poll_timeout(now).map_or(next_look, |at| at.min(next_look));
            if self.wait(stopping, wake) {
                break;
            }
        }
        self.switch.hang_up_all();
        self.report(clock::now());
    }

    /// Waits for bytes, room or time; true when it is time to stop.
    fn wait(&self, stopping: &impl AsFd, wake: Instant) -> bool {
        let mut fds = vec![PollFd::new(stopping, PollFlags::IN)];
        for (at, port) in self.ports.iter().enumerate() {
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, port.dtr && self.switch.room(at) > 0);
            wanted.set(PollFlags::OUT, port.dtr && !port.unsent.is_empty());
            // One that has hung up would wake us at once, again and again.
            if !wanted.is_empty() && port.closing.is_none() {
                fds.push(PollFd::new(&port.pty.master, wanted));
            }
        }
        let time = wake.saturating_duration_since(clock::now());
        let time = Timespec { tv_sec: 0, tv_nsec: i64::from(time.min(LOOK).subsec_nanos()) };
        let _ = poll(&mut fds, Some(&time));
        fds.first().is_some_and(|stopping| !stopping.revents().is_empty())
    }

    /// Looks at DTR, and at what ends.
    fn look(&mut self, now: Instant, at: usize) {
        let Some(port) = self.ports.get_mut(at) else { return };
        let closed = port.pty.closed();
        if closed && port.closing.is_none() {
            if port.dtr {
                port.closing = Some(now + self.drain);
            } else if port.next.is_some() {
                // Hung up with B0, then closed.
                return self.close(now, at);
            }
        }
        let dtr = !closed && !port.pty.speed_is_zero();
        if port.closing.is_none() && port.dtr != dtr {
            port.dtr = dtr;
            if dtr {
                port.prepare();
            }
            self.switch.handle_dtr(now, at, dtr);
        } else if port.closing.is_some_and(|deadline| now >= deadline) {
            self.close(now, at);
        }
        let Some(port) = self.ports.get_mut(at) else { return };
        if let Some(since) = port.falling {
            let waited = now.saturating_duration_since(since);
            let read = match port.pty.unread() {
                Some(unread) => unread == 0,
                None => waited >= UNSEEN,
            };
            let read = read && port.unsent.is_empty() && self.switch.drained(at);
            if read || waited >= self.drain {
                port.replace();
                self.switch.terminal_gone(now, at);
            }
        }
    }

    fn read(&mut self, now: Instant, at: usize) {
        let room = self.switch.room(at);
        let Some(port) = self.ports.get_mut(at) else { return };
        if !port.dtr || room == 0 {
            return;
        }
        match port.read(room) {
            Some(bytes) if bytes.is_empty() => {}
            Some(bytes) => self.switch.handle_input(now, at, &bytes),
            None => self.close(now, at),
        }
    }

    /// The slave is closed, and nothing is left of what it wrote.
    fn close(&mut self, now: Instant, at: usize) {
        if let Some(port) = self.ports.get_mut(at) {
            port.replace();
            self.switch.terminal_gone(now, at);
        }
    }

    /// Hands the terminal what has come for it, as far as it has room.
    fn write(&mut self, at: usize) {
        let Some(port) = self.ports.get_mut(at) else { return };
        loop {
            self.switch.poll_transmit(at, CHUNK.saturating_sub(port.unsent.len()), &mut port.unsent);
            if port.unsent.is_empty() {
                return;
            }
            if !port.dtr {
                // Nobody listens; the next user must not get it.
                port.unsent.clear();
                continue;
            }
            port.write();
            if !port.unsent.is_empty() {
                return;
            }
        }
    }

    fn report(&mut self, now: Instant) {
        while let Some(event) = self.switch.poll_event() {
            tracing::debug!(?event, "exchange");
            if let Event::CarrierLost { port: at, orderly } = event
                && self.switch.carrier_follows(at)
                && let Some(port) = self.ports.get_mut(at)
            {
                if orderly {
                    port.falling = Some(now);
                } else {
                    port.replace();
                    self.switch.terminal_gone(now, at);
                }
            }
            if self.events.try_send(event).is_err() {
                tracing::trace!("nobody takes the events of the exchange");
            }
        }
    }
}

#[cfg(test)]
mod tests;
