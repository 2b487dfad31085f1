//! What is said over the packets: commands, answers and files, each conversation by itself.

use super::Who;
use crate::observe::printable;
use crate::wire::link::Expect;
use crate::wire::session::Features;
use crate::wire::session::command::{Answer, LONGEST, Request};
use std::collections::BTreeMap;

/// How much of a text is shown, in bytes.
const SHOWN: usize = 400;
/// Conversations kept at once; no protocol has as many.
const MOST: usize = 64;

/// A conversation: who began it, and its number there.
pub type Conversation = (bool, u8);

/// The conversation of protocols that have but one.
pub const ONLY: Conversation = (true, 0);

/// Something that was said whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Message { text: String, meaning: String },
    FileEnd { bytes: u64 },
}

/// What a side says in a conversation at this moment.
#[derive(Debug)]
enum Saying {
    Text(Vec<u8>),
    File(u64),
}

/// Both sides' conversations.
#[derive(Debug, Default)]
pub struct Talk {
    saying: BTreeMap<(Conversation, bool), Saying>,
}

impl Talk {
    /// What a side is to send next, where there is but one conversation at a time.
    pub fn due(&self, from: Who) -> Expect {
        match self.saying.get(&(ONLY, from == Who::Us)) {
            Some(Saying::File(_)) => Expect::File,
            _ => Expect::Command,
        }
    }

    /// The data of a packet, in its turn.
    pub fn hear(&mut self, from: Who, conversation: Conversation, data: &[u8]) -> Option<Said> {
        let us = from == Who::Us;
        if self.saying.len() > MOST {
            self.saying.clear();
        }
        let saying = self.saying.entry((conversation, us)).or_insert_with(|| Saying::Text(Vec::new()));
        let text = match saying {
            Saying::File(bytes) if data.is_empty() => {
                let bytes = *bytes;
                *saying = Saying::Text(Vec::new());
                return Some(Said::FileEnd { bytes });
            }
            Saying::File(bytes) => {
                *bytes += data.len() as u64;
                return None;
            }
            Saying::Text(text) => text,
        };
        // What stands behind the NUL fills up the packet.
        let end = data.iter().position(|byte| *byte == 0);
        text.extend_from_slice(data.get(..end.unwrap_or(data.len())).unwrap_or_default());
        if end.is_none() && text.len() <= LONGEST {
            return None;
        }
        let text = std::mem::take(text);
        let file_follows = matches!(text.get(..2), Some(b"S " | b"E " | b"RY"));
        let refused = matches!(text.get(..2), Some(b"SN" | b"EN"));
        if file_follows {
            *saying = Saying::File(0);
        }
        if refused && let Some(other) = self.saying.get_mut(&(conversation, !us)) {
            // What was sent ahead has an end of its own.
            if matches!(other, Saying::File(0)) {
                *other = Saying::Text(Vec::new());
            }
        }
        Some(Said::Message { text: printable(&text, SHOWN), meaning: meaning(&text) })
    }
}

/// What a command or an answer is for, in a few words.
fn meaning(text: &[u8]) -> String {
    if let Ok(answer) = Answer::parse(text) {
        return of_answer(&answer);
    }
    // All features: what a field means does not change with those that a peer lacks.
    match Request::parse(text, Features::OURS) {
        Ok(Request::Send(transfer)) => format!("offers a file{}", size(transfer.size)),
        Ok(Request::Execute { transfer, command }) => {
            let command = printable(command.as_bytes(), SHOWN);
            format!("offers the input of `{command}`{}", size(transfer.size))
        }
        Ok(Request::Receive { limit, .. }) => match limit {
            Some(limit) => format!("asks for a file of at most {limit} bytes"),
            None => "asks for a file".to_owned(),
        },
        Ok(Request::Expand { .. }) => "asks for files by pattern".to_owned(),
        Ok(Request::HangUp) => "has nothing more to do".to_owned(),
        Err(_) => "no command of UUCP".to_owned(),
    }
}

fn size(size: Option<u64>) -> String {
    size.map(|size| format!(" of {size} bytes")).unwrap_or_default()
}

fn of_answer(answer: &Answer) -> String {
    match answer {
        Answer::Take { start: Some(start), .. } if *start > 0 => format!("takes it from byte {start} on"),
        Answer::Take { .. } => "takes it".to_owned(),
        Answer::Give { .. } => "sends it".to_owned(),
        Answer::Refuse { why, .. } => format!("refuses: {why}"),
        Answer::Kept { wants_master: true } => "has it, and has work itself".to_owned(),
        Answer::Kept { wants_master: false } => "has it".to_owned(),
        Answer::NotKept => "could not put it in its place".to_owned(),
        Answer::Expanded(yes) => if *yes { "will send them" } else { "does not send them" }.to_owned(),
        Answer::HangUp(true) => "has nothing more either".to_owned(),
        Answer::HangUp(false) => "has work itself".to_owned(),
    }
}
