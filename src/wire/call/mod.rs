//! One call, from a connected line to its written record.
//!
//! A call that we place begins with [`begin`], before the line is dialled: that locks the system against a second
//! call. Then [`place`] takes the connected stream through login chat, handshake and session; a line that never
//! connected ends with [`not_connected`]. A call that comes in goes to [`answer`]. Each writes the record of the
//! call into the spool and gives it back.

mod by_hand;
mod claims;
mod counting;
mod cut;
mod door;
mod error;
mod failed;
mod grades;
mod login;
mod matching;
mod meter;
mod offer;
mod public;
mod settings;
mod store;
mod terms;
#[cfg(test)]
mod tests;
mod under_way;
mod worked;

pub use by_hand::by_hand;
pub use cut::UntilCut;
pub use error::CallError;
pub use failed::{Tried, line_taken, not_connected};
pub use grades::TimeGrades;
pub use meter::{CUT_BEFORE, Meter, spent};
use offer::Outset;
pub use offer::Protocols;
pub use settings::{Account, Dialogue, Node, System};

use crate::clock;
use crate::fault::{Coded, Fault, ToFault};
use crate::guests::Welcome;
use crate::job::{Grade, SystemName};
use crate::spool::{
    CallId, CallLease, CallRecord, Event, NewCall, Order, Pace, PortErrors, Spool, SpoolError, Wish,
};
use crate::wire::line::{Beside, Qualities, UartWatch};
use crate::wire::link::Role;
use crate::wire::modem::Throughput;
use crate::wire::record::drive::{Recorded, Recorder};
use crate::wire::record::{From, Head, Prelude};
use crate::wire::session::handshake::Handshake;
use crate::wire::session::{Denial, Features, Machine, Opening, SessionError, Watch, run, shake};
use claims::Claims;
use counting::Counter;
use door::{Door, is_known_by_certificate};
use failed::{Seen, fail};
use std::future::Future;
use std::time::{Duration, Instant};
use store::CallStore;
use terms::Terms;
use tokio::io::{AsyncRead, AsyncWrite};
use under_way::UnderWay;
use worked::Worked;

/// Locks a system for a call of ours.
pub async fn begin(
    spool: &Spool,
    node: &Node,
    system: &SystemName,
    line: &str,
) -> Result<CallLease, CallError> {
    if !node.systems.contains_key(system) {
        return Err(CallError::NotConfigured { system: system.clone() });
    }
    lock(spool, node, system, line, true).await.map_err(|error| match error {
        SpoolError::Conflict(_) => CallError::InCall { system: system.clone() },
        error => error.into(),
    })
}

async fn lock(
    spool: &Spool,
    node: &Node,
    system: &SystemName,
    line: &str,
    outgoing: bool,
) -> Result<CallLease, SpoolError> {
    let call = NewCall { system: system.clone(), line: line.to_owned(), outgoing, began: clock::wall() };
    spool.call_began(call, node.lease).await
}

/// How many calls of unknown callers the history keeps for each hour; the log has all.
const FAILED_CALLS: u32 = 20;

/// What the line has told of a connection.
#[derive(Debug, Default)]
pub struct Connected {
    /// The name of the line, for the record.
    pub line: String,
    /// What the modem said: rates, error correction.
    pub connect: Option<String>,
    /// The telephone number that we dialled.
    pub number: Option<String>,
    /// What it promises to carry.
    pub promised: Throughput,
    /// Whether the modems correct errors, if they have said it.
    pub corrected: Option<bool>,
    /// What the line is fit for.
    pub qualities: Qualities,
    /// Which protocols may run on it, and how they are set up, where the system says nothing else.
    pub protocols: Protocols,
    /// What goes first among jobs of one grade, where the system says nothing else.
    pub order: Option<Order>,
    /// The DNS names that the caller's certificate shows, verified.
    pub certified: Vec<String>,
    /// What the serial port sees go wrong from now on.
    pub counters: Option<UartWatch>,
    /// What was said to the modem.
    pub prelude: Prelude,
    /// When the call was begun: it was answered at some moment since. `None`: at this one.
    pub dialled: Option<Instant>,
}

/// How a call ended, in the words of its recording.
fn how(result: &Result<(), CallError>) -> String {
    result.as_ref().err().map_or_else(|| "in order".to_owned(), |error| error.fault().to_string())
}

impl Connected {
    /// The protocols that a neighbour is offered here; those that did not work last, unless an order is told.
    fn letters_after(&self, neighbour: &System, worked: &Worked) -> String {
        let letters = self.letters(neighbour);
        let told = !neighbour.protocols.letters.is_empty() || !self.protocols.letters.is_empty();
        if told { letters } else { worked.order(&letters) }
    }

    /// The protocols that a neighbour is offered here.
    fn letters(&self, neighbour: &System) -> String {
        offer::letters(&neighbour.protocols, &self.protocols, neighbour.profile, self.qualities)
    }

    /// Begins to record, if calls are recorded; `called` is whom we call.
    fn recorder(&self, node: &Node, called: Option<&SystemName>) -> Recorder {
        let recorder = start_recording(node, &self.line, called, self.connect.clone(), &self.prelude);
        if self.prelude.began().is_some() {
            recorder.connected();
        }
        recorder
    }

    /// How it went for a session that began then.
    fn pace(&self, began: Instant) -> Pace {
        let time = clock::now().saturating_duration_since(began).as_millis();
        Pace {
            milliseconds: u64::try_from(time).unwrap_or(u64::MAX),
            sent: self.promised.transmit,
            received: self.promised.receive,
            corrected: self.corrected,
        }
    }

    /// With the last bytes that came.
    fn seen(&self, last_bytes: Option<String>) -> Seen {
        Seen { modem_said: self.prelude.last_line(), last_bytes }
    }

    fn port_errors(&self) -> Option<PortErrors> {
        let watch = self.counters.as_ref()?;
        let seen = watch.so_far()?;
        Some(PortErrors {
            hint: watch.hint(&seen),
            uart: seen.uart.map(str::to_owned),
            overruns: seen.overrun,
            framing: seen.framing,
            parity: seen.parity,
            breaks: seen.breaks,
            buffer_overruns: seen.buffer_overrun,
        })
    }
}

fn start_recording(
    node: &Node,
    line: &str,
    called: Option<&SystemName>,
    connect: Option<String>,
    prelude: &Prelude,
) -> Recorder {
    let since = prelude.began().map_or(Duration::ZERO, |began| clock::now().saturating_duration_since(began));
    let now = clock::wall();
    let head = Head {
        began: now.checked_sub(since).unwrap_or(now),
        node: node.name.to_string(),
        line: line.to_owned(),
        called: called.map(SystemName::to_string),
        connect,
    };
    Recorder::start(node.record.as_ref(), &head, prelude)
}

/// Records what was said to a modem that did not connect us with a system, if calls are recorded and anything was said.
pub fn record_attempt(node: &Node, line: &str, system: &SystemName, prelude: &Prelude, why: &Fault) {
    if prelude.began().is_some() {
        start_recording(node, line, Some(system), None, prelude).end(why.to_string());
    }
}

/// A call of ours and how it ended.
#[derive(Debug)]
pub struct Placed {
    pub record: CallRecord,
    /// Where it costs something: goes on counting until the line is hung up.
    pub meter: Option<Meter>,
}

/// Runs a call to `system` over a connected stream, to its end. The failure, if any, is in the record.
pub async fn place<S>(
    stream: S,
    node: &Node,
    system: &SystemName,
    lease: CallLease,
    connected: Connected,
    spool: &Spool,
    watch: &Watch,
) -> Placed
where
    S: AsyncRead + AsyncWrite + Beside + Send + Unpin,
{
    let began = clock::now();
    let call = UnderWay::new(spool, lease);
    let recorder = connected.recorder(node, Some(system));
    let (connect, number) = (connected.connect.clone(), connected.number.clone());
    let mut record = CallRecord { connect, number, ..CallRecord::default() };
    let most = node.longest_call(system);
    let metered = Meter::start(spool, node, system, lease, &connected.line, connected.dialled).await;
    let meter = metered.as_ref().ok().and_then(Option::as_ref);
    let cut = meter.map(Meter::cut);
    let stream = UntilCut::new(stream, "there is no money for more", clock::sleep_until(cut));
    let mut stream = Recorded::new(stream, recorder.clone());
    let result = match (node.systems.get(system), &metered) {
        (None, _) => Err(CallError::NotConfigured { system: system.clone() }),
        (_, Err(error)) => Err(error.clone().into()),
        (Some(neighbour), Ok(_)) => {
            let claims = call.claims();
            let mut counter = Counter::new(spool, system);
            let talking = async {
                meter.map_or(Ok(()), |meter| meter.check(&connected.line))?;
                let connecting = async {
                    recorder.login(From::Us);
                    let early = match &neighbour.chat {
                        Some(dialogue) => login::chat(&mut stream, dialogue).await?,
                        None => Vec::new(),
                    };
                    recorder.login_said();
                    let (now, time) = (clock::now(), node.handshake_timeout);
                    let worked = Worked::on(spool, system, &connected.line).await?;
                    let protocols = connected.letters_after(neighbour, &worked);
                    let mut handshake =
                        Handshake::caller(now, node.name.clone(), system.clone(), &protocols, time)
                            .on_a_noisy_line(!connected.qualities.reliable)
                            .also_known_as(neighbour.aliases.clone())
                            .to(neighbour.profile, neighbour.permissions.largest)
                            .asking_for(strictest(
                                neighbour.call_grades.at(&node.now()),
                                meter.and_then(Meter::worst),
                            ));
                    if is_sure_to_take(spool, system, protocols.chars().next()).await? {
                        handshake = handshake.choosing_ahead();
                    }
                    if neighbour.sequence {
                        handshake = handshake.counting();
                    }
                    Ok::<_, CallError>(shake(&mut stream, handshake, &early, &mut counter).await?)
                };
                let opening = renewed(spool, node, claims, connecting).await??;
                session(
                    stream,
                    node,
                    neighbour,
                    &connected,
                    opening,
                    claims,
                    spool,
                    watch,
                    meter,
                    &mut record,
                )
                .await
                .map_err(|error| match meter {
                    Some(meter) => meter.explain(error, &connected.line, most),
                    None => error,
                })
            };
            let accounting = async {
                match meter {
                    Some(meter) => meter.account(spool, node.lease / 2).await,
                    None => std::future::pending().await,
                }
            };
            let result = tokio::select! {
                result = talking => result,
                never = accounting => match never {},
            };
            counter.settle(&result, &record).await;
            result
        }
    };
    record.charge = meter.map(Meter::charge);
    record.calls_back = matches!(&result, Err(CallError::Session(SessionError::Refused(Denial::CallBack))));
    record.errors = connected.port_errors();
    record.pace = Some(connected.pace(began));
    let seen = connected.seen(recorder.end(how(&result)));
    let record = end(call, record, result, seen).await;
    Placed { record, meter: metered.ok().flatten() }
}

/// How the caller of an incoming call has shown who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Not yet: ask for name and password.
    Ask,
    /// It logged in before, under this name (`uucico` as the shell of a login).
    Done(String),
    /// The line vouches for it; only systems without an account may call so.
    Trusted,
}

/// An incoming call and how it ended.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Who called, if it came so far.
    pub system: Option<SystemName>,
    /// Its place in the history, then.
    pub call: Option<CallId>,
    pub record: CallRecord,
    pub welcome: Welcome,
    /// Whom to call back; give it to [`call_back`] once this call is proven gone.
    pub call_back: Option<Wish>,
}

/// Has a caller called back whose own call is proven gone: one that is not could hear us log in, or hold the line on which we call.
pub async fn call_back(spool: &Spool, wish: Option<Wish>) {
    let Some(wish) = wish else { return };
    let system = wish.system.clone();
    match spool.want_call(Wish { since: clock::wall(), ..wish }).await {
        Ok(()) => tracing::info!(%system, "is called back"),
        Err(error) => tracing::error!(%system, %error, "is not called back"),
    }
}

/// Runs the called side of a call over a connected stream, to its end. Without a known caller there is no call
/// row; the attempt becomes an event.
pub async fn answer<S>(
    stream: S,
    node: &Node,
    login: Login,
    connected: Connected,
    spool: &Spool,
    watch: &Watch,
) -> Answered
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let began = clock::now();
    let mut record = CallRecord { connect: connected.connect.clone(), ..CallRecord::default() };
    let recorder = connected.recorder(node, None);
    let mut stream = Recorded::new(stream, recorder.clone());
    let mut begun: Option<(SystemName, UnderWay)> = None;
    let (mut wrong, mut logged_in) = (0, false);
    let mut call_back = None;
    let result = async {
        let certified = &connected.certified;
        recorder.login(From::Them);
        let (name, early) = match login {
            // A certificate says enough, if the only systems that it may stand for have no account beside it.
            Login::Ask if is_known_by_certificate(node, certified) => (None, Vec::new()),
            Login::Ask => {
                let (name, early) = login::prompt(&mut stream, node, &mut wrong).await?;
                logged_in = true;
                (Some(name), early)
            }
            Login::Done(name) => (Some(name), Vec::new()),
            Login::Trusted => (None, Vec::new()),
        };
        recorder.logged_in();
        let handshake = Handshake::called(clock::now(), node.name.clone(), node.handshake_timeout)
            .on_a_noisy_line(!connected.qualities.reliable);
        let mut door = Door::new(node, name.as_deref(), &connected, spool, &mut begun);
        let opening = shake(&mut stream, handshake, &early, &mut door).await;
        (record.debug, call_back) = (door.debug, door.call_back.take());
        let (opening, number) = (opening?, door.number);
        let Some((system, call)) = &begun else { return Ok(()) };
        let Some(neighbour) = node.systems.get(system) else { return Ok(()) };
        if let Some(number) = number {
            spool.take_sequence(system.clone(), number).await?;
        }
        let claims = call.claims();
        session(stream, node, neighbour, &connected, opening, claims, spool, watch, None, &mut record).await
    }
    .await;
    let seen = connected.seen(recorder.end(how(&result)));
    let welcome = match &begun {
        _ if wrong > 0 && !logged_in => Welcome::Refused,
        Some(_) => Welcome::Admitted,
        None => Welcome::Unknown,
    };
    match begun {
        Some((system, call)) => {
            record.errors = connected.port_errors();
            record.pace = Some(connected.pace(began));
            let id = call.id();
            let record = end(call, record, result, seen).await;
            Answered { system: Some(system), call: Some(id), record, welcome, call_back }
        }
        None => {
            if let Err(error) = &result {
                fail(&mut record, error, seen);
            }
            let mut text = record.failure.clone().unwrap_or_default();
            if let Some(cause) = &record.cause {
                text.push_str(&format!(" [{cause}]"));
            }
            tracing::warn!(
                line = connected.line,
                "an incoming call ended before its caller was known: {text}"
            );
            let ids = format!("line={}", connected.line);
            let event = Event { at: clock::wall(), what: "call".to_owned(), ids, system: None, text };
            if let Err(error) = spool.note_at_most(FAILED_CALLS, event).await {
                tracing::error!(%error, "an incoming call could not be noted");
            }
            Answered { system: None, call: None, record, welcome, call_back }
        }
    }
}

/// Whether the last call to a system went well, and showed a uugate that took this protocol. After a call that failed
/// nothing is taken for granted.
async fn is_sure_to_take(spool: &Spool, system: &SystemName, best: Option<char>) -> Result<bool, SpoolError> {
    // The newest is the call that is being placed.
    let calls = spool.calls(Some(system.clone()), 2).await?;
    let last = calls.into_iter().find(|call| call.ended.is_some()).map(|call| call.record);
    Ok(last.is_some_and(|last| last.failure.is_none() && last.uugate && last.protocol == best))
}

/// Runs the commands, and puts what was done into the record.
#[expect(clippy::too_many_arguments, reason = "the whole of a call meets here, and only here")]
async fn session<S>(
    stream: S,
    node: &Node,
    neighbour: &System,
    connected: &Connected,
    opening: Opening,
    claims: &Claims,
    spool: &Spool,
    watch: &Watch,
    meter: Option<&Meter>,
    record: &mut CallRecord,
) -> Result<(), CallError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let agreement = &opening.agreement;
    record.protocol = Some(agreement.protocol);
    record.uugate = agreement.features.has(Features::UUGATE);
    let role = if agreement.caller { Role::Caller } else { Role::Called };
    let outset = match connected.qualities.reliable {
        // A network tells by itself how fast it is, and spoils nothing.
        true => Outset::default(),
        false => {
            let worked = Worked::on(spool, &agreement.peer, &connected.line).await?;
            let expected = worked.expected(connected.promised.transmit, connected.corrected);
            Outset { expected, receive: connected.promised.receive }
        }
    };
    let parameters = offer::parameters(
        &neighbour.protocols,
        &connected.protocols,
        neighbour.profile,
        agreement.features,
        connected.qualities,
        outset,
    );
    let link = crate::wire::link::open(agreement.protocol, role, &parameters)
        .ok_or(CallError::UnknownProtocol(agreement.protocol))?;
    let public = node.public.to_string_lossy().into_owned();
    let machine = Machine::new(node.name.clone(), agreement, neighbour.permissions.clone(), public)
        .also_known_as(neighbour.aliases.iter().cloned())
        .at_most(clock::now(), meter.map_or(neighbour.max_time, |meter| meter.left().min(neighbour.max_time)))
        .making_way(neighbour.max_file_time);
    let order = neighbour.order.or(connected.order).unwrap_or_default();
    let mut terms = Terms::new(order, &neighbour.sizes, agreement.caller).with_digests(record.uugate);
    if agreement.caller {
        // `timegrade` says of our calls what goes in them; the hour at which they begin counts.
        terms = terms.no_worse_than(neighbour.times.worst_at(&node.now()));
        terms = terms.on_the_reserve(meter.and_then(Meter::worst));
    }
    let sends = if agreement.caller { neighbour.call_transfer } else { neighbour.called_transfer };
    let mut store = CallStore::new(spool, node, agreement.peer.clone(), claims.clone(), terms)
        .sending(sends)
        .paid_by(meter, connected.promised.transmit)
        .peer_remembers(agreement.features.has(Features::UUGATE));
    let running = run(machine, link, stream, opening, &mut store, watch, node.idle_timeout);
    let ended = renewed(spool, node, claims, running).await;
    let result = match ended {
        Ok(ended) => {
            record.jobs_sent = ended.tally.sent;
            record.jobs_received = ended.tally.received;
            record.bytes_sent = ended.counters.bytes_sent;
            record.bytes_received = ended.counters.bytes_received;
            record.packets_resent = ended.counters.packets_resent;
            record.bad_headers = ended.counters.bad_headers;
            record.bad_checksums = ended.counters.bad_checksums;
            ended.result.map_err(CallError::from)
        }
        Err(error) => Err(error),
    };
    let why = match &result {
        Ok(()) => "not sent in this call".to_owned(),
        Err(error) => error.to_string(),
    };
    store.finish(&why).await?;
    result
}

/// Of two limits that may be there, the one that lets less through.
fn strictest(one: Option<Grade>, other: Option<Grade>) -> Option<Grade> {
    one.into_iter().chain(other).min()
}

/// Does something under leases that are renewed all the while; once they cannot be, it ends.
async fn renewed<T>(
    spool: &Spool,
    node: &Node,
    claims: &Claims,
    work: impl Future<Output = T>,
) -> Result<T, CallError> {
    let renewing = async {
        loop {
            clock::sleep(node.lease / 2).await;
            match spool.renew(clock::wall(), claims.all(), node.lease).await {
                // A disk that is full now may have room before the lease runs out.
                Ok(()) | Err(SpoolError::Busy | SpoolError::Full(_) | SpoolError::Short(_)) => {}
                Err(error) => return error,
            }
        }
    };
    tokio::select! {
        done = work => Ok(done),
        error = renewing => Err(error.into()),
    }
}

/// Ends the call in the spool.
async fn end(
    call: UnderWay,
    mut record: CallRecord,
    result: Result<(), CallError>,
    seen: Seen,
) -> CallRecord {
    if let Err(error) = result {
        tracing::warn!(code = error.code(), "the call failed: {}", error.fault());
        fail(&mut record, &error, seen);
    }
    call.end(record).await
}
