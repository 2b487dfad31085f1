//! A serial line at work: opened, its modem (if there is one) set up, dialling, ringing, hung up.

use super::online::Online;
use super::{StationError, SystemSettings};
use crate::clock;
use crate::observe::printable;
use crate::wire::line::{Carrier, Drained, End, Line, ModemLines, Port, Qualities, UartWatch};
use crate::wire::modem::{
    CallReport, CarrierWatch, Connect, EscapeGuard, Event, Modem, ModemError, Number, Profile, Throughput,
};
use crate::wire::record::{From, Prelude};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A modem takes a command at once; if not, its flow control is wrong.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// How often carrier is looked at while a call is being ended.
const CARRIER_POLL: Duration = Duration::from_millis(100);
/// How long DTR is low at the end of a call over a cable.
const DTR_LOW: Duration = Duration::from_secs(1);
/// How long the last bytes of a call have to leave.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
/// What is kept of the number of a caller, in bytes.
const LONGEST_NUMBER: usize = 40;
/// From the number of a caller to the first ring, where it comes before it.
const BEFORE_RING: Duration = Duration::from_secs(10);
/// How much is read at once from a modem in command state, in bytes.
const READ: usize = 512;

/// How a connection came about.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection {
    /// What the modem said, for the record.
    pub(super) connect: Option<String>,
    /// What the two modems promise to carry.
    pub(super) promised: Throughput,
    /// Whether they correct errors, if that was said.
    pub(super) corrected: Option<bool>,
    /// The number of the caller, if the exchange tells it: a hint, not a proof.
    pub(super) caller: Option<String>,
    /// What came in with it; it belongs to the call.
    early: Vec<u8>,
    /// What was said to the modem, for a recording.
    pub(super) prelude: Prelude,
}

/// What a line is after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HungUp {
    /// It can be used again as it is.
    Ready,
    /// It has to be opened anew; there was no call.
    Gone,
    /// The modem was not seen to hang up, or cannot be reached any more: the call may still be up.
    InDoubt {
        /// The line has a signal that falls with the call.
        carrier_tells: bool,
    },
}

/// Somebody calls.
#[derive(Debug)]
pub(super) enum Coming {
    /// It rings, and is to be answered.
    Ringing,
    /// The call is up already.
    Answered(Connection),
}

pub(super) struct Phone {
    line: Line,
    modem: Option<Modem>,
    /// Of the port, in bit/s.
    speed: Option<u32>,
    /// There may be a call, or the beginning of one, since the modem was last seen in command state.
    off_hook: bool,
    /// In that the carrier was seen by its signal.
    carrier_seen: bool,
    /// It waits for calls, or for a number.
    ready: bool,
    /// A call is over of which the modem was not asked yet.
    untold: bool,
    /// When a call of ours was begun, since the modem was last set up.
    dialled: Option<Instant>,
    /// Who calls, and when that was told: in some countries before the first ring.
    caller: Option<(Instant, String)>,
    /// What is said to the modem for this call, and by it.
    prelude: Prelude,
}

impl Phone {
    /// Opens the line and sets its modem up.
    pub(super) async fn open(port: &Port, profile: Option<&Profile>) -> Result<Self, StationError> {
        let mut phone = Phone::not_set_up(port, profile).await?;
        phone.set_up().await?;
        Ok(phone)
    }

    /// Opens the line alone.
    pub(super) async fn not_set_up(port: &Port, profile: Option<&Profile>) -> Result<Self, StationError> {
        let line = port.open().await?;
        let signals = line.modem_lines() == ModemLines::Real;
        let modem = profile.map(|profile| Modem::new(profile.clone(), signals));
        let speed = port.speed();
        Ok(Phone {
            line,
            modem,
            speed,
            ready: false,
            off_hook: false,
            carrier_seen: false,
            untold: false,
            dialled: None,
            caller: None,
            prelude: Prelude::default(),
        })
    }

    /// Whether a password could be read on the network between here and the port.
    pub(super) fn is_exposed(&self) -> bool {
        self.line.is_exposed()
    }

    /// Makes the modem ready for the next call.
    pub(super) async fn set_up(&mut self) -> Result<(), StationError> {
        self.line.discard();
        (self.prelude, self.caller, self.dialled) = (Prelude::default(), None, None);
        self.ready = self.modem.is_none();
        let Some(modem) = &mut self.modem else { return Ok(()) };
        modem.set_up(clock::now());
        // As it is before DTR falls.
        if let Some(signals) = self.line.signals() {
            modem.handle_carrier(clock::now(), signals.dcd);
        }
        loop {
            match self.next_event().await? {
                Event::Ready => {
                    self.ready = true;
                    if let (Some(modem), Some(signals)) = (&mut self.modem, self.line.signals()) {
                        modem.handle_idle_carrier(signals.dcd);
                    }
                    return Ok(());
                }
                Event::Failed(error) => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// Whether it is set up, and not taken out.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// Takes the modem out of use, `busy` for callers if it knows how; true if it is. Then, or before the next call: [`Phone::set_up`].
    pub(super) async fn take_out(&mut self, busy: bool) -> bool {
        let Some(modem) = &mut self.modem else { return false };
        let profile = modem.profile();
        let becomes_busy = busy && profile.busy_out.is_some();
        if !becomes_busy && self.ready && profile.auto_answer == 0 {
            return false;
        }
        self.ready = false;
        modem.take_out(clock::now(), busy);
        loop {
            match self.next_event().await {
                Ok(Event::Ready) => return becomes_busy,
                Ok(Event::Failed(error)) => {
                    tracing::info!(%error, "the modem is not taken out");
                    return false;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::info!(%error, "the modem is not taken out");
                    return false;
                }
            }
        }
    }

    /// Waits for somebody to call. May be dropped at any await; then call [`Phone::set_up`].
    pub(super) async fn await_call(&mut self) -> Result<Coming, StationError> {
        let Some(modem) = &mut self.modem else {
            let mut first = [0; READ];
            let count = self.read(&mut first).await?;
            let early = first.get(..count).unwrap_or_default().to_vec();
            return Ok(Coming::Answered(Connection { early, ..Connection::default() }));
        };
        self.prelude = Prelude::waiting();
        modem.wait_for_call(clock::now());
        loop {
            match self.next_event().await? {
                Event::Ring { count } => {
                    tracing::info!(count, "it rings");
                    self.off_hook = true;
                    // What was told long before was of a call that never rang.
                    let now = clock::now();
                    self.caller.take_if(|(told, _)| now.saturating_duration_since(*told) > BEFORE_RING);
                    return Ok(Coming::Ringing);
                }
                Event::Caller { number } => self.named(&number),
                Event::Connected(connect) => {
                    let caller = self.take_caller();
                    return Ok(Coming::Answered(Connection { caller, ..self.came_about(&connect) }));
                }
                Event::Failed(error) => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// The exchange names the caller. One that withholds its number (`P`), or has none (`O`), is nobody: all of them together are not
    /// one caller.
    fn named(&mut self, number: &str) {
        let told = printable(number.as_bytes(), LONGEST_NUMBER);
        tracing::info!(caller = told, "the exchange names the caller");
        self.caller = number.bytes().any(|byte| byte.is_ascii_digit()).then(|| (clock::now(), told));
    }

    fn take_caller(&mut self) -> Option<String> {
        self.caller.take().map(|(_, number)| number)
    }

    /// Answers the call that rings, after as many rings as the modem is to wait; `None`: the caller gave up. Bounded.
    pub(super) async fn answer(&mut self) -> Result<Option<Connection>, StationError> {
        loop {
            match self.next_event().await? {
                Event::Ring { count } => tracing::info!(count, "it rings"),
                Event::RungOff => {
                    self.off_hook = false;
                    self.caller = None;
                    return Ok(None);
                }
                Event::Caller { number } => self.named(&number),
                Event::Connected(connect) => {
                    let caller = self.take_caller();
                    return Ok(Some(Connection { caller, ..self.came_about(&connect) }));
                }
                Event::Failed(error) => return Err(self.not_connected(error)),
                _ => {}
            }
        }
    }

    /// Dials the system; over a cable there is nothing to dial.
    pub(super) async fn dial(&mut self, system: &SystemSettings) -> Result<Connection, StationError> {
        let Some(modem) = &mut self.modem else { return Ok(Connection::default()) };
        let missing =
            || StationError::NoNumber { system: system.name.to_string(), line: self.line.name().to_owned() };
        let number = system.numbers.first().ok_or_else(missing)?;
        let number = Number::parse(number, &modem.profile().number_characters)?;
        tracing::info!(system = %system.name, %number, "dialling");
        self.prelude = Prelude::default();
        modem.dial(clock::now(), &number);
        (self.off_hook, self.dialled) = (true, Some(clock::now()));
        loop {
            match self.next_event().await? {
                Event::Connected(connect) => return Ok(self.came_about(&connect)),
                Event::Failed(error) => return Err(self.not_connected(error)),
                _ => {}
            }
        }
    }

    /// The modem has no connection. One that has said so itself is on hook again; but one that hears a voice may listen on.
    fn not_connected(&mut self, error: ModemError) -> StationError {
        self.off_hook = matches!(error, ModemError::NotConnected { .. } | ModemError::Voice);
        error.into()
    }

    /// When a call of ours was begun, if the modem was told to dial since it was set up.
    pub(super) fn dialled(&self) -> Option<Instant> {
        self.dialled
    }

    fn in_doubt(&self) -> HungUp {
        HungUp::InDoubt { carrier_tells: self.modem.as_ref().is_some_and(Modem::shows_carrier) }
    }

    /// Whether the signal of a carrier stands, be it a plug's.
    pub(super) fn has_carrier(&mut self) -> bool {
        self.line.carrier() == Carrier::Present
    }

    /// What the line shows of the carrier; nothing where its signal is known for none.
    fn carrier(&mut self) -> Carrier {
        match &self.modem {
            Some(modem) if !modem.shows_carrier() => Carrier::Unknown,
            _ => self.line.carrier(),
        }
    }

    /// What the line is fit for, as its kind has it.
    pub(super) fn qualities(&self) -> Qualities {
        self.line.qualities()
    }

    /// Counts what the serial port sees go wrong from now on.
    pub(super) fn uart(&self) -> Option<UartWatch> {
        self.line.uart()
    }

    /// The stream of the call.
    pub(super) fn online(&mut self, connection: Connection) -> Online<'_> {
        self.carrier_seen = self.carrier() == Carrier::Present;
        // A signal that does not show now may never.
        let watch = (self.modem.is_some() && !self.carrier_seen).then(CarrierWatch::new);
        let guard = self.modem.as_ref().and_then(|modem| {
            modem.escape().map(|character| EscapeGuard::new(character, modem.profile().timeouts.guard))
        });
        (self.off_hook, self.untold) = (true, true);
        self.line.watch_carrier(self.modem.is_some());
        Online::new(&mut self.line, connection.early, watch, guard)
    }

    /// A modem that was spoken to by hand is ours from now on: it may be in a call.
    pub(super) fn take_over(&mut self, profile: &Profile) {
        let signals = self.line.modem_lines() == ModemLines::Real;
        self.modem = Some(Modem::new(profile.clone(), signals));
        self.off_hook = true;
    }

    /// Ends the call. Always bounded.
    pub(super) async fn hang_up(&mut self) -> HungUp {
        if let Drained::Left(bytes) = self.line.drain(DRAIN_LIMIT).await {
            tracing::warn!(bytes, "not everything left before the line was hung up");
        }
        let carrier = self.carrier();
        let lost = self.line.end() == Some(End::CarrierLost);
        let gone =
            if self.modem.is_some() && self.off_hook && !lost { self.in_doubt() } else { HungUp::Gone };
        let dtr_low = self.modem.as_ref().map_or(DTR_LOW, |modem| modem.profile().timeouts.dtr_low);
        if let Err(error) = self.line.hang_up(dtr_low).await {
            tracing::warn!(%error, "the line is not hung up in order");
            return gone;
        }
        if self.line.end().is_some() {
            return gone;
        }
        let off_hook = std::mem::take(&mut self.off_hook);
        let seen = std::mem::take(&mut self.carrier_seen) || carrier == Carrier::Present;
        let carrier_behind = self.carrier();
        let Some(modem) = &mut self.modem else { return HungUp::Ready };
        match carrier_behind {
            Carrier::Absent if carrier == Carrier::Present => modem.carrier_fell_with_dtr(clock::now()),
            Carrier::Absent if seen => return HungUp::Ready,
            Carrier::Absent | Carrier::Unknown if !off_hook => return HungUp::Ready,
            // It outlived a short drop of DTR.
            Carrier::Present => modem.hang_up(clock::now()),
            Carrier::Absent | Carrier::Unknown => modem.tell_to_hang_up(clock::now()),
        }
        loop {
            match self.next_event().await {
                Ok(Event::HungUp) => return HungUp::Ready,
                Ok(Event::Failed(error)) => {
                    tracing::warn!(%error, "the modem does not hang up");
                    return self.in_doubt();
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the line is not hung up in order");
                    return self.in_doubt();
                }
            }
        }
    }

    /// What the modem tells of the call that was hung up; nothing if it does not, or if there was none.
    pub(super) async fn call_report(&mut self) -> Option<CallReport> {
        if !std::mem::take(&mut self.untold) {
            return None;
        }
        self.modem.as_mut()?.ask_report(clock::now());
        loop {
            match self.next_event().await {
                Ok(Event::Report(report)) => return Some(*report).filter(|report| !report.is_empty()),
                Ok(_) => {}
                Err(error) => {
                    tracing::info!(%error, "the modem told nothing of the call");
                    return None;
                }
            }
        }
    }

    fn came_about(&mut self, connect: &Connect) -> Connection {
        let early = self.modem.as_mut().map(Modem::take_rest).unwrap_or_default();
        let (promised, corrected) = (Throughput::of(connect, self.speed), connect.corrects());
        let connect = describe(connect);
        tracing::info!(connect, "connected");
        let prelude = self.take_prelude().without_last(early.len());
        Connection { connect: Some(connect), promised, corrected, caller: None, early, prelude }
    }

    /// What was said to the modem, and by it.
    pub(super) fn take_prelude(&mut self) -> Prelude {
        std::mem::take(&mut self.prelude)
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StationError> {
        match self.line.read(buffer).await {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(StationError::Ended {
                line: self.line.name().to_owned(),
                end: self.line.end().unwrap_or(End::DeviceGone),
            }),
        }
    }

    /// Runs the modem's dialogue to its next event.
    async fn next_event(&mut self) -> Result<Event, StationError> {
        let mut buffer = [0; READ];
        loop {
            let Some(modem) = &mut self.modem else { std::future::pending().await };
            let mut out = Vec::new();
            if modem.poll_transmit(&mut out) {
                let written = clock::within(WRITE_LIMIT, self.line.write_all(&out)).await;
                let line = || self.line.name().to_owned();
                match written {
                    Some(Ok(())) => self.prelude.add(clock::now(), From::Us, &out),
                    Some(Err(_)) => {
                        let end = self.line.end().unwrap_or(End::DeviceGone);
                        return Err(StationError::Ended { line: line(), end });
                    }
                    None => return Err(StationError::Stuck { line: line() }),
                }
            }
            if let Some(event) = modem.poll_event() {
                match event {
                    Event::Dtr(high) => {
                        self.line.set_dtr(high)?;
                        continue;
                    }
                    event => return Ok(event),
                }
            }
            let deadline = modem.poll_timeout();
            // A modem that nothing is expected of is not looked after.
            let look = self.line.modem_lines() == ModemLines::Real && deadline.is_some();
            let next_look = look.then(|| clock::now() + CARRIER_POLL);
            tokio::select! {
                read = self.read(&mut buffer) => {
                    let bytes = buffer.get(..read?).unwrap_or_default();
                    self.prelude.add(clock::now(), From::Them, bytes);
                    if let Some(modem) = &mut self.modem {
                        modem.handle_input(clock::now(), bytes);
                    }
                }
                () = clock::sleep_until(deadline) => {
                    if let Some(modem) = &mut self.modem {
                        modem.handle_timeout(clock::now());
                    }
                }
                () = clock::sleep_until(next_look) => {
                    if let (Some(modem), Some(signals)) = (&mut self.modem, self.line.signals()) {
                        modem.handle_carrier(clock::now(), signals.dcd);
                    }
                }
            }
        }
    }
}

/// Rates, modulation, correction and compression, as far as they are known.
fn describe(connect: &Connect) -> String {
    let rate = match (connect.transmit, connect.receive) {
        (Some(out), Some(back)) if out != back => Some(format!("{out} out, {back} in")),
        (Some(rate), _) | (None, Some(rate)) => Some(rate.to_string()),
        (None, None) => None,
    };
    let words = [&connect.modulation, &connect.error_correction, &connect.compression];
    let words = words.into_iter().flatten().map(|word| printable(word.as_bytes(), 40));
    let parts: Vec<String> = rate.into_iter().chain(words).collect();
    if parts.is_empty() { "CONNECT".to_owned() } else { parts.join(", ") }
}
