//! Who may come in: whether a caller is who it says, and whether there is a call with it already.

use super::settings::{Node, System};
use super::under_way::UnderWay;
use super::{Connected, counting, lock};
use crate::clock;
use crate::fault::CallFailure;
use crate::job::{Grade, SystemName};
use crate::schedule::Redial;
use crate::spool::{PastCall, Spool, SpoolError, Wish};
use crate::wire::session::handshake::same_system;
use crate::wire::session::{Admission, Denial, Failure, Gate, Introduction};

/// On the called side: who it is, and whether there is a call with it already. The call begins here.
pub(super) struct Door<'a> {
    node: &'a Node,
    login: Option<&'a str>,
    connected: &'a Connected,
    spool: &'a Spool,
    /// The number that the caller said, if calls with it are numbered.
    pub(super) number: Option<u32>,
    /// How much it asked us to log.
    pub(super) debug: Option<u32>,
    begun: &'a mut Option<(SystemName, UnderWay)>,
    /// The caller is hung up on, and called back.
    pub(super) call_back: Option<Wish>,
}

impl<'a> Door<'a> {
    pub(super) fn new(
        node: &'a Node,
        login: Option<&'a str>,
        connected: &'a Connected,
        spool: &'a Spool,
        begun: &'a mut Option<(SystemName, UnderWay)>,
    ) -> Door<'a> {
        Door { node, login, connected, spool, number: None, debug: None, begun, call_back: None }
    }

    /// Has the system called when its call is gone, at once; unless it wants to call back itself, for then neither would ever
    /// come through, and they are not to try it over and over; or a person has answered there, who would be rung for each call that
    /// somebody makes in its name.
    async fn will_call_back(&mut self, system: &SystemName) -> Result<(), SpoolError> {
        let calls = self.spool.calls(Some(system.clone()), MOST_CALLS).await?;
        let ours = calls.into_iter().find(|past| past.call.outgoing && past.ended.is_some());
        let (now, mut put_off) = (clock::wall(), false);
        if let Some(PastCall { call, record, .. }) = ours {
            let rung = record.kind == Some(CallFailure::Voice);
            let left_alone = Redial::default().person.next(1, call.began) > now;
            put_off = record.calls_back || rung && left_alone;
        }
        self.call_back = Some(Wish {
            system: system.clone(),
            grade: Grade::WORST,
            why: "it has called, and is called back".to_owned(),
            since: now,
            at_once: !put_off,
        });
        Ok(())
    }
}

/// Among so many of the last calls ours is looked for.
const MOST_CALLS: usize = 256;

impl Gate for Door<'_> {
    async fn check(&mut self, caller: Introduction) -> Result<Admission, Denial> {
        let (system, neighbour) = admit(self.node, self.login, &self.connected.certified, &caller.name)?;
        self.debug = caller.debug;
        let not_now = |error: SpoolError| Denial::NotNow(error.to_string());
        let lease =
            lock(self.spool, self.node, system, &self.connected.line, false).await.map_err(|error| {
                match error {
                    SpoolError::Conflict(_) => Denial::Locked,
                    error => not_now(error),
                }
            })?;
        *self.begun = Some((system.clone(), UnderWay::new(self.spool, lease)));
        if neighbour.callback {
            self.will_call_back(system).await.map_err(not_now)?;
            return Err(Denial::CallBack);
        }
        if neighbour.sequence {
            counting::permits(self.spool, system, caller.sequence).await?;
            self.number = caller.sequence;
        }
        Ok(Admission {
            system: system.clone(),
            protocols: self.connected.letters(neighbour),
            profile: neighbour.profile,
            largest: neighbour.permissions.largest,
            worst: neighbour.called_grades.at(&self.node.now()),
        })
    }

    async fn number(&mut self) -> Result<u32, Failure> {
        Err("a number is asked for by callers alone".to_owned())
    }
}

/// Whether a certificate alone lets its bearer in.
pub(super) fn is_known_by_certificate(node: &Node, certified: &[String]) -> bool {
    let mut named = node.systems.values().filter(|system| shows(system, certified)).peekable();
    named.peek().is_some() && named.all(|system| system.login.is_none())
}

/// Whether these are the names of a certificate of this very system.
fn shows(system: &System, certified: &[String]) -> bool {
    system.certificate.as_ref().is_some_and(|name| certified.contains(name))
}

/// Who a caller is, by the name that it gives, the login that it came by, and the certificate that it showed. A name that
/// was cut may be that of several systems; it is the one that came by the right login.
pub(super) fn admit<'a>(
    node: &'a Node,
    login: Option<&str>,
    certified: &[String],
    caller: &str,
) -> Result<(&'a SystemName, &'a System), Denial> {
    let named = |same: fn(&str, &str) -> bool| {
        let fits = move |(name, system): &(&SystemName, &System)| {
            std::iter::once(*name).chain(&system.aliases).any(|name| same(name.as_str(), caller))
        };
        node.systems.iter().filter(fits).collect::<Vec<_>>()
    };
    let mut known = named(|name, caller| name == caller);
    if known.is_empty() {
        known = named(same_system);
    }
    let mut right = known.iter().filter(|(_, system)| shows_itself(node, system, login, certified));
    match (known.is_empty(), right.next(), right.next()) {
        (true, ..) | (_, Some(_), Some(_)) => Err(Denial::Unknown),
        (false, None, _) => Err(Denial::WrongLogin),
        (false, Some(one), None) => Ok(*one),
    }
}

/// Whether a login and a certificate are those of this system.
fn shows_itself(node: &Node, system: &System, login: Option<&str>, certified: &[String]) -> bool {
    let right = match (&system.login, login) {
        (Some(account), Some(login)) => account.name == login,
        (Some(_), None) => false,
        // A login that is the account of another system is not this one's.
        (None, Some(login)) => {
            !node.systems.values().any(|s| s.login.as_ref().is_some_and(|a| a.name == login))
        }
        (None, None) => true,
    };
    // A certificate is for its own system alone, and a system with one is never without.
    let of_another = || node.systems.values().any(|other| shows(other, certified));
    right && if system.certificate.is_some() { shows(system, certified) } else { !of_another() }
}
