//! The test bed: two machines on a line in virtual time.

use crate::wire::link::{Channel, Event, Expect, Link, LinkError, Parameters, Role, open};
use crate::wire::noise::{Noise, Settings};
use std::time::{Duration, Instant};

/// One end: a machine, the line that leaves it, and what its session would do: send one file, take one, and close
/// when both are confirmed.
pub struct End {
    pub link: Box<dyn Link>,
    pub line: Noise,
    /// Written by the machine, not taken by the line yet.
    waiting: Vec<u8>,
    /// The file to send, and how much of it was handed over.
    file: Option<Vec<u8>>,
    handed: usize,
    ended: bool,
    /// What arrived: command text, file data.
    pub command: Vec<u8>,
    in_file: bool,
    pub received: Vec<u8>,
    pub file_done: bool,
    confirmed: bool,
    pub end: Option<Result<(), LinkError>>,
    /// The process at this end is gone once it has said so much, in bytes. Its line stays up.
    pub dies_after: Option<usize>,
    /// Data came for a conversation that there is not: the session has given up. The check byte of a header by `i` does not show
    /// all damage.
    pub strayed: bool,
    /// When it ended.
    pub over: Option<Instant>,
    closing: bool,
    pub started: bool,
    /// When the last file data arrived.
    pub last_data: Option<Instant>,
    has_channels: bool,
    pub rest: Vec<u8>,
    /// Every byte that went onto the line, an echo of the other end's among them, and every byte that came off it at the far end.
    pub sent_bytes: Vec<u8>,
    pub arrived_bytes: Vec<u8>,
}

pub struct Pair {
    pub caller: End,
    pub called: End,
    pub begin: Instant,
    pub now: Instant,
    pub dead: bool,
}

impl End {
    fn new(link: Box<dyn Link>, line: Noise, file: Option<Vec<u8>>) -> Self {
        let has_channels = link.abilities().channels > 1;
        End {
            link,
            line,
            waiting: Vec::new(),
            file,
            handed: 0,
            ended: false,
            command: Vec::new(),
            in_file: false,
            received: Vec::new(),
            file_done: false,
            confirmed: false,
            end: None,
            dies_after: None,
            strayed: false,
            over: None,
            closing: false,
            started: false,
            last_data: None,
            has_channels,
            rest: Vec::new(),
            sent_bytes: Vec::new(),
            arrived_bytes: Vec::new(),
        }
    }

    fn ours(&self) -> Channel {
        if self.has_channels { Channel::Ours(1) } else { Channel::ONLY }
    }

    fn theirs(&self) -> Channel {
        if self.has_channels { Channel::Theirs(1) } else { Channel::ONLY }
    }

    /// Whether its process or its session is gone.
    pub fn is_gone(&self) -> bool {
        self.strayed || self.dies_after.is_some_and(|bytes| self.sent_bytes.len() >= bytes)
    }

    fn is_over(&self) -> bool {
        self.end.is_some() || self.is_gone()
    }

    /// Everything that can be done without time passing.
    fn settle(&mut self, now: Instant, peer_sends: bool) {
        while !self.is_gone() {
            self.feed(now);
            if self.waiting.is_empty() {
                self.link.poll_transmit(now, 512, &mut self.waiting);
            }
            let taken = self.line.send(now, &self.waiting);
            self.sent_bytes.extend(&self.waiting[..taken]);
            self.waiting.drain(..taken);
            let mut more = taken > 0 && self.waiting.is_empty();
            while let Some(event) = self.link.poll_event() {
                more = true;
                self.handle(now, event);
                let done = (self.file.is_none() || self.confirmed) && (self.file_done || !peer_sends);
                if self.started && done && !self.closing {
                    self.closing = true;
                    self.link.close(now);
                }
            }
            if !more {
                return;
            }
        }
    }

    /// Hands file data over as there is room.
    fn feed(&mut self, now: Instant) {
        let ours = self.ours();
        let Some(file) = &self.file else { return };
        while self.started && self.handed < file.len() && self.link.room() > 0 {
            let end = file.len().min(self.handed + self.link.room().min(4096));
            self.link.send_data(now, ours, self.handed as u64, &file[self.handed..end]);
            self.handed = end;
        }
        if self.started && self.handed == file.len() && !self.ended {
            self.ended = true;
            self.link.send_data(now, ours, file.len() as u64, &[]);
        }
    }

    fn handle(&mut self, now: Instant, event: Event) {
        if matches!(event, Event::Closed | Event::Failed(_)) {
            self.over = Some(now);
        }
        match event {
            Event::Started => {
                self.started = true;
                if let Some(file) = &self.file {
                    self.link.send_offer(now, self.ours(), b"S file");
                    self.link.begin_file(file.len() as u64);
                }
            }
            Event::Data { channel, position, bytes }
                if channel == self.theirs() && self.file.is_none()
                    || channel == self.theirs() && self.has_channels =>
            {
                if self.in_file {
                    if let Some(position) = position
                        && !bytes.is_empty()
                    {
                        assert_eq!(position, self.received.len() as u64, "position");
                    }
                    self.last_data = Some(now);
                    if bytes.is_empty() {
                        self.file_done = true;
                        self.in_file = false;
                        self.link.expect(Expect::Command);
                        self.link.send_command(now, self.theirs(), b"CY");
                    }
                    self.received.extend(bytes);
                } else if !self.file_done {
                    let end = bytes.iter().position(|byte| *byte == 0);
                    self.command.extend(&bytes[..end.unwrap_or(bytes.len())]);
                    self.in_file = end.is_some();
                    if self.in_file {
                        self.link.offered();
                        self.link.expect(Expect::File);
                    }
                }
            }
            Event::Data { channel, .. } if channel != self.ours() => self.strayed = true,
            Event::Data { bytes, .. } => {
                if bytes.starts_with(b"CY\0") || bytes.contains(&0) {
                    self.confirmed = true;
                }
            }
            Event::Spoiled => self.received.clear(),
            Event::Again => (self.handed, self.ended) = (0, false),
            Event::Closed => {
                self.end = Some(Ok(()));
                self.rest = self.link.take_rest();
            }
            Event::Failed(error) => self.end = Some(Err(error)),
        }
    }

    fn next(&self, now: Instant) -> Option<Instant> {
        if self.is_gone() {
            return self.line.poll_timeout();
        }
        let room = if self.waiting.is_empty() {
            None
        } else {
            self.line.room_timeout(now, self.waiting.len().min(64))
        };
        [self.link.poll_timeout(), self.line.poll_timeout(), room].into_iter().flatten().min()
    }
}

impl Pair {
    pub fn new(
        letter: char,
        parameters: [&Parameters; 2],
        lines: [Settings; 2],
        seed: u64,
        files: [Option<Vec<u8>>; 2],
    ) -> Self {
        let begin = crate::clock::now();
        let [first, second] = lines;
        let [caller, called] = files;
        Pair {
            caller: End::new(
                open(letter, Role::Caller, parameters[0]).unwrap(),
                Noise::new(first, seed, begin),
                caller,
            ),
            called: End::new(
                open(letter, Role::Called, parameters[1]).unwrap(),
                Noise::new(second, seed ^ 0xdead_beef, begin),
                called,
            ),
            begin,
            now: begin,
            dead: false,
        }
    }

    /// Runs until both ends have ended; panics if that does not come within `limit` of virtual time.
    pub fn run(&mut self, limit: Duration) {
        self.caller.link.start(self.now);
        self.called.link.start(self.now);
        let mut idle_turns = 0;
        loop {
            let sends = [self.caller.file.is_some(), self.called.file.is_some()];
            self.caller.settle(self.now, sends[1]);
            self.called.settle(self.now, sends[0]);
            if self.caller.is_over() && self.called.is_over() {
                return;
            }
            if !self.caller.line.carrier() || !self.called.line.carrier() {
                self.dead = true;
                return;
            }
            let next = [self.caller.next(self.now), self.called.next(self.now)].into_iter().flatten().min();
            let Some(next) = next else { panic!("nothing will ever happen: {}", self.describe()) };
            idle_turns = if next > self.now { 0 } else { idle_turns + 1 };
            assert!(idle_turns < 10_000, "time stands still: {}", self.describe());
            self.now = self.now.max(next);
            assert!(self.now - self.begin < limit, "not over in time: {}", self.describe());
            for forth in [true, false] {
                let (from, to) = match forth {
                    true => (&mut self.caller, &mut self.called),
                    false => (&mut self.called, &mut self.caller),
                };
                let bytes = from.line.poll_arrived(self.now);
                let echo = from.line.take_echo();
                let taken = to.line.send(self.now, &echo);
                to.sent_bytes.extend(&echo[..taken]);
                from.arrived_bytes.extend(&bytes);
                if to.is_gone() {
                    continue;
                }
                if !bytes.is_empty() {
                    to.link.handle_input(self.now, &bytes);
                }
                if to.link.poll_timeout().is_some_and(|at| at <= self.now) {
                    to.link.handle_timeout(self.now);
                }
            }
        }
    }

    /// Whether anything arrived other than it was sent.
    pub fn is_spoiled(&self) -> bool {
        [&self.caller, &self.called].iter().any(|end| {
            let spoiled = end.line.spoiled();
            spoiled.total() > spoiled.stalls
        })
    }

    pub fn describe(&self) -> String {
        let side = |end: &End| {
            format!(
                "end {:?} received {} done {} handed {} confirmed {} {:?} {:?}",
                end.end,
                end.received.len(),
                end.file_done,
                end.handed,
                end.confirmed,
                end.link.counters(),
                end.line.spoiled(),
            )
        };
        format!(
            "after {:?}\n caller {}\n called {}",
            self.now - self.begin,
            side(&self.caller),
            side(&self.called)
        )
    }

    /// Which part of the line the file data made up, until the last of them arrived: the plain efficiency.
    pub fn efficiency(&self, end: &End, rate: u32) -> f64 {
        let time = end.last_data.unwrap() - self.begin;
        end.received.len() as f64 * 10.0 / f64::from(rate) / time.as_secs_f64()
    }
}

/// A file of bytes that nothing repeats.
pub fn file(length: usize, seed: u64) -> Vec<u8> {
    let mut random = crate::wire::noise::Random::new(seed);
    (0..length).map(|_| random.byte()).collect()
}

/// The line that the efficiencies are told for.
pub fn modem() -> Settings {
    Settings { rate: Some(57600), delay: Duration::from_millis(100), buffer: 1024, ..Settings::default() }
}
