//! Commands and answers, written so that the peer can read them.

use super::{Answer, Features, LONGEST, Request, Rest};
use crate::job::quote;

impl Request {
    /// Writes a command so that a peer with these features can read it; `None`: it cannot be told to this peer
    /// (a name with a blank, and no quoting agreed).
    pub fn print(&self, features: Features) -> Option<Vec<u8>> {
        let text = match self {
            Request::Send(transfer) => {
                let notify = transfer.notify.as_deref();
                let mut line =
                    Printer::new('S', features, &[&transfer.from, &transfer.to, &transfer.user], notify);
                line.options(&transfer.options)?;
                line.plain(&transfer.temp)?;
                line.plain(&format!("0{:o}", transfer.mode))?;
                match transfer.size.filter(|_| features.has(Features::SIZE)) {
                    Some(size) => {
                        line.notify(notify)?;
                        if features.has(Features::DUMMY) {
                            line.plain("dummy")?;
                        }
                        line.size(size)?;
                    }
                    None if notify.is_some() => line.notify(notify)?,
                    None => {}
                }
                line.text
            }
            Request::Execute { transfer, command } => {
                let notify = transfer.notify.as_deref();
                let mut line =
                    Printer::new('E', features, &[&transfer.from, &transfer.to, &transfer.user], notify);
                line.options(&transfer.options)?;
                line.plain(&transfer.temp)?;
                line.plain(&format!("0{:o}", transfer.mode))?;
                line.notify(notify)?;
                line.size(transfer.size?)?;
                if command.is_empty() || command.bytes().any(|b| b.is_ascii_control()) {
                    return None;
                }
                format!("{} {command}", line.text)
            }
            Request::Receive { from, to, user, options, limit, rest } => {
                let mut line = Printer::new('R', features, &[from, to, user], None);
                line.options(options)?;
                if let Some(limit) = limit.filter(|_| features.has(Features::SIZE)) {
                    line.size(limit)?;
                    if let Some(Rest { digest, start }) = rest.filter(|_| features.has(Features::UUGATE)) {
                        line.plain(&digest.to_string())?;
                        line.size(start)?;
                    }
                }
                line.text
            }
            Request::Expand { from, to, user, options } => {
                let mut line = Printer::new('X', features, &[from, to, user], None);
                line.options(options)?;
                line.text
            }
            Request::HangUp => "H".to_owned(),
        };
        (text.len() <= LONGEST).then(|| text.into_bytes())
    }
}

impl Answer {
    pub fn print(&self) -> Vec<u8> {
        let text = match self {
            Answer::Take { letter, start: None } => format!("{}Y", letter.char()),
            Answer::Take { letter, start: Some(start) } => format!("{}Y 0x{start:x}", letter.char()),
            Answer::Give { mode, size, wants_master, rest } => {
                let rest = rest.map(|Rest { digest, start }| format!(" {digest} 0x{start:x}"));
                let size = size.map(|size| format!(" 0x{size:x}{}", rest.unwrap_or_default()));
                let master = if *wants_master { "M" } else { "" };
                format!("RY 0{mode:o}{master}{}", size.unwrap_or_default())
            }
            Answer::Refuse { letter, why } => format!("{}N{}", letter.char(), why.number()),
            Answer::Kept { wants_master: false } => "CY".to_owned(),
            Answer::Kept { wants_master: true } => "CYM".to_owned(),
            Answer::NotKept => "CN5".to_owned(),
            Answer::Damaged => "CN4".to_owned(),
            Answer::Expanded(yes) => if *yes { "XY" } else { "XN" }.to_owned(),
            Answer::HangUp(yes) => if *yes { "HY" } else { "HN" }.to_owned(),
        };
        text.into_bytes()
    }
}

/// Writes the fields of a command, quoting names if the peer can and one of them needs it.
struct Printer {
    text: String,
    quoting: bool,
    decimal: bool,
    good: bool,
}

impl Printer {
    fn new(letter: char, features: Features, names: &[&String], notify: Option<&str>) -> Printer {
        let needed = names.iter().any(|name| quote(name) != **name)
            || notify.is_some_and(|notify| quote(notify) != notify)
            // Whoever reads a `q` must not take our backslash for one of his.
            || names.iter().any(|name| name.contains('\\'));
        let quoting = needed && features.has(Features::QUOTING);
        let mut line = Printer {
            text: letter.to_string(),
            quoting,
            decimal: features.has(Features::DECIMAL),
            good: quoting || !needed || names.iter().all(|name| !quote_is_vital(name)),
        };
        for name in names {
            line.good &= !name.is_empty();
            let name = if quoting { quote(name) } else { name.to_string() };
            line.text.push(' ');
            line.text.push_str(&name);
        }
        line.good &= notify.is_none_or(|notify| quoting || !quote_is_vital(notify));
        line
    }

    fn options(&mut self, options: &str) -> Option<()> {
        self.good &= options.bytes().all(|b| b.is_ascii_alphabetic());
        self.text.push_str(" -");
        self.text.push_str(options);
        if self.quoting {
            self.text.push('q');
        }
        self.good.then_some(())
    }

    fn plain(&mut self, word: &str) -> Option<()> {
        self.text.push(' ');
        self.text.push_str(word);
        (!word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic())).then_some(())
    }

    fn notify(&mut self, notify: Option<&str>) -> Option<()> {
        let text = match notify {
            None | Some("") => "\"\"".to_owned(),
            Some(notify) if self.quoting => quote(notify),
            Some(notify) => notify.to_owned(),
        };
        self.text.push(' ');
        self.text.push_str(&text);
        Some(())
    }

    fn size(&mut self, size: u64) -> Option<()> {
        let text = if self.decimal { size.to_string() } else { format!("0x{size:x}") };
        self.plain(&text)
    }
}

/// Without quoting, a backslash may stand; a blank or control character may not.
fn quote_is_vital(name: &str) -> bool {
    name.chars().any(|c| c == ' ' || c.is_ascii_control())
}
