//! Calls over a stream that a command brings: `uucico` on its standard input and output.

use super::{VerbError, Verbs, Who};
use crate::clock;
use crate::guests::Guests;
use crate::job::SystemName;
use crate::node::config::{LineConfig, LineKind};
use crate::node::report::{Call, Poll};
use crate::schedule::PollTimes;
use crate::spool::{CallRecord, PastCall};
use crate::wire::call::{self, CallError, Connected, Login};
use crate::wire::line::{Beside, Qualities};
use crate::wire::session::Watch;
use crate::wire::station;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// Name of the line in records.
const STDIN: &str = "stdin";
/// How long a poll is waited for. A call with much mail over a slow modem takes hours.
const LONGEST_CALL: Duration = Duration::from_secs(24 * 3600);

/// How long a guest whose logins were wrong is not listened to at most: what is known of it may be the line of others too.
pub(super) const GUEST_WAITS: Duration = Duration::from_secs(60);

/// How the caller of an incoming call has logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginRequest {
    /// Not yet: name and password are to be asked for.
    Ask,
    /// As who asks, or as somebody else (`uucico -u`).
    Done { name: Option<String> },
}

impl Verbs {
    /// Takes a call on a stream that comes from this line or address.
    pub async fn answer<S>(
        &self,
        who: &Who,
        login: LoginRequest,
        from: Option<String>,
        stream: S,
    ) -> Result<CallRecord, VerbError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let login = self.login(who, login)?;
        // Whoever may not speak for others could give a new line with each guess.
        let guest = from.filter(|_| who.trusted).unwrap_or_else(|| who.name.clone());
        if login == Login::Ask && !self.guests().wait(clock::now(), &guest).is_zero() {
            return Err(VerbError::WrongLogins(guest));
        }
        let node = self.config.call_node();
        let connected = self.stdin();
        let answered = call::answer(stream, &node, login, connected, &self.spool, &Watch::nobody()).await;
        self.guests().called(clock::now(), &guest, answered.welcome);
        // What ends the connection is the program at the other end of it.
        call::call_back(&self.spool, answered.call_back).await;
        Ok(answered.record)
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls a system over a stream.
    pub async fn place<S>(&self, system: &SystemName, stream: S) -> Result<CallRecord, VerbError>
    where
        S: AsyncRead + AsyncWrite + Beside + Send + Unpin,
    {
        let node = self.config.call_node();
        let below = |error: CallError| VerbError::Below(crate::fault::ToFault::fault(&error));
        let lease = call::begin(&self.spool, &node, system, STDIN).await.map_err(below)?;
        let connected = self.stdin();
        let watch = Watch::nobody();
        Ok(call::place(stream, &node, system, lease, connected, &self.spool, &watch).await.record)
    }

    /// What a command brings may be anything, also a login over a modem; what is declared of the line counts.
    fn stdin(&self) -> Connected {
        let is_stdin = |line: &&LineConfig| matches!(line.kind, LineKind::Stdin);
        let line = self.config.lines.iter().find(is_stdin);
        let qualities = Qualities::default().declared(line.map(|line| line.declared).unwrap_or_default());
        let protocols = line.map(|line| line.protocols.clone()).unwrap_or_default();
        let order = line.and_then(|line| line.order);
        Connected { line: STDIN.to_owned(), qualities, protocols, order, ..Connected::default() }
    }

    /// Who may bring a caller in: whoever is trusted, and the login name of a neighbour for itself. Without that
    /// any user of this machine could be any neighbour.
    fn login(&self, who: &Who, login: LoginRequest) -> Result<Login, VerbError> {
        let LoginRequest::Done { name } = login else { return Ok(Login::Ask) };
        let name = name.unwrap_or_else(|| who.name.clone());
        let is_login =
            self.config.systems.iter().any(|system| system.called_login.as_deref() == Some(&who.name));
        if who.trusted || (is_login && name == who.name) {
            return Ok(Login::Done(name));
        }
        let what =
            format!("be a caller that has logged in as {name}; give -l to be asked for name and password");
        Err(VerbError::Forbidden { who: who.name.clone(), what })
    }

    /// The system, if only the standard input of a command reaches it, for calls of ours.
    pub fn reached_by_stdin(&self, who: &Who, name: &str) -> Result<Option<SystemName>, VerbError> {
        let system = self.neighbour(name)?;
        let lines = self.config.system(name).map(|system| system.lines.as_slice()).unwrap_or_default();
        let is_stdin =
            |line: &String| self.config.line(line).is_some_and(|line| matches!(line.kind, LineKind::Stdin));
        // Without any line at all there is still ours.
        if !lines.iter().all(is_stdin) {
            return Ok(None);
        }
        if !who.trusted {
            let what = format!("call {name} over standard input");
            return Err(VerbError::Forbidden { who: who.name.clone(), what });
        }
        Ok(Some(system))
    }

    /// Waits until every one of these systems was called. `before` are their last calls from before the wish.
    pub(super) async fn wait_for_calls(
        &self,
        systems: Vec<(SystemName, Option<u64>)>,
    ) -> Result<Vec<Call>, VerbError> {
        let deadline = clock::now() + LONGEST_CALL;
        let mut done = Vec::new();
        for (system, before) in systems {
            loop {
                let news =
                    |past: &PastCall| past.ended.is_some() && Some(past.id.0) > before && past.call.outgoing;
                let recent = self.spool.calls(Some(system.clone()), 8).await?;
                if let Some(call) = recent.into_iter().find(news) {
                    done.push(Call::from(call));
                    break;
                }
                tokio::select! {
                    () = self.spool.changed() => {}
                    () = clock::sleep(Duration::from_secs(1)) => {}
                }
                if clock::now() > deadline {
                    return Err(VerbError::Usage(format!("the call to {system} takes longer than a day")));
                }
            }
        }
        Ok(done)
    }

    /// Places the calls that were wished, here and now: for a command that owns the spool.
    pub async fn call_now(&self, poll: Poll) -> Result<Poll, VerbError> {
        let mut settings = self.config.station();
        // Only what was asked for: no answering, no other system.
        settings.lines.iter_mut().for_each(|line| line.answer = false);
        for system in &mut settings.systems {
            (system.plan.every, system.plan.at) = (None, PollTimes::default());
            system.plan.call_for.clear();
        }
        settings.systems.retain(|system| poll.wished.iter().any(|name| name == system.name.as_str()));
        let wished: Vec<SystemName> = settings.systems.iter().map(|system| system.name.clone()).collect();
        let mut waiting = Vec::new();
        for system in wished {
            let last = self.spool.calls(Some(system.clone()), 1).await?.first().map(|past| past.id.0);
            waiting.push((system, last));
        }
        let (_configure, configured) = watch::channel(Arc::new(settings));
        let (stop, stopping) = watch::channel(false);
        let calls = async {
            let calls = self.wait_for_calls(waiting).await;
            let _ = stop.send(true);
            calls
        };
        let (calls, ()) =
            tokio::join!(calls, station::run(configured, self.spool.clone(), self.events.clone(), stopping));
        Ok(Poll { calls: calls?, ..poll })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::config::Config;
    use crate::spool::Spool;
    use crate::wire::station::CallEvents;
    use std::path::Path;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// One wrong password and a hang-up.
    async fn guess(verbs: &Verbs, who: &Who, from: &str) -> Result<CallRecord, VerbError> {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(b"Uleaf\rwrong\r").await.unwrap();
        let until_told = async move {
            let mut heard = Vec::new();
            // It may be turned away before.
            while let Ok(byte) = theirs.read_u8().await
                && !heard.ends_with(b"incorrect")
            {
                heard.push(byte);
            }
        };
        let answering = verbs.answer(who, LoginRequest::Ask, Some(from.to_owned()), ours);
        tokio::join!(answering, until_told).0
    }

    #[tokio::test]
    async fn who_guesses_through_a_command_is_not_listened_to() {
        let (config, _) = Config::read(Path::new("uugate.toml"), "[node]\nname = \"polux\"\n".to_owned());
        let config = Arc::new(config.unwrap());
        let verbs = Verbs::new(config.clone(), Spool::in_memory(), CallEvents::default());
        let mgetty = Who { uid: 0, name: "root".to_owned(), trusted: true };
        let user = Who { uid: 1000, name: "jan".to_owned(), trusted: false };
        for _ in 0..2 {
            guess(&verbs, &mgetty, "/dev/ttyS0").await.unwrap();
            // He says each time that it comes from somewhere else.
            guess(&verbs, &user, &format!("{:?}", clock::now())).await.unwrap();
        }
        let verbs = verbs.reconfigured(config);
        assert!(matches!(guess(&verbs, &mgetty, "/dev/ttyS0").await, Err(VerbError::WrongLogins(_))));
        assert!(matches!(guess(&verbs, &user, "/dev/ttyS1").await, Err(VerbError::WrongLogins(_))));
        guess(&verbs, &mgetty, "/dev/ttyS1").await.expect("another line is heard");
    }
}
