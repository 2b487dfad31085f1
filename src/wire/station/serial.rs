//! The task of one serial line: answers, and calls what the scheduler gives it.

use super::events::CallStep;
use super::phone::{Coming, Connection, HungUp, Phone};
use super::switch::{LineEnd, Request};
use super::{LineSettings, Shared, StationError};
use crate::clock;
use crate::fault::ToFault;
use crate::guests::Guests;
use crate::schedule::Retry;
use crate::spool::{CallId, Event, ModemReport, Wish};
use crate::wire::call::{self, Connected, Login, Meter, Tried};
use crate::wire::line::{LineError, Port};
use crate::wire::modem::{CallReport, ModemError, Profile};
use std::time::Duration;

/// Callers of a line that is left alone for so long find it busy: until then it would ring for nobody.
const BUSY_FROM: Duration = Duration::from_secs(3);
/// How long a line is left alone at most because of calls with wrong logins: for it is ours to call on as well.
const LINE_WAITS: Duration = Duration::from_secs(60);
/// How long a caller whose logins were wrong is hung up on at most.
const CALLER_WAITS: Duration = Duration::from_secs(1800);

/// How long until a line that is out of order is tried again: soon, for some modems are only slow to hang up.
const OUT_OF_ORDER: Retry =
    Retry { first: Duration::from_secs(5), factor: 2, max: Duration::from_secs(3600) };
/// How long a modem waits for calls before it is set up anew: one that was switched off and on, or hangs, would never ring.
const LOOK_AFTER: Duration = Duration::from_secs(15 * 60);

/// How often it is written down what a call costs that was not seen to end.
const COUNTED: Duration = Duration::from_secs(90);

/// What an idle line was woken by.
enum Wake {
    Call(Box<Request>),
    Answered(Connection),
    Stop,
}

/// What the task works on.
pub(super) struct SerialTask<'a> {
    pub(super) shared: &'a Shared,
    pub(super) line: &'a LineSettings,
    pub(super) port: &'a Port,
    pub(super) profile: Option<&'a Profile>,
}

pub(super) async fn run(task: SerialTask<'_>, end: &mut LineEnd) {
    let task = &task;
    let mut phone = None;
    let mut house = House { line: Guests::new(LINE_WAITS), callers: Guests::new(CALLER_WAITS) };
    loop {
        let wake = idle(task, end, &mut phone).await;
        end.set_free(false);
        let Over { hung_up, call, call_back, meter } = match wake {
            Wake::Call(request) => place(task, &request, &mut phone).await,
            Wake::Answered(connection) => answer(task, connection, &mut phone, &mut house).await,
            Wake::Stop => {
                close(&mut phone).await;
                return leave(&mut phone).await;
            }
        };
        if hung_up == HungUp::Ready {
            note_report(task, &mut phone, call).await;
        }
        let stopped = match hung_up {
            HungUp::Ready => hold_off(task, &house, &mut phone).await,
            HungUp::Gone => {
                hold_off(task, &house, &mut phone).await || !is_gone(task, &mut phone, &call_back).await
            }
            HungUp::InDoubt { carrier_tells } => {
                let in_order = put_in_order(task, &mut phone, carrier_tells, call_back.is_some());
                match meter {
                    Some(meter) => meter.count_on(&task.shared.spool, COUNTED, in_order).await,
                    None => in_order.await,
                }
            }
        };
        if stopped {
            return leave(&mut phone).await;
        }
        call::call_back(&task.shared.spool, call_back).await;
        if !task.line.answer {
            phone = None;
        }
    }
}

/// A call that is over.
struct Over {
    hung_up: HungUp,
    /// Its place in the history, if it has one.
    call: Option<CallId>,
    /// Whom to call back, once the call is proven gone.
    call_back: Option<Wish>,
    /// What it costs, which goes on until it is hung up.
    meter: Option<Meter>,
}

impl Over {
    fn of(hung_up: HungUp) -> Over {
        Over { hung_up, call: None, call_back: None, meter: None }
    }
}

/// Keeps in the history, and in the record of the call, if it has one, what the modem tells of it.
async fn note_report(task: &SerialTask<'_>, phone: &mut Option<Phone>, call: Option<CallId>) {
    let Some(phone) = phone else { return };
    let Some(report) = phone.call_report().await else { return };
    let text = report.to_string();
    tracing::info!(report = text, "the modem on the call");
    let spool = &task.shared.spool;
    let kept = match call {
        Some(call) => spool.call_reported(call, in_record(&report)).await,
        None => Ok(()),
    };
    let ids = format!("line={}", task.line.name);
    let event = Event { at: clock::wall(), what: "modem".to_owned(), ids, system: None, text };
    if let Err(error) = kept.and(spool.note(event).await) {
        tracing::error!(%error, "what the modem told could not be noted");
    }
}

/// What the record of a call keeps of the report of its modem.
fn in_record(report: &CallReport) -> ModemReport {
    let retrains = [report.retrains_asked, report.retrains_granted].into_iter().flatten();
    ModemReport {
        transmit: report.transmit.last.or(report.transmit.first),
        receive: report.receive.last.or(report.receive.first),
        retrains: retrains.reduce(u32::saturating_add),
        blocks_sent: report.blocks_sent,
        blocks_resent: report.blocks_resent,
        block_errors: report.block_errors,
        characters_lost: report.characters_lost,
        reason: report.reason.clone(),
        text: report.to_string(),
    }
}

/// Whose logins were wrong on this line.
struct House {
    /// All callers together.
    line: Guests,
    /// Those whose number is told.
    callers: Guests,
}

/// Leaves the line alone after a call, for the exchange and the other modem; true if it is time to stop.
async fn hold_off(task: &SerialTask<'_>, house: &House, phone: &mut Option<Phone>) -> bool {
    let time = house.line.wait(clock::now(), &task.line.name).max(task.line.hold_off);
    let until = clock::now() + time;
    let waiting = async {
        if let Some(phone) = phone.as_mut().filter(|_| task.line.answer && time >= BUSY_FROM) {
            phone.take_out(true).await;
        }
        clock::sleep_until(Some(until)).await;
    };
    tokio::select! {
        () = waiting => false,
        () = task.shared.leaving() => true,
    }
}

/// The line is given up: its modem answers nobody, and is on hook.
async fn leave(phone: &mut Option<Phone>) {
    if let Some(phone) = phone {
        phone.take_out(false).await;
    }
}

/// A line that was lost in a call shows by its modem in command state that the call is gone, where somebody waits for that. False: it
/// is time to stop.
async fn is_gone(task: &SerialTask<'_>, phone: &mut Option<Phone>, call_back: &Option<Wish>) -> bool {
    call_back.is_none() || !put_in_order(task, phone, false, true).await
}

/// Nobody gets a line on which a call may still be up: the modem is set up again and again until it is seen in command
/// state. Where `proof` of that is not waited for, another program that has taken the port meanwhile has the modem, too, and whoever
/// gets the line is told so. True if it is time to stop.
async fn put_in_order(
    task: &SerialTask<'_>,
    phone: &mut Option<Phone>,
    carrier_tells: bool,
    proof: bool,
) -> bool {
    for failures in 0.. {
        // One that was taken out stays so.
        phone.take_if(|phone| phone.is_ready());
        let ready = async {
            clock::sleep(OUT_OF_ORDER.wait(failures)).await;
            make_ready(task, phone).await
        };
        let ready = tokio::select! {
            ready = ready => ready,
            () = task.shared.leaving() => return true,
        };
        let why = match ready {
            Ok(()) if carrier_tells && phone.as_mut().is_some_and(Phone::has_carrier) => {
                "the carrier signal is there".to_owned()
            }
            Ok(()) if failures == 0 => return false,
            Ok(()) => break,
            Err(StationError::Line(error @ LineError::Held { .. })) if !proof => {
                tracing::warn!(%error, "the modem was not seen to hang up, and is another program's now");
                return false;
            }
            Err(error) => error.fault().to_string(),
        };
        match failures {
            0 => tracing::error!(
                why,
                "out of order: the modem was not seen to hang up; nobody is called or answered on this line"
            ),
            _ => tracing::warn!(why, "still out of order"),
        }
    }
    tracing::info!("in order again");
    false
}

/// Waits for the next call; keeps an answering line ready meanwhile.
async fn idle(task: &SerialTask<'_>, end: &mut LineEnd, phone: &mut Option<Phone>) -> Wake {
    let SerialTask { shared, line, .. } = task;
    let rest = Retry::default();
    let mut failures = 0;
    loop {
        if line.answer {
            let ready = tokio::select! {
                ready = make_ready(task, phone) => ready,
                () = shared.leaving() => return Wake::Stop,
            };
            match ready {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    tracing::warn!(fault = %error.fault(), "no calls can be answered");
                }
            }
        }
        end.set_free(true);
        let coming = async {
            match phone {
                Some(phone) if phone.is_ready() => phone.await_call().await.map(Some),
                _ if line.answer => {
                    clock::sleep(rest.wait(failures)).await;
                    Ok(None)
                }
                _ => std::future::pending().await,
            }
        };
        let coming = tokio::select! {
            coming = coming => coming,
            request = end.next() => return Wake::Call(Box::new(request)),
            () = clock::sleep(LOOK_AFTER), if line.answer && task.profile.is_some() => Ok(None),
            () = shared.leaving() => return Wake::Stop,
        };
        end.set_free(false);
        // From the first ring on the line is the caller's: a command would break the call off.
        let answered = match (coming, phone.as_mut()) {
            (Ok(Some(Coming::Answered(connection))), _) => Ok(Some(connection)),
            (Ok(Some(Coming::Ringing)), Some(ringing)) => tokio::select! {
                answered = ringing.answer() => answered,
                () = shared.stopped() => return Wake::Stop,
            },
            (Ok(_), _) => Ok(None),
            (Err(error), _) => Err(error),
        };
        match answered {
            Ok(Some(connection)) => return Wake::Answered(connection),
            // Time to look after the line again.
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(fault = %error.fault(), "a call was not answered");
                if let HungUp::InDoubt { carrier_tells } = close(phone).await
                    && put_in_order(task, phone, carrier_tells, false).await
                {
                    return Wake::Stop;
                }
            }
        }
    }
}

/// Opens the line if need be, and sets its modem up.
async fn make_ready(task: &SerialTask<'_>, phone: &mut Option<Phone>) -> Result<(), StationError> {
    if let Some(open) = phone {
        match open.set_up().await {
            Ok(()) => return Ok(()),
            // The device may be another one by now: opening shows.
            Err(error) => tracing::info!(%error, "the line is opened again"),
        }
        *phone = None;
    }
    let mut open = Phone::not_set_up(task.port, task.profile).await?;
    let ready = open.set_up().await;
    // A modem that answers, and does not do what it is told, is not to let callers ring for ever.
    let answers = matches!(ready, Err(StationError::Modem(ModemError::Refused { .. })));
    if ready.is_ok() || answers && task.line.answer && open.take_out(true).await {
        *phone = Some(open);
    }
    ready
}

/// Hangs up; keeps the line open only where that went well.
async fn close(phone: &mut Option<Phone>) -> HungUp {
    let Some(open) = phone else { return HungUp::Gone };
    let hung_up = open.hang_up().await;
    if hung_up != HungUp::Ready {
        *phone = None;
    }
    hung_up
}

/// Calls a system.
async fn place(task: &SerialTask<'_>, request: &Request, phone: &mut Option<Phone>) -> Over {
    let SerialTask { shared, line, .. } = task;
    let system = &request.system;
    let node = shared.settings.borrow().node.clone();
    let lease = match call::begin(&shared.spool, &node, &system.name, &line.name).await {
        Ok(lease) => lease,
        Err(error) => {
            tracing::info!(system = %system.name, %error, "not called");
            return Over::of(HungUp::Ready);
        }
    };
    let id = lease.id;
    let tell = |step| shared.events.tell(&line.name, Some(&system.name), step);
    let number = system.numbers.first().filter(|_| task.profile.is_some()).cloned();
    tell(CallStep::Calling { number: number.clone() });
    let password = node.systems.get(&system.name).is_some_and(|system| system.has_login());
    let connecting = async {
        make_ready(task, phone).await?;
        match phone {
            Some(open) if password && open.is_exposed() => {
                Err(StationError::Exposed { system: system.name.to_string() })
            }
            Some(open) => open.dial(system).await,
            None => Ok(Connection::default()),
        }
    };
    // Told to stop before there is a connection, it has none.
    let connection = tokio::select! {
        connection = connecting => connection,
        () = shared.stopped() => Err(StationError::Stopped),
    };
    let mut meter = None;
    let (mut record, failure) = match (connection, phone.as_mut()) {
        (Ok(connection), Some(open)) => {
            let connected = Connected { number: number.clone(), ..connected(line, open, &connection) };
            tell(CallStep::Connected { connect: connection.connect.clone() });
            let stream = shared.until_cut(open.online(connection));
            let watch = shared.events.session(&line.name, Some(&system.name));
            let spool = &shared.spool;
            let placed = call::place(stream, &node, &system.name, lease, connected, spool, &watch).await;
            meter = placed.meter;
            (Some(placed.record), None)
        }
        (Err(error), _) => (None, Some(error)),
        (Ok(_), None) => (None, None),
    };
    if let Some(error) = &failure {
        let fault = error.fault();
        tracing::warn!(system = %system.name, %fault, "a call came to nothing");
        let prelude = phone.as_mut().map(Phone::take_prelude).unwrap_or_default();
        call::record_attempt(&node, &line.name, &system.name, &prelude, &fault);
        let dialled = phone.as_ref().and_then(Phone::dialled).filter(|_| error.may_cost());
        meter = dialled.and_then(|at| Meter::of_attempt(&node, &system.name, lease, &line.name, at));
        record = Some(match error {
            StationError::Line(LineError::Held { .. }) => call::line_taken(&shared.spool, lease, error).await,
            _ => {
                let charge = meter.as_ref().map(Meter::charge);
                let tried = Tried { number, prelude, charge };
                call::not_connected(&shared.spool, lease, error, tried).await
            }
        });
    }
    if let Some(record) = record {
        tell(CallStep::Ended(Box::new(record)));
    }
    Over { call: Some(id), meter, ..Over::of(close(phone).await) }
}

fn connected(line: &LineSettings, open: &Phone, connection: &Connection) -> Connected {
    let corrected = connection.corrected;
    let qualities = open.qualities().declared(line.declared).on_modems(corrected);
    let (line, protocols, order) = (line.name.clone(), line.protocols.clone(), line.order);
    let (connect, prelude) = (connection.connect.clone(), connection.prelude.clone());
    let (promised, counters, dialled) = (connection.promised, open.uart(), open.dialled());
    Connected {
        line,
        connect,
        promised,
        corrected,
        qualities,
        protocols,
        order,
        counters,
        prelude,
        dialled,
        ..Connected::default()
    }
}

/// Takes a call.
async fn answer(
    task: &SerialTask<'_>,
    connection: Connection,
    phone: &mut Option<Phone>,
    house: &mut House,
) -> Over {
    let SerialTask { shared, line, .. } = task;
    let caller = connection.caller.clone();
    if let Some(caller) =
        caller.as_deref().filter(|caller| !house.callers.wait(clock::now(), caller).is_zero())
    {
        tracing::warn!(caller, "hung up on: its logins were wrong");
        return Over::of(close(phone).await);
    }
    let Some(open) = phone.as_mut() else { return Over::of(HungUp::Gone) };
    if open.is_exposed() {
        // Whoever is let in here has to give a password.
        tracing::warn!(
            "a caller was hung up on: its password could be read on the way to the terminal server"
        );
        return Over::of(close(phone).await);
    }
    let node = shared.settings.borrow().node.clone();
    let connected = connected(line, open, &connection);
    let tell = |step| shared.events.tell(&line.name, None, step);
    tell(CallStep::Connected { connect: connection.connect.clone() });
    let stream = shared.until_cut(open.online(connection));
    let watch = shared.events.session(&line.name, None);
    let answered = call::answer(stream, &node, Login::Ask, connected, &shared.spool, &watch).await;
    tell(CallStep::Ended(Box::new(answered.record)));
    let caller = caller.as_deref().map(|caller| (&mut house.callers, caller));
    for (guests, guest) in [(&mut house.line, line.name.as_str())].into_iter().chain(caller) {
        guests.called(clock::now(), guest, answered.welcome);
    }
    let hung_up = close(phone).await;
    Over { hung_up, call: answered.call, call_back: answered.call_back, meter: None }
}
