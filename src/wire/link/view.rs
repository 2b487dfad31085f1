//! What the packets of a call say, for whoever looks at its recording. Nothing here answers anybody.

use super::j::avoid::{self, Avoided};
use super::j::packet::{Wrapped, unwrap};
use super::reader::{Found, Framing, Reader};
use super::stream::{Code, E, F, Input, T, Y};
use super::{Event, Expect, LinkError, g, i};

/// One packet, as its header has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Its name in the manual.
    pub name: &'static str,
    /// Its place among the packets of its sender; only for those that have one.
    pub number: Option<u8>,
    /// The last packet that its sender has received in order.
    pub ack: Option<u8>,
    /// The conversation: the number of a command of the sender, or of one of the receiver.
    pub channel: Option<(u8, u8)>,
    /// What else it says, in words.
    pub says: Option<String>,
    /// Its data are a piece of a command or of a file.
    pub carries: bool,
    pub data: Vec<u8>,
}

/// What comes next in the bytes of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Packet(Packet),
    /// A sound header whose data are not.
    Damaged(Packet),
    /// Bytes that begin no packet.
    Noise,
    /// The final handshake begins here: the rest are its bytes.
    Farewell,
    /// Nothing that follows can be understood.
    Lost,
}

/// Reads the packets of one side.
#[derive(Debug)]
pub struct View(Kind);

#[derive(Debug)]
enum Kind {
    I(Reader<i::packet::Packets>),
    G(Reader<g::packet::Packets>),
    J(Wrapping),
    Stream(Box<dyn Looked>),
}

/// One side of `j`: the characters that it wants to be avoided, then packets of `i`, each in its wrapping.
#[derive(Debug, Default)]
struct Wrapping {
    /// What came before the characters were told; no longer kept then.
    early: Vec<u8>,
    told: bool,
    wrapped: Reader<Wrapped>,
    packets: Reader<i::packet::Packets>,
}

impl Wrapping {
    fn feed(&mut self, bytes: &[u8]) {
        if self.told {
            return self.wrapped.feed(bytes);
        }
        self.early.extend_from_slice(bytes);
        let surplus = self.early.len().saturating_sub(2 * avoid::LONGEST);
        self.early.drain(..surplus);
    }

    fn next_seen(&mut self) -> Option<Seen> {
        if !self.told {
            let (avoided, end) = Avoided::find(&self.early)?;
            self.told = true;
            let early = std::mem::take(&mut self.early);
            self.wrapped.feed(early.get(end..).unwrap_or_default());
            return Some(Seen::Packet(of_characters(&avoided)));
        }
        loop {
            if let Some(seen) = next(&mut self.packets, of_i) {
                return Some(seen);
            }
            match self.wrapped.find()? {
                Found::Packet(length, body) => match unwrap(length, &body, None) {
                    Some(packet) => self.packets.feed(&packet),
                    None => return Some(Seen::Noise),
                },
                Found::BadData(_) | Found::BadHeader => return Some(Seen::Noise),
            }
        }
    }

    fn take_rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.early);
        rest.extend(self.wrapped.take_rest());
        rest
    }
}

/// One side of a streaming protocol.
trait Looked: Send + std::fmt::Debug {
    fn input(&mut self) -> &mut Input;
    fn is_farewell(&mut self) -> bool;
    fn read(&mut self, expect: Expect) -> Result<Option<Event>, LinkError>;
}

#[derive(Debug)]
struct Side<C> {
    code: C,
    input: Input,
}

impl<C: Code + std::fmt::Debug> Looked for Side<C> {
    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn is_farewell(&mut self) -> bool {
        self.code.is_farewell(self.input.rest())
    }

    fn read(&mut self, expect: Expect) -> Result<Option<Event>, LinkError> {
        // What the code would answer is for nobody.
        self.code.read(&mut self.input, expect, &mut Vec::new())
    }
}

fn side<C: Code + std::fmt::Debug + 'static>(code: C) -> Kind {
    Kind::Stream(Box::new(Side { code, input: Input::default() }))
}

impl View {
    /// `None`: no packets of this protocol are known here.
    pub fn open(letter: char) -> Option<View> {
        match letter {
            'i' => Some(View(Kind::I(Reader::default()))),
            'j' => Some(View(Kind::J(Wrapping::default()))),
            'g' | 'G' | 'v' => Some(View(Kind::G(Reader::default()))),
            't' => Some(View(side(T::default()))),
            'e' => Some(View(side(E::default()))),
            // However large its packets are, and however often a file comes damaged.
            'y' => Some(View(side(Y::new(usize::MAX)))),
            'f' => Some(View(side(F::new(u32::MAX)))),
            _ => None,
        }
    }

    /// Numbers begin again after so many packets, and a packet may be so far ahead of its turn.
    pub fn numbers(&self) -> (u8, u8) {
        match self.0 {
            Kind::I(_) | Kind::J(_) => (32, 16),
            // What comes before its turn is dropped by the other end.
            Kind::G(_) => (8, 1),
            Kind::Stream(_) => (1, 0),
        }
    }

    /// Takes out what was not read as a packet.
    pub fn take_rest(&mut self) -> Vec<u8> {
        match &mut self.0 {
            Kind::I(reader) => reader.take_rest(),
            Kind::G(reader) => reader.take_rest(),
            Kind::J(wrapping) => wrapping.take_rest(),
            Kind::Stream(side) => side.input().take_rest(),
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Kind::I(reader) => reader.feed(bytes),
            Kind::G(reader) => reader.feed(bytes),
            Kind::J(wrapping) => wrapping.feed(bytes),
            Kind::Stream(side) => side.input().feed(bytes),
        }
    }

    /// `None`: more bytes are needed. `due` is what this side is to send next, for protocols that do not say.
    pub fn next_seen(&mut self, due: Expect) -> Option<Seen> {
        match &mut self.0 {
            Kind::I(reader) => next(reader, of_i),
            Kind::G(reader) => next(reader, of_g),
            Kind::J(wrapping) => wrapping.next_seen(),
            Kind::Stream(side) => of_stream(&mut **side, due),
        }
    }
}

fn next<F: Framing>(reader: &mut Reader<F>, show: fn(F::Header, Vec<u8>) -> Packet) -> Option<Seen> {
    Some(match reader.find()? {
        Found::Packet(header, data) => Seen::Packet(show(header, data)),
        Found::BadData(header) => Seen::Damaged(show(header, Vec::new())),
        Found::BadHeader => Seen::Noise,
    })
}

/// What protocol `f` says of a file that came: good, again, or given up. No command is so short.
fn is_verdict(text: &[u8]) -> bool {
    matches!(text, b"G\0" | b"R\0" | b"Q\0")
}

fn of_stream(side: &mut dyn Looked, due: Expect) -> Option<Seen> {
    let (name, carries) = match due {
        Expect::Command if side.is_farewell() => return Some(Seen::Farewell),
        Expect::Command => ("TEXT", true),
        Expect::File => ("DATA", true),
    };
    let none = Packet { name, number: None, ack: None, channel: None, says: None, carries, data: Vec::new() };
    match side.read(due) {
        Ok(Some(Event::Data { bytes, .. })) if is_verdict(&bytes) && due == Expect::Command => {
            Some(Seen::Packet(Packet { name: "VERDICT", carries: false, data: bytes, ..none }))
        }
        Ok(Some(Event::Spoiled)) => Some(Seen::Damaged(none)),
        Ok(Some(Event::Data { bytes, .. })) => Some(Seen::Packet(Packet { data: bytes, ..none })),
        Ok(Some(_)) => Some(Seen::Packet(Packet { name: "START", carries: false, ..none })),
        Ok(None) => None,
        Err(_) => Some(Seen::Lost),
    }
}

fn of_characters(avoided: &Avoided) -> Packet {
    Packet {
        name: "AVOID",
        number: None,
        ack: None,
        channel: None,
        says: Some(format!("wants {avoided:?} to be avoided")),
        carries: false,
        data: Vec::new(),
    }
}

fn of_i(header: i::packet::Header, data: Vec<u8>) -> Packet {
    use i::packet::Kind;
    let (name, in_turn) = match header.kind {
        Kind::Data => ("DATA", true),
        Kind::Sync => ("SYNC", false),
        Kind::Ack => ("ACK", false),
        Kind::Nak => ("NAK", false),
        Kind::Spos => ("SPOS", true),
        Kind::Close => ("CLOSE", true),
    };
    let says = match (header.kind, data.as_slice()) {
        (Kind::Nak, _) => Some(format!("asks for {} again", header.packet)),
        (Kind::Sync, &[high, low, window, channels]) => {
            let size = u16::from_be_bytes([high, low]);
            Some(format!("takes packets of {size}, {window} at once, {channels} channels"))
        }
        (Kind::Spos, &[a, b, c, d]) => Some(format!("goes on at byte {}", u32::from_be_bytes([a, b, c, d]))),
        _ => None,
    };
    Packet {
        name,
        number: in_turn.then_some(header.packet),
        ack: (header.kind != Kind::Sync).then_some(header.ack),
        channel: (header.kind == Kind::Data).then_some((header.local, header.remote)),
        says,
        carries: header.kind == Kind::Data,
        data,
    }
}

fn of_g(header: g::packet::Header, data: Vec<u8>) -> Packet {
    use g::packet::{Control, Header};
    let control = |name, says| Packet {
        name,
        number: None,
        ack: None,
        channel: None,
        says,
        carries: false,
        data: Vec::new(),
    };
    let window = |value: u8| Some(format!("takes {value} packets at once"));
    match header {
        Header::Data { packet, ack, short, .. } => Packet {
            name: if short { "SHORT" } else { "DATA" },
            number: Some(packet),
            ack: Some(ack),
            channel: None,
            says: None,
            carries: true,
            data,
        },
        Header::Control(Control::Close) => control("CLOSE", None),
        Header::Control(Control::InitA(value)) => control("INITA", window(value)),
        Header::Control(Control::InitC(value)) => control("INITC", window(value)),
        Header::Control(Control::InitB(value)) => {
            control("INITB", Some(format!("takes packets of {}", 32_u16 << value.min(7))))
        }
        Header::Control(Control::Ready(ack)) => Packet { ack: Some(ack), ..control("RR", None) },
        Header::Control(Control::Reject(ack)) => {
            Packet { ack: Some(ack), ..control("RJ", Some("asks for what follows again".to_owned())) }
        }
        Header::Control(Control::SelectiveReject(number)) => {
            control("SRJ", Some(format!("asks for {number} again")))
        }
    }
}
