//! One entry of an alias, a forward file or a list: where a copy goes.

use super::command::Command;
use crate::post::address::Address;
use std::path::PathBuf;

/// What one entry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// An address, routed as any other.
    Address(Address),
    /// `\user`: that user's mailbox; no alias and no forward file of his is looked at.
    Mailbox(Address),
    /// `:include:/path`: the entries of another file.
    Include(PathBuf),
    /// `|program words`.
    Pipe(Command),
    /// `/path` or `~/path`: appended to that file.
    File(PathBuf),
    /// `user@host.REDIRECT`: nobody is here any more, and the sender is told the new address.
    Moved(Address),
    /// It is none of these; why, in a sentence.
    Wrong(String),
}

impl Member {
    /// Reads one entry, without the comma after it. An entry with a blank or a comma in it stands in double quotes.
    pub fn parse(entry: &str) -> Member {
        let entry = entry.trim();
        let inside = unquoted(entry);
        let text = inside.as_deref().unwrap_or(entry);
        if let Some(user) = text.strip_prefix('\\') {
            return address(user).map_or_else(Member::Wrong, Member::Mailbox);
        }
        if let Some(command) = text.strip_prefix('|') {
            // Both `"|program x"` and `|"program x"` are written.
            let inside = unquoted(command.trim());
            let command = inside.as_deref().unwrap_or(command);
            return match Command::parse(command) {
                Ok(command) => Member::Pipe(command),
                Err(error) => Member::Wrong(format!("the command {:?}: {error}", excerpt(command))),
            };
        }
        if text.starts_with('/') || text.starts_with("~/") {
            return Member::File(PathBuf::from(text));
        }
        const INCLUDE: &str = ":include:";
        if let Some((start, path)) = text.split_at_checked(INCLUDE.len())
            && start.eq_ignore_ascii_case(INCLUDE)
        {
            let path = path.trim();
            let path = unquoted(path).unwrap_or_else(|| path.to_owned());
            // What it is relative to would be anybody's guess.
            return match path.starts_with('/') {
                true => Member::Include(PathBuf::from(path)),
                false => Member::Wrong(format!(":include:{}: the path must begin with /", excerpt(&path))),
            };
        }
        match address(entry) {
            Ok(address) => moved(&address).map_or(Member::Address(address), Member::Moved),
            Err(why) => Member::Wrong(why),
        }
    }
}

/// The last part of a domain that says: moved to what stands before it.
const REDIRECT: &str = ".REDIRECT";

fn moved(address: &Address) -> Option<Address> {
    let text = address.as_str();
    let (to, end) = text.split_at_checked(text.len().checked_sub(REDIRECT.len())?)?;
    if end.eq_ignore_ascii_case(REDIRECT) { Address::parse(to).ok() } else { None }
}

/// `address`, or `Full Name <address>`.
fn address(text: &str) -> Result<Address, String> {
    let bare = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((_, address)) => address,
        None => text,
    };
    Address::parse(bare.trim()).map_err(|error| format!("{:?} is no address: {error}", excerpt(text)))
}

/// The inside of a text that is one quoted string: `\"` and `\\` stand for the second character.
pub(super) fn unquoted(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut plain = String::with_capacity(inside.len());
    let mut chars = inside.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            // The last backslash would have quoted the closing quote.
            '\\' if chars.peek().is_none() => return None,
            '\\' => plain.push(chars.next_if(|c| matches!(c, '"' | '\\')).unwrap_or('\\')),
            _ => plain.push(c),
        }
    }
    Some(plain)
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_address(entry: &str, expected: &str) {
        assert_eq!(Member::parse(entry), Member::Address(Address::parse(expected).unwrap()), "{entry}");
    }

    #[test]
    fn addresses_stand_bare_or_in_angle_brackets() {
        is_address("joe", "joe");
        is_address(" leaf!joe ", "leaf!joe");
        is_address("Joe Farmer <joe@farm.example>", "joe@farm.example");
        is_address("\"Farmer, Joe\" <joe>", "joe");
        is_address("\"joe farmer\"@farm.example", "\"joe farmer\"@farm.example");
        is_address("\"joe farmer\"", "\"joe farmer\"");
        assert!(matches!(Member::parse("joe ann"), Member::Wrong(_)));
        assert!(matches!(Member::parse("-oQ/tmp"), Member::Wrong(_)));
        assert!(matches!(Member::parse("j\u{f6}rg"), Member::Wrong(_)));
    }

    #[test]
    fn a_backslash_asks_for_the_mailbox() {
        let joe = Member::Mailbox(Address::parse("joe").unwrap());
        for entry in ["\\joe", "\"\\joe\"", "\"\\\\joe\""] {
            assert_eq!(Member::parse(entry), joe, "{entry}");
        }
        assert!(matches!(Member::parse("\\|sh"), Member::Wrong(_)));
    }

    #[test]
    fn programs_files_and_includes() {
        let vacation = Member::Pipe(Command {
            program: "/usr/bin/vacation".to_owned(),
            arguments: vec!["-a".to_owned(), "x y".to_owned(), "joe".to_owned()],
        });
        for entry in [
            "\"|/usr/bin/vacation -a 'x y' joe\"",
            "|\"/usr/bin/vacation -a 'x y' joe\"",
            "|/usr/bin/vacation -a \"x y\" joe",
            "\"| /usr/bin/vacation -a \\\"x y\\\" joe\"",
        ] {
            assert_eq!(Member::parse(entry), vacation, "{entry}");
        }
        assert!(matches!(Member::parse("||sh"), Member::Wrong(_)));
        assert_eq!(Member::parse("\"/var/mail/all mail\""), Member::File("/var/mail/all mail".into()));
        assert_eq!(Member::parse("~/mail/in"), Member::File("~/mail/in".into()));
        for entry in
            [":include:/etc/lists/all", "\":Include:/etc/lists/all\"", ":include: \"/etc/lists/all\""]
        {
            assert_eq!(Member::parse(entry), Member::Include("/etc/lists/all".into()), "{entry}");
        }
        assert!(matches!(Member::parse(":include:lists/all"), Member::Wrong(_)));
    }

    #[test]
    fn who_has_moved_leaves_an_address() {
        let moved = Member::Moved(Address::parse("joe@new.example").unwrap());
        assert_eq!(Member::parse("joe@new.example.REDIRECT"), moved);
        assert_eq!(Member::parse("Joe <joe@new.example.redirect>"), moved);
    }
}
