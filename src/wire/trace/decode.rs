//! From a recording to its trace: the handshakes, between them the packets of each side.

use super::order::Order;
use super::talk::{Conversation, ONLY, Said, Talk};
use super::{Item, Packet, Side, Trace, Turn, What, Who};
use crate::observe::printable;
use crate::wire::link::view::{self, Seen, View};
use crate::wire::record::{Content, End, From, Recording};
use crate::wire::session::Introduction;

const DLE: u8 = 0o20;
/// How the last handshake begins behind a stream.
const FAREWELL: &[u8] = b"\x10OOOOOO";
/// The longest message of a handshake that is waited for, in bytes; ours are bounded by the same number.
const LONGEST_MESSAGE: usize = 1024;
/// What is kept of bytes whose protocol is not known yet.
const MOST_PENDING: usize = 64 * 1024;

/// What a side is at.
#[derive(Debug)]
enum Phase {
    /// Login and handshake.
    Text,
    /// Its last message was said; which protocol comes, the other side has not said yet.
    Pending(Vec<u8>),
    Packets(Box<Packets>),
    /// A protocol without packets, or one that is not known here; the end of what came last, where the last handshake may begin.
    Stream(Vec<u8>),
}

/// The packets of one side.
#[derive(Debug)]
struct Packets {
    view: View,
    order: Order<view::Packet>,
    closed: bool,
    /// The end of what came last, once closed: a message of the last handshake may begin in it.
    tail: Vec<u8>,
}

#[derive(Debug)]
struct Hearing {
    phase: Phase,
    /// A message of which the end has not come.
    message: Option<Vec<u8>>,
    side: Side,
}

impl Hearing {
    fn new() -> Self {
        Hearing { phase: Phase::Text, message: None, side: Side::default() }
    }
}

struct Decoder {
    caller: Who,
    letter: Option<char>,
    /// The caller chose it with its name, and no list of protocols follows.
    ahead: bool,
    us: Hearing,
    them: Hearing,
    talk: Talk,
    items: Vec<Item>,
    at_us: u64,
}

/// Reads a whole recording.
pub fn decode(recording: &Recording) -> Trace {
    let head = &recording.head;
    let caller = if head.called.is_some() { Who::Us } else { Who::Them };
    let mut decoder = Decoder {
        caller,
        letter: None,
        ahead: false,
        us: Hearing::new(),
        them: Hearing::new(),
        talk: Talk::default(),
        items: Vec::new(),
        at_us: 0,
    };
    let (mut longest, mut longest_at) = (0, 0);
    for chunk in &recording.chunks {
        let at_us = u64::try_from(chunk.at.as_micros()).unwrap_or(u64::MAX);
        let silence = at_us.saturating_sub(decoder.at_us);
        if silence > longest {
            (longest, longest_at) = (silence, decoder.at_us);
        }
        decoder.at_us = at_us.max(decoder.at_us);
        let from = if chunk.from == From::Us { Who::Us } else { Who::Them };
        match &chunk.content {
            Content::Blank(bytes) => {
                decoder.hearing(from).side.bytes += *bytes as u64;
                decoder.tell(from, What::Blank { bytes: *bytes });
            }
            Content::Connected => decoder.tell(from, What::Connected),
            Content::Bytes(bytes) => {
                decoder.hearing(from).side.bytes += bytes.len() as u64;
                decoder.hear(from, bytes);
            }
        }
    }
    let ended = match &recording.end {
        End::Call { how, .. } => how.clone(),
        End::Cut { .. } => "the recording is full; the call went on".to_owned(),
        End::Missing => "the recording has no end: the node was stopped in mid-call".to_owned(),
    };
    Trace {
        began: head.began,
        node: head.node.clone(),
        line: head.line.clone(),
        called: head.called.clone(),
        connect: head.connect.clone(),
        protocol: decoder.letter,
        items: decoder.items,
        ended,
        us: decoder.us.side,
        them: decoder.them.side,
        longest_silence_us: longest,
        longest_silence_at_us: longest_at,
    }
}

impl Decoder {
    fn hearing(&mut self, who: Who) -> &mut Hearing {
        match who {
            Who::Us => &mut self.us,
            Who::Them => &mut self.them,
        }
    }

    fn tell(&mut self, from: Who, what: What) {
        self.items.push(Item { at_us: self.at_us, from, what });
    }

    fn hear(&mut self, from: Who, bytes: &[u8]) {
        match &mut self.hearing(from).phase {
            Phase::Text => self.hear_text(from, bytes),
            Phase::Pending(pending) => {
                let room = MOST_PENDING.saturating_sub(pending.len());
                pending.extend(bytes.iter().take(room));
            }
            Phase::Packets(_) => self.hear_packets(from, bytes),
            Phase::Stream(_) => self.hear_stream(from, bytes),
        }
    }

    /// Text, and among it messages: DLE, text, NUL or LF.
    fn hear_text(&mut self, from: Who, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let hearing = self.hearing(from);
            let Some(mut message) = hearing.message.take() else {
                let begins = rest.iter().position(|byte| *byte == DLE);
                let (text, behind) = rest.split_at(begins.unwrap_or(rest.len()));
                rest = behind.get(1..).unwrap_or_default();
                if begins.is_some() {
                    hearing.message = Some(Vec::new());
                }
                if !text.is_empty() {
                    self.tell(from, What::Text { text: printable(text, LONGEST_MESSAGE) });
                }
                continue;
            };
            let ends = rest.iter().position(|byte| matches!(byte, 0 | b'\n' | &DLE));
            message.extend_from_slice(rest.get(..ends.unwrap_or(rest.len())).unwrap_or_default());
            let Some(ends) = ends.filter(|_| message.len() <= LONGEST_MESSAGE) else {
                if message.len() <= LONGEST_MESSAGE {
                    hearing.message = Some(message);
                    return;
                }
                let text = printable(&message, LONGEST_MESSAGE);
                self.tell(from, What::Text { text });
                rest = rest.get(ends.map_or(rest.len(), |ends| ends + 1)..).unwrap_or_default();
                continue;
            };
            let is_whole = rest.get(ends) != Some(&DLE);
            rest = rest.get(ends + 1..).unwrap_or_default();
            if !is_whole {
                // Another begins.
                hearing.message = Some(Vec::new());
            }
            self.tell(from, What::Handshake { text: printable(message.trim_ascii_end(), LONGEST_MESSAGE) });
            if self.agreed(from, &message) {
                self.hear(from, rest);
                return;
            }
        }
    }

    /// Whether packets follow this message of a handshake.
    fn agreed(&mut self, from: Who, message: &[u8]) -> bool {
        if self.letter.is_some() && !matches!(self.hearing(from).phase, Phase::Text) {
            return false;
        }
        match (message, from == self.caller) {
            ([b'U', letter, ..], true) if letter.is_ascii_alphabetic() && *letter != b'N' => {
                self.chosen(from, char::from(*letter));
                true
            }
            ([b'S', name @ ..], true) => match chosen_ahead(name) {
                Some(letter) => {
                    self.ahead = true;
                    self.chosen(from, letter);
                    true
                }
                None => false,
            },
            ([b'R', ..], false) if self.ahead => {
                self.hearing(from).phase = self.letter.map_or(Phase::Text, start);
                true
            }
            ([b'P', ..], false) => {
                self.hearing(from).phase = self.letter.map_or(Phase::Pending(Vec::new()), start);
                true
            }
            _ => false,
        }
    }

    /// The caller has chosen; its packets follow, and those of the other side that wait begin to be understood.
    fn chosen(&mut self, from: Who, letter: char) {
        self.letter = Some(letter);
        self.hearing(from).phase = start(letter);
        let other = if from == Who::Us { Who::Them } else { Who::Us };
        if let Phase::Pending(pending) = &mut self.hearing(other).phase {
            let pending = std::mem::take(pending);
            self.hearing(other).phase = start(letter);
            self.hear(other, &pending);
        }
    }

    fn hear_packets(&mut self, from: Who, bytes: &[u8]) {
        let Phase::Packets(packets) = &mut self.hearing(from).phase else { return };
        if !packets.closed {
            packets.view.feed(bytes);
            self.see(from);
            return;
        }
        packets.tail.extend_from_slice(bytes);
        let tail = std::mem::take(&mut packets.tail);
        match tail.windows(2).position(|pair| pair == [DLE, b'O']) {
            Some(at) => {
                let (before, message) = tail.split_at(at);
                packets.view.feed(before);
                self.see(from);
                self.hearing(from).phase = Phase::Text;
                self.hear_text(from, message);
            }
            None => {
                let cut = tail.len() - usize::from(tail.last() == Some(&DLE));
                let (before, begun) = tail.split_at(cut);
                packets.view.feed(before);
                packets.tail = begun.to_vec();
                self.see(from);
            }
        }
    }

    /// Takes out what the view has found.
    fn see(&mut self, from: Who) {
        loop {
            let due = self.talk.due(from);
            let Phase::Packets(packets) = &mut self.hearing(from).phase else { return };
            let was_closed = packets.closed;
            match packets.view.next_seen(due) {
                None => return,
                Some(Seen::Noise) => {
                    self.hearing(from).side.noise += 1;
                    self.tell(from, What::Noise);
                }
                Some(Seen::Farewell) => {
                    let rest = packets.view.take_rest();
                    self.hearing(from).phase = Phase::Text;
                    return self.hear_text(from, &rest);
                }
                Some(Seen::Lost) => {
                    let rest = packets.view.take_rest();
                    self.hearing(from).side.noise += 1;
                    self.hearing(from).phase = Phase::Stream(Vec::new());
                    self.tell(from, What::Noise);
                    return self.hear_stream(from, &rest);
                }
                Some(Seen::Damaged(packet)) => {
                    self.hearing(from).side.damaged += 1;
                    self.tell(from, What::Damaged(shown(&packet, None)));
                }
                Some(Seen::Packet(packet)) => {
                    packets.closed |= packet.name == "CLOSE";
                    let closes = packets.closed && !was_closed;
                    self.packet(from, packet);
                    if closes && let Phase::Packets(packets) = &mut self.hearing(from).phase {
                        // What stands behind it may be the last handshake.
                        let rest = packets.view.take_rest();
                        self.hear_packets(from, &rest);
                        return;
                    }
                }
            }
        }
    }

    fn packet(&mut self, from: Who, packet: view::Packet) {
        let at_us = self.at_us;
        if let Some(ack) = packet.ack {
            self.acknowledged(from, ack);
        }
        let hearing = self.hearing(from);
        hearing.side.packets += 1;
        let Phase::Packets(packets) = &mut hearing.phase else { return };
        let (turn, ready) = match packet.number {
            Some(number) => {
                let (turn, ready) = packets.order.take(at_us, number, packet.clone());
                (Some(turn), ready)
            }
            // It has no number because nothing comes but in its turn.
            None => (None, vec![packet.clone()]),
        };
        hearing.side.again += u64::from(turn == Some(Turn::Again));
        self.tell(from, What::Packet(shown(&packet, turn)));
        for packet in ready.into_iter().filter(|packet| packet.carries) {
            self.said(from, &packet);
        }
    }

    /// A side has shown that it has the other one's packets up to this one.
    fn acknowledged(&mut self, by: Who, ack: u8) {
        let at_us = self.at_us;
        let other = self.hearing(if by == Who::Us { Who::Them } else { Who::Us });
        let Phase::Packets(packets) = &mut other.phase else { return };
        if let Some(waited) = packets.order.acknowledged(at_us, ack) {
            let side = &mut other.side;
            side.ack_least_us = if side.acknowledged == 0 { waited } else { side.ack_least_us.min(waited) };
            side.ack_most_us = side.ack_most_us.max(waited);
            side.ack_sum_us += waited;
            side.acknowledged += 1;
        }
    }

    /// A piece of a conversation, in its turn.
    fn said(&mut self, from: Who, packet: &view::Packet) {
        let us = from == Who::Us;
        let conversation: Conversation = match packet.channel {
            Some((0, theirs)) if theirs > 0 => (!us, theirs),
            Some((ours, _)) => (us, ours),
            None => ONLY,
        };
        let channel = packet.channel.map(|_| match conversation {
            (true, number) => format!("ours {number}"),
            (false, number) => format!("theirs {number}"),
        });
        match self.talk.hear(from, conversation, &packet.data) {
            None => {}
            Some(Said::Message { text, meaning }) => {
                self.tell(from, What::Message { channel, text, meaning });
            }
            Some(Said::FileEnd { bytes }) => {
                let side = &mut self.hearing(from).side;
                side.files += 1;
                side.file_bytes += bytes;
                self.tell(from, What::FileEnd { channel, bytes });
            }
        }
    }

    /// Nothing is known of the bytes; but the last handshake is told from them.
    fn hear_stream(&mut self, from: Who, bytes: &[u8]) {
        let Phase::Stream(tail) = &mut self.hearing(from).phase else { return };
        let mut bytes = [std::mem::take(tail), bytes.to_vec()].concat();
        let farewell = bytes.windows(FAREWELL.len()).position(|window| window == FAREWELL);
        let begun = (1..FAREWELL.len())
            .rev()
            .find(|count| bytes.ends_with(FAREWELL.get(..*count).unwrap_or_default()));
        if farewell.is_none() {
            *tail = bytes.split_off(bytes.len() - begun.unwrap_or(0));
        }
        let (stream, text) = bytes.split_at(farewell.unwrap_or(bytes.len()));
        if !stream.is_empty() {
            self.tell(from, What::Stream { bytes: stream.len() });
        }
        if !text.is_empty() {
            self.hearing(from).phase = Phase::Text;
            self.hear_text(from, text);
        }
    }
}

/// The protocol that a caller chooses with its name.
fn chosen_ahead(name: &[u8]) -> Option<char> {
    let introduction = Introduction::parse(std::str::from_utf8(name).ok()?)?.ok()?;
    introduction.choice.filter(char::is_ascii_alphabetic)
}

fn start(letter: char) -> Phase {
    match View::open(letter) {
        Some(view) => {
            let order = Order::new(view.numbers());
            Phase::Packets(Box::new(Packets { view, order, closed: false, tail: Vec::new() }))
        }
        None => Phase::Stream(Vec::new()),
    }
}

fn shown(packet: &view::Packet, turn: Option<Turn>) -> Packet {
    Packet {
        name: packet.name,
        number: packet.number,
        ack: packet.ack,
        turn,
        says: packet.says.clone(),
        bytes: packet.data.len(),
    }
}
