//! A port with XON/XOFF, before a modelled UART: a PTY has none, and never says XOFF itself, but takes no more when it is full.

use super::*;
use crate::wire::noise::Random;
use rustix::termios::InputModes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

const XON: u8 = 0x11;
const XOFF: u8 = 0x13;
/// bit/s, ten bits a character.
const RATE: u64 = 921_600;
const STOP: Duration = Duration::from_secs(2);
/// What the driver has left when it says XOFF: `TTY_THRESHOLD_THROTTLE` of Linux's n_tty, in characters.
const LEFT: usize = 128;
/// The FIFO of the other end's UART: what it sends all the same once it has heard XOFF.
const FIFO: usize = 16;

/// Bytes without order, as `j` would send them.
fn data(length: usize) -> Vec<u8> {
    let mut random = Random::new(1);
    std::iter::repeat_with(|| random.byte())
        .filter(|byte| !matches!(*byte, XON | XOFF))
        .take(length)
        .collect()
}

/// The other end, the wire and the UART, in steps of virtual time.
struct Wire {
    unsent: VecDeque<u8>,
    /// What the UART has, and the port did not take yet.
    held: VecDeque<u8>,
    /// Characters that still come though XOFF was said; `None`: it was not.
    stopping: Option<usize>,
    lost: usize,
    stops: usize,
}

impl Wire {
    /// One character time.
    fn step(&mut self, port: &OwnedFd) {
        if let Some(byte) = self.sends() {
            match self.held.len() < LEFT {
                true => self.held.push_back(byte),
                false => self.lost += 1,
            }
        }
        let taken = rustix::io::write(port, self.held.make_contiguous()).unwrap_or(0);
        self.held.drain(..taken);
        match (self.held.is_empty(), self.stopping) {
            (false, None) => {
                self.stopping = Some(FIFO);
                self.stops += 1;
            }
            (true, Some(_)) => self.stopping = None,
            _ => {}
        }
    }

    fn sends(&mut self) -> Option<u8> {
        if let Some(left) = &mut self.stopping {
            *left = left.checked_sub(1)?;
        }
        self.unsent.pop_front()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_at_921600_bit_s_while_the_reader_stops_for_two_seconds() {
    let modem = Master::new();
    rustix::io::ioctl_fionbio(&modem.fd, true).unwrap();
    let settings = SerialSettings { flow: Flow::XonXoff, speed: RATE as u32, ..modem.settings(None) };
    let mut line = Port::Serial(settings).open().await.unwrap();
    assert!(tcgetattr(&modem.fd).unwrap().input_modes.contains(InputModes::IXON | InputModes::IXOFF));
    // More than crosses in those two seconds.
    let sent = data(300_000);
    let (stopped, go_on) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let mut wire =
        Wire { unsent: sent.clone().into(), held: VecDeque::new(), stopping: None, lost: 0, stops: 0 };
    let (reader_stopped, reader_goes_on) = (stopped.clone(), go_on.clone());
    let (port, length) = (modem.fd.try_clone().unwrap(), sent.len());
    let carrying = tokio::task::spawn_blocking(move || {
        let mut stopped_for = 0;
        let mut waits = 0;
        while !wire.unsent.is_empty() || !wire.held.is_empty() {
            wire.step(&port);
            if reader_stopped.load(Ordering::Acquire) {
                stopped_for += 1;
                waits += usize::from(wire.stopping.is_some());
                if stopped_for == STOP.as_secs() * RATE / 10 {
                    reader_stopped.store(false, Ordering::Release);
                    reader_goes_on.notify_one();
                }
            } else if wire.stopping.is_some() {
                // Virtual time waits for the reader, who has the processor of another thread.
                std::thread::yield_now();
            }
        }
        (wire.lost, wire.stops, waits)
    });
    let mut read = vec![0; length];
    let (first, rest) = read.split_at_mut(length / 4);
    soon(line.read_exact(first)).await.unwrap();
    stopped.store(true, Ordering::Release);
    soon(go_on.notified()).await;
    soon(line.read_exact(rest)).await.unwrap();
    let (lost, stops, waits) = soon(carrying).await.unwrap();
    assert_eq!(lost, 0);
    assert!(read == sent, "what came is not what was sent");
    assert!(
        stops > 0 && waits as u64 > RATE / 10,
        "the sender was held up most of that time: {stops}, {waits}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_told_to_stop_goes_on_when_it_may_and_hands_up_neither_word() {
    let modem = Master::new();
    let settings = SerialSettings { flow: Flow::XonXoff, ..modem.settings(None) };
    let line = Port::Serial(settings).open().await.unwrap();
    let (mut from, mut to) = tokio::io::split(line);
    let sent = data(300_000);
    let (written, length) = (sent.clone(), sent.len());
    let writing = tokio::spawn(async move { to.write_all(&written).await });
    let hearing = tokio::task::spawn_blocking(move || {
        let mut heard = Vec::new();
        while heard.len() < length {
            modem.write(&[XOFF]);
            modem.write(b"x");
            modem.write(&[XON]);
            let piece = (length - heard.len()).min(10_000);
            heard.extend(modem.read_exactly(piece));
        }
        (modem, heard)
    });
    let mut words = vec![0; 30];
    soon(from.read_exact(&mut words)).await.unwrap();
    let (_modem, heard) = soon(hearing).await.unwrap();
    soon(writing).await.unwrap().unwrap();
    assert!(heard == sent, "what came is not what was sent");
    assert_eq!(words, b"x".repeat(30));
}
