//! Whom a notice about an execution may go to. Pure functions.

use crate::job::{Execute, Notify, SystemName};
use crate::post::mail::Sender;

/// The one who asked, as an address relative to this node; `None` if nobody may be written to.
///
/// The names in a job are a peer's claims. Only a plain name is written to, and only at the peer that said it, so
/// that no peer makes us write to a third party; the null sender never.
pub(super) fn asker(execute: &Execute, peer: &SystemName, own: &SystemName) -> Option<String> {
    if execute.notify == Notify::Never {
        return None;
    }
    if execute.requestor.as_deref().is_some_and(is_null) {
        return None;
    }
    let requestor = execute.requestor.as_deref().filter(|name| is_plain(name));
    user_at(requestor.unwrap_or(&execute.user), peer, own)
}

/// A user of the peer, as an address relative to this node.
pub(super) fn user_at(user: &str, peer: &SystemName, own: &SystemName) -> Option<String> {
    if !is_plain(user) || is_null(user) {
        return None;
    }
    Some(if peer == own { user.to_owned() } else { format!("{peer}!{user}") })
}

/// A user name that leads to no other system.
pub(super) fn is_plain(user: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+');
    user.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && user.len() <= 64
        && user.bytes().all(plain)
}

fn is_null(user: &str) -> bool {
    Sender::parse(user) == Ok(Sender::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Command;

    fn told(user: &str, requestor: Option<&str>, notify: Notify) -> Option<String> {
        let command = Command::parse("date").unwrap();
        let requestor = requestor.map(str::to_owned);
        let execute = Execute { command, user: user.to_owned(), requestor, notify };
        asker(&execute, &"leaf".parse().unwrap(), &"polux".parse().unwrap())
    }

    #[test]
    fn only_the_asker_at_the_peer_itself_is_told() {
        let told = |user, requestor| told(user, requestor, Notify::OnError);
        assert_eq!(told("jan", None).as_deref(), Some("leaf!jan"));
        assert_eq!(told("uucp", Some("jan")).as_deref(), Some("leaf!jan"));
        for third in ["victim@bank.example", "bank!victim", "a%b", "-oQ", "|sh", "a b"] {
            assert_eq!(told("jan", Some(third)).as_deref(), Some("leaf!jan"), "{third}");
            assert_eq!(told(third, None), None, "{third}");
        }
    }

    #[test]
    fn the_null_sender_and_the_silent_are_not() {
        assert_eq!(told("jan", Some("MAILER-DAEMON"), Notify::OnError), None);
        assert_eq!(told("MAILER-DAEMON", None, Notify::Always), None);
        assert_eq!(told("jan", None, Notify::Never), None);
    }
}
