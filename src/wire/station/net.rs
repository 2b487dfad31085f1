//! The task of a TCP line, or of one through programs: several calls at once, each a task of its own.

use super::events::CallStep;
use super::switch::{LineEnd, Request};
use super::{LineKind, LineSettings, Shared, StationError};
use crate::clock;
use crate::fault::ToFault;
use crate::guests::{Guests, Welcome};
use crate::schedule::Retry;
use crate::wire::call::{self, Connected, Tried};
use crate::wire::line::{Line, Over, TcpListening};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::Instrument;

/// How long the last bytes of a call have to leave.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// Programs at once on one line.
const MOST_PROGRAMS: usize = 8;
/// How long an address from which logins were wrong is turned away at most.
const GUEST_WAITS: Duration = Duration::from_secs(1800);
/// How long to rest when the machine cannot take a connection (no descriptors left, say).
const ACCEPT_REST: Duration = Duration::from_secs(1);

pub(super) async fn run(shared: &Shared, line: &LineSettings, end: &mut LineEnd) {
    let (listen, most_calls) = match &line.kind {
        LineKind::Tcp { listen, most_calls, .. } if line.answer => (listen.as_slice(), *most_calls),
        LineKind::Tcp { most_calls, .. } => (&[][..], *most_calls),
        _ => (&[][..], MOST_PROGRAMS),
    };
    let mut listeners = JoinSet::new();
    let (accepted, mut incoming) = mpsc::channel(1);
    for address in listen {
        listeners.spawn(listen_on(*address, accepted.clone()).in_current_span());
    }
    let mut calls = JoinSet::new();
    let mut placed = JoinSet::new();
    let mut guests = Guests::new(GUEST_WAITS);
    loop {
        let room = calls.len() + placed.len() < most_calls;
        // What several calls would cost together, none of them could know.
        let paid = shared.settings.borrow().node.tariffs.contains_key(&line.name);
        let free = room && (placed.is_empty() || !paid);
        end.set_free(free);
        tokio::select! {
            () = shared.leaving() => break,
            Some(ended) = calls.join_next() => said(ended, &mut guests),
            Some(ended) = placed.join_next() => said(ended.map(|()| None), &mut guests),
            Some(stream) = incoming.recv() => {
                let guest = guest_of(&stream);
                let unwelcome = |guest: &String| !guests.wait(clock::now(), guest).is_zero();
                if guest.as_ref().is_some_and(unwelcome) {
                    tracing::warn!(guest, "a caller was turned away: its logins were wrong");
                } else if room {
                    let call = answer(shared.clone(), line.clone(), stream);
                    let call = async move {
                        let welcome = call.await;
                        guest.map(|guest| (guest, welcome))
                    };
                    calls.spawn(call.in_current_span());
                } else {
                    tracing::warn!(most_calls, "a caller was turned away: all calls of this line are in use");
                }
            }
            request = end.next(), if free => {
                placed.spawn(place(shared.clone(), line.clone(), request).in_current_span());
            }
        }
    }
    end.set_free(false);
    // No new calls; those under way bound themselves.
    drop(listeners);
    while let Some(ended) = calls.join_next().await {
        said(ended, &mut guests);
    }
    while let Some(ended) = placed.join_next().await {
        said(ended.map(|()| None), &mut guests);
    }
}

fn said(ended: Result<Option<(String, Welcome)>, tokio::task::JoinError>, guests: &mut Guests) {
    match ended {
        Ok(Some((guest, welcome))) => guests.called(clock::now(), &guest, welcome),
        Ok(None) => {}
        Err(panic) => tracing::error!(%panic, "a call died"),
    }
}

/// What a caller is known by: its address, or the network that IPv6 gives to each; nothing on this machine, where a tunnel may
/// be the door for all.
fn guest_of(stream: &TcpStream) -> Option<String> {
    match stream.peer_addr().ok()?.ip().to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V4(address) => Some(address.to_string()),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string())
        }
    }
}

async fn listen_on(address: SocketAddr, accepted: mpsc::Sender<TcpStream>) {
    let rest = Retry::default();
    let mut failures = 0;
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => {
                failures += 1;
                tracing::error!(%address, %error, "no calls can be taken here");
                clock::sleep(rest.wait(failures)).await;
            }
        }
    };
    // Port 0 was any port: say which.
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!(%address, "waiting for calls");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if accepted.send(stream).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%address, %error, "a connection was not taken");
                clock::sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn answer(shared: Shared, settings: LineSettings, stream: TcpStream) -> Welcome {
    let (listening, plain_passwords) = match &settings.kind {
        LineKind::Tcp { keepalive, over, plain_passwords, .. } => {
            (TcpListening { keepalive: *keepalive, over: over.clone() }, *plain_passwords)
        }
        _ => (TcpListening::default(), false),
    };
    let coming = Line::accepted(stream, &listening);
    let accepted = tokio::select! {
        accepted = coming => accepted,
        () = shared.stopped() => return Welcome::Unknown,
    };
    let mut line = match accepted {
        Ok(line) => line,
        Err(error) => {
            tracing::info!(fault = %error.fault(), "a caller got no connection");
            return Welcome::Unknown;
        }
    };
    tracing::info!(from = line.name(), "a call comes in");
    if line.is_exposed() && !plain_passwords {
        // Whoever is let in here has to give a password.
        let from = line.name();
        tracing::warn!(from, "a caller was turned away: its password could be read on the way");
        return Welcome::Unknown;
    }
    let node = shared.settings.borrow().node.clone();
    let over = match listening.over {
        Over::Plain => "TCP",
        Over::Tls(_) => "TLS",
        Over::Telnet => "telnet",
    };
    let connect = Some(format!("{over} {}", line.name()));
    let qualities = line.qualities().declared(settings.declared);
    let certified = line.certified().to_vec();
    let connected = Connected {
        line: settings.name,
        connect,
        qualities,
        protocols: settings.protocols,
        order: settings.order,
        certified,
        ..Connected::default()
    };
    let name = connected.line.clone();
    let tell = |step| shared.events.tell(&name, None, step);
    tell(CallStep::Connected { connect: connected.connect.clone() });
    let watch = shared.events.session(&name, None);
    let stream = shared.until_cut(&mut line);
    let answered = call::answer(stream, &node, call::Login::Ask, connected, &shared.spool, &watch).await;
    tell(CallStep::Ended(Box::new(answered.record)));
    line.close(CLOSE_LIMIT).await;
    call::call_back(&shared.spool, answered.call_back).await;
    answered.welcome
}

async fn place(shared: Shared, settings: LineSettings, request: Request) {
    let system = &request.system;
    let node = shared.settings.borrow().node.clone();
    let lease = match call::begin(&shared.spool, &node, &system.name, &settings.name).await {
        Ok(lease) => lease,
        Err(error) => return tracing::info!(system = %system.name, %error, "not called"),
    };
    let name = settings.name.clone();
    let tell = |step| shared.events.tell(&name, Some(&system.name), step);
    tell(CallStep::Calling { number: None });
    let dialled = Some(clock::now());
    let password = node.systems.get(&system.name).is_some_and(|system| system.has_login());
    let opening = async {
        let line = settings.port_to(system)?.open().await?;
        let plain = matches!(settings.kind, LineKind::Tcp { plain_passwords: false, .. });
        if password && plain && line.is_exposed() {
            return Err(StationError::Exposed { system: system.name.to_string() });
        }
        Ok(line)
    };
    // Told to stop before there is a connection, it has none.
    let opened = tokio::select! {
        opened = opening => opened,
        () = shared.stopped() => Err(StationError::Stopped),
    };
    let (mut record, failure) = match opened {
        Ok(mut line) => {
            let connect = Some(line.name().to_owned());
            let qualities = line.qualities().declared(settings.declared);
            let (protocols, order) = (settings.protocols, settings.order);
            let connected = Connected {
                line: settings.name,
                connect,
                qualities,
                protocols,
                order,
                dialled,
                ..Connected::default()
            };
            tell(CallStep::Connected { connect: connected.connect.clone() });
            let watch = shared.events.session(&name, Some(&system.name));
            let (stream, spool) = (shared.until_cut(&mut line), &shared.spool);
            let placed = call::place(stream, &node, &system.name, lease, connected, spool, &watch).await;
            line.close(CLOSE_LIMIT).await;
            (Some(placed.record), None)
        }
        Err(error) => (None, Some(error)),
    };
    if let Some(error) = failure {
        let fault = error.fault();
        tracing::warn!(system = %system.name, %fault, "a call came to nothing");
        record = Some(call::not_connected(&shared.spool, lease, &error, Tried::default()).await);
    }
    if let Some(record) = record {
        tell(CallStep::Ended(Box::new(record)));
    }
}
