//! What is said over the packets: commands, answers and files, each conversation by itself.

use super::Who;
use crate::observe::printable;
use crate::wire::link::Expect;
use crate::wire::session::Features;
use crate::wire::session::ahead::{self, PART};
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
    File {
        bytes: u64,
        /// It comes whatever is answered.
        ahead: bool,
    },
    /// The first part of a file; whether the rest follows, once that is known.
    Part {
        bytes: u64,
        taken: Option<bool>,
    },
    /// Nothing, until that is known.
    Held {
        bytes: u64,
    },
}

impl Default for Saying {
    fn default() -> Saying {
        Saying::Text(Vec::new())
    }
}

/// A side in a conversation.
#[derive(Debug, Default)]
struct Speaker {
    saying: Saying,
    /// Files that it sends ahead of an answer that has not come.
    unjudged: u32,
}

impl Speaker {
    /// A command whose file follows at once.
    fn sends_ahead(&mut self, command: &[u8]) {
        let large = match Request::parse(command, Features::OURS) {
            Ok(Request::Send(transfer) | Request::Execute { transfer, .. }) => transfer.size > Some(PART),
            _ => false,
        };
        self.unjudged = self.unjudged.saturating_add(1);
        self.saying = match large {
            true => Saying::Part { bytes: 0, taken: None },
            false => Saying::File { bytes: 0, ahead: true },
        };
    }

    /// An empty packet: how large the file was that it ends.
    fn ends_file(&mut self) -> Option<u64> {
        let (next, ended) = match std::mem::take(&mut self.saying) {
            Saying::File { bytes, .. } | Saying::Part { bytes, taken: Some(false) } => {
                (Saying::default(), Some(bytes))
            }
            Saying::Part { bytes, taken: Some(true) } => (Saying::File { bytes, ahead: true }, None),
            Saying::Part { bytes, taken: None } => (Saying::Held { bytes }, None),
            other @ (Saying::Text(_) | Saying::Held { .. }) => (other, None),
        };
        self.saying = next;
        ended
    }

    /// The other side takes what it offers, or does not.
    fn judged(&mut self, taken: bool) {
        self.unjudged = self.unjudged.saturating_sub(1);
        let last = self.unjudged == 0;
        match &mut self.saying {
            // With channels: what was sent ahead has an end of its own.
            Saying::File { bytes: 0, ahead: false } if !taken => self.saying = Saying::default(),
            Saying::Part { taken: verdict, .. } if last => *verdict = Some(taken),
            Saying::Held { bytes } if last && taken => {
                self.saying = Saying::File { bytes: *bytes, ahead: true }
            }
            Saying::Held { .. } if last => self.saying = Saying::default(),
            _ => {}
        }
    }
}

/// Both sides' conversations.
#[derive(Debug, Default)]
pub struct Talk {
    speakers: BTreeMap<(Conversation, bool), Speaker>,
}

impl Talk {
    /// What a side is to send next, where there is but one conversation at a time.
    pub fn due(&self, from: Who) -> Expect {
        match self.speakers.get(&(ONLY, from == Who::Us)).map(|speaker| &speaker.saying) {
            Some(Saying::File { .. } | Saying::Part { .. }) => Expect::File,
            _ => Expect::Command,
        }
    }

    /// The data of a packet, in its turn.
    pub fn hear(&mut self, from: Who, conversation: Conversation, data: &[u8]) -> Option<Said> {
        let us = from == Who::Us;
        if self.speakers.len() > MOST {
            self.speakers.clear();
        }
        let speaker = self.speakers.entry((conversation, us)).or_default();
        let text = match &mut speaker.saying {
            Saying::File { .. } | Saying::Part { .. } if data.is_empty() => {
                return speaker.ends_file().map(|bytes| Said::FileEnd { bytes });
            }
            Saying::File { bytes, .. } | Saying::Part { bytes, .. } => {
                *bytes += data.len() as u64;
                return None;
            }
            Saying::Held { .. } => {
                speaker.saying = Saying::default();
                return self.hear(from, conversation, data);
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
        if let Some(command) = ahead::command(&text) {
            speaker.sends_ahead(command);
        }
        match text.get(..2) {
            Some(b"S " | b"E " | b"RY") => speaker.saying = Saying::File { bytes: 0, ahead: false },
            Some(answer @ (b"SY" | b"EY" | b"SN" | b"EN")) => {
                if let Some(other) = self.speakers.get_mut(&(conversation, !us)) {
                    other.judged(answer.ends_with(b"Y"));
                }
            }
            _ => {}
        }
        Some(Said::Message { text: printable(&text, SHOWN), meaning: meaning(&text) })
    }
}

/// What a command or an answer is for, in a few words.
fn meaning(text: &[u8]) -> String {
    if let Ok(answer) = Answer::parse(text) {
        return of_answer(&answer);
    }
    match ahead::command(text) {
        Some(command) => format!("{}, and sends it at once", of_request(command)),
        None => of_request(text),
    }
}

fn of_request(text: &[u8]) -> String {
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
        Answer::Give { wants_master: true, .. } => "sends it, and has work itself".to_owned(),
        Answer::Give { wants_master: false, .. } => "sends it".to_owned(),
        Answer::Refuse { why, .. } => format!("refuses: {why}"),
        Answer::Kept { wants_master: true } => "has it, and has work itself".to_owned(),
        Answer::Kept { wants_master: false } => "has it".to_owned(),
        Answer::Damaged => "got it damaged, and wants it again".to_owned(),
        Answer::NotKept => "could not put it in its place".to_owned(),
        Answer::Expanded(yes) => if *yes { "will send them" } else { "does not send them" }.to_owned(),
        Answer::HangUp(true) => "has nothing more either".to_owned(),
        Answer::HangUp(false) => "has work itself".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(talk: &mut Talk, from: Who, data: &[u8]) -> Option<String> {
        talk.hear(from, ONLY, data).map(|said| match said {
            Said::Message { meaning, .. } => meaning,
            Said::FileEnd { bytes } => format!("file of {bytes}"),
        })
    }

    /// The answers to a small file and a large one, both sent ahead, and what the rest of the large one then is.
    fn two_files(answers: &[&[u8]], early: bool) -> Option<String> {
        let mut talk = Talk::default();
        hear(&mut talk, Who::Us, b"+E D.1 D.x1 jan -C D.1 0666 \"\" 0x3 rmail ann\0");
        hear(&mut talk, Who::Us, b"abc");
        assert_eq!(hear(&mut talk, Who::Us, b"").as_deref(), Some("file of 3"));
        let said = hear(&mut talk, Who::Us, b"+S x ~/x jan -C D.2 0666 \"\" 0x1001\0");
        assert_eq!(said.as_deref(), Some("offers a file of 4097 bytes, and sends it at once"));
        assert_eq!(talk.due(Who::Us), Expect::File);
        let answer = |talk: &mut Talk| answers.iter().for_each(|text| drop(hear(talk, Who::Them, text)));
        if early {
            answer(&mut talk);
        }
        assert_eq!(hear(&mut talk, Who::Us, &[1; 4096]), None);
        let refused = hear(&mut talk, Who::Us, b"");
        assert_eq!(refused, (early && answers.ends_with(&[b"SN4\0"])).then(|| "file of 4096".to_owned()));
        if !early {
            assert_eq!(talk.due(Who::Us), Expect::Command);
            answer(&mut talk);
        }
        hear(&mut talk, Who::Us, b"H\0").or_else(|| hear(&mut talk, Who::Us, b""))
    }

    #[test]
    fn files_that_go_ahead_are_told_from_commands() {
        for early in [true, false] {
            for first in [&[&b"EN8\0"[..]][..], &[b"EY\0", b"CY\0"]] {
                let taken = [first, &[b"SY\0"]].concat();
                assert_eq!(two_files(&taken, early).as_deref(), Some("file of 4098"));
                let refused = [first, &[b"SN4\0"]].concat();
                assert_eq!(two_files(&refused, early).as_deref(), Some("has nothing more to do"));
            }
        }
    }
}
