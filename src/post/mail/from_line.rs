//! From_ lines: the envelope sender as UUCP mail carries it.
//!
//! ```text
//! From user Sun Nov 22 10:00:00 2026 remote from leaf
//! >From joe Sat Nov 21 09:00:00 2026 remote from deeper
//! ```
//!
//! RFC 976 section 2.4: each host puts one line first; the path back is the `remote from` names in order, then
//! the user of the last line: here `leaf!deeper!joe`. Everything in these lines is a stranger's claim. The first hop is
//! therefore always the peer that logged in; what it claims to be stands behind it. A sender with a domain is
//! meant for the whole network and stays as it is.

use super::Sender;
use crate::post::address::Address;
use jiff::Timestamp;

/// The most lines that are taken for From_ lines; every hop adds one, and mail dies after 25 hops.
const LINES_MAX: usize = 64;
/// The longest such line, in bytes.
const LINE_MAX: usize = 1024;

/// What the From_ lines at the start of a message say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromLines {
    /// `None` without From_ line: then who asked for the command is the sender.
    pub sender: Option<Sender>,
    /// The name that the peer gave as its own, if it is not its own.
    pub claimed: Option<String>,
    /// The sender that was written there but is no address; `sender` is then null, so that nothing is sent to it.
    pub unusable: Option<String>,
    /// Bytes of the message that the lines take; the message itself begins after them.
    pub length: usize,
}

/// Reads the From_ lines at the start of a message. `peer` is the authenticated name of the system that it came from;
/// `None` if a trusted program here hands it in.
pub fn read_from_lines(message: &[u8], peer: Option<&str>) -> FromLines {
    let mut read = FromLines { sender: None, claimed: None, unusable: None, length: 0 };
    let mut path: Vec<&str> = peer.into_iter().collect();
    let mut last_user = None;
    for number in 0..LINES_MAX {
        let rest = message.get(read.length..).unwrap_or_default();
        let Some((line, length)) = one_line(rest) else { break };
        let Some(fields) = parse_line(line, number == 0) else { break };
        read.length += length;
        if let Some(system) = fields.system {
            let is_peer = number == 0 && peer.is_some_and(|peer| same_system(peer, system));
            if number == 0 && peer.is_some() && !is_peer {
                read.claimed = Some(system.to_owned());
            }
            if !is_peer {
                path.push(system);
            }
        }
        last_user = Some(fields.user);
    }
    if let Some(user) = last_user {
        let sender = sender_of(&path, user);
        if sender.is_none() {
            read.unusable = Some(user.chars().filter(|c| !c.is_control()).take(80).collect());
        }
        read.sender = Some(sender.unwrap_or(Sender::Null));
    }
    read
}

/// The From_ line that we put before a message to a neighbour; `system` is our name there. Ends with LF.
pub fn from_line(sender: &Sender, date: Timestamp, system: Option<&str>) -> String {
    let user = sender.from_user();
    let date = date.strftime("%a %b %e %H:%M:%S %Y");
    match system {
        Some(system) => format!("From {user} {date} remote from {system}\n"),
        None => format!("From {user} {date}\n"),
    }
}

/// `None` if what is written there cannot be an address.
fn sender_of(path: &[&str], user: &str) -> Option<Sender> {
    let sender = Sender::parse(user).ok()?;
    path.iter().rev().try_fold(sender, |sender, system| sender.by_way_of(system).ok())
}

struct Claims<'a> {
    user: &'a str,
    system: Option<&'a str>,
}

/// A line without its end, and its length with it.
fn one_line(bytes: &[u8]) -> Option<(&str, usize)> {
    let end = bytes.iter().take(LINE_MAX).position(|&b| b == b'\n')?;
    let line = std::str::from_utf8(bytes.get(..end)?).unwrap_or("From \u{fffd}");
    Some((line.strip_suffix('\r').unwrap_or(line), end + 1))
}

fn parse_line(line: &str, first: bool) -> Option<Claims<'_>> {
    let rest = line.strip_prefix(">From ").or_else(|| line.strip_prefix("From ").filter(|_| first))?;
    // A quoted user may hold blanks.
    let mut quoted = false;
    let end = rest.find(|c: char| {
        quoted ^= c == '"';
        c == ' ' && !quoted
    });
    let (user, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
    let system = [" remote from ", " forwarded by "].iter().find_map(|mark| after.rsplit_once(mark));
    let system = system.and_then(|(_, name)| name.split_ascii_whitespace().next());
    Some(Claims { user, system: system.filter(|name| is_system_name(name)) })
}

fn is_system_name(name: &str) -> bool {
    // The address room knows what a hop may be.
    Address::parse(&format!("{name}!x")).is_ok() && !name.contains('!')
}

/// Old systems cut their own names to 7 or 14 characters.
fn same_system(known: &str, said: &str) -> bool {
    let is_cut = |length: usize| said.len() == length && known.len() > length;
    let known_start = known.get(..said.len()).unwrap_or(known);
    known.eq_ignore_ascii_case(said) || ((is_cut(7) || is_cut(14)) && known_start.eq_ignore_ascii_case(said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn from(message: &str) -> FromLines {
        read_from_lines(message.as_bytes(), Some("leaf"))
    }

    fn sender(message: &str) -> String {
        from(message).sender.unwrap().smtp().to_owned()
    }

    #[test]
    fn the_path_back_begins_with_the_peer() {
        let line = "From joe Sun Nov 22 10:00:00 2026 remote from leaf\n";
        assert_eq!(sender(line), "leaf!joe");
        assert_eq!(from(line).length, line.len());
        assert_eq!(from(line).claimed, None);
        assert_eq!(sender("From joe Sun Nov 22 10:00:00 2026\nSubject: x\n"), "leaf!joe");
        assert_eq!(sender("From leaf!joe Sun Nov 22 10:00:00 2026 remote from leaf\n"), "leaf!joe");
        assert_eq!(sender("From joe\n"), "leaf!joe");
    }

    #[test]
    fn a_chain_gives_every_hop() {
        let chain = "From uucp Sun Nov 22 10:00:00 2026 remote from leaf\n\
                     >From uucp Sat Nov 21 09:00:00 2026 remote from deeper\r\n\
                     >From joe Sat Nov 21 08:00:00 2026 remote from deepest\n\
                     Subject: x\n";
        assert_eq!(sender(chain), "leaf!deeper!deepest!joe");
        assert!(chain[from(chain).length..].starts_with("Subject"));
    }

    #[test]
    fn a_claimed_name_stands_behind_the_true_one() {
        let read = from("From root Mon Nov 23 10:00:00 2026 remote from bank\n");
        assert_eq!(read.sender.unwrap().smtp(), "leaf!bank!root");
        assert_eq!(read.claimed.as_deref(), Some("bank"));
    }

    #[test]
    fn a_name_cut_by_an_old_system_is_its_own() {
        let read = read_from_lines(b"From joe date remote from barbero\n", Some("barberouge"));
        assert_eq!((read.claimed, read.sender.unwrap().smtp()), (None, "barberouge!joe"));
    }

    #[test]
    fn a_sender_with_a_domain_stays() {
        assert_eq!(
            sender("From joe@farm.example Sun Nov 22 10:00:00 2026 remote from leaf\n"),
            "joe@farm.example"
        );
        assert_eq!(
            sender("From leaf!joe@farm.example Sun Nov 22 2026 remote from leaf\n"),
            "joe@farm.example"
        );
    }

    #[test]
    fn the_null_sender_has_many_names() {
        for user in ["MAILER-DAEMON", "<>", "mailer-daemon", "far!MAILER-DAEMON", "MAILER-DAEMON@leaf"] {
            let read = from(&format!("From {user} Sun Nov 22 10:00:00 2026 remote from leaf\n"));
            assert_eq!((read.sender, read.unusable), (Some(Sender::Null), None), "{user}");
        }
    }

    #[test]
    fn without_a_from_line_nothing_is_said() {
        for message in ["From: joe@host\n", "Subject: x\n", "", "From joe without end"] {
            let read = from(message);
            assert_eq!((read.sender, read.length), (None, 0), "{message:?}");
        }
        // Only the start of a message is read so, and `From ` a second time is text.
        assert_eq!(from("From joe date\nFrom bill date\n").length, 14);
    }

    #[test]
    fn hostile_senders_come_to_nothing() {
        for user in ["|sh", "a;b", "-oQ/tmp", "a\0b", "<joe>x", "\u{1b}[2J", "a!!b", "\"unclosed"] {
            let read = from(&format!("From {user} Sun Nov 22 10:00:00 2026 remote from leaf\n"));
            assert_eq!(read.sender, Some(Sender::Null), "{user:?}");
            assert!(read.unusable.unwrap().chars().all(|c| !c.is_control()));
        }
        let read = from("From joe date remote from ../../etc\nSubject: x\n");
        assert_eq!((read.sender.unwrap().smtp(), read.claimed), ("leaf!joe", None));
        assert_eq!(from("From \u{fffd} date\n").sender, Some(Sender::Null));
        let endless = ">From joe date remote from host\n".repeat(1000);
        assert!(from(&endless).length <= LINES_MAX * LINE_MAX);
    }

    #[test]
    fn our_own_line_says_where_it_comes_from() {
        let date: Timestamp = "2026-11-02T10:00:00Z".parse().unwrap();
        let joe = Sender::parse("joe").unwrap();
        assert_eq!(
            from_line(&joe, date, Some("polux")),
            "From joe Mon Nov  2 10:00:00 2026 remote from polux\n"
        );
        assert_eq!(from_line(&Sender::Null, date, None), "From MAILER-DAEMON Mon Nov  2 10:00:00 2026\n");
    }

    proptest! {
        #[test]
        fn what_we_write_the_next_system_reads(user in "[a-z]{1,8}", hops in proptest::collection::vec("[b-z]{1,8}", 0..5)) {
            let mut path = hops.clone();
            path.push(user);
            let sender = Sender::parse(&path.join("!")).unwrap();
            let date: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
            let read = read_from_lines(from_line(&sender, date, Some("a")).as_bytes(), Some("a"));
            prop_assert_eq!(read.claimed, None);
            prop_assert_eq!(read.sender.as_ref().unwrap().smtp(), format!("a!{}", sender.smtp()));
        }

        #[test]
        fn no_sender_makes_a_second_line(text in "[a-z!@%<>\"\\\\ \r\n\t\0:.|/-]{0,20}") {
            let Ok(sender) = Sender::parse(&text) else { return Ok(()) };
            let line = from_line(&sender, Timestamp::UNIX_EPOCH, Some("polux"));
            prop_assert_eq!(line.chars().filter(|c| c.is_control()).count(), 1);
            let read = read_from_lines(line.as_bytes(), Some("polux"));
            prop_assert_eq!((read.length, read.claimed, read.unusable), (line.len(), None, None));
        }

        #[test]
        fn any_bytes_give_an_answer_within_the_message(tail in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut message = b"From ".to_vec();
            message.extend_from_slice(&tail);
            let read = read_from_lines(&message, Some("leaf"));
            prop_assert!(read.length <= message.len());
        }
    }
}
