//! Finds packets in a stream of bytes, on a line that inverts, loses and invents some of them.

use std::marker::PhantomData;

/// How the packets of a protocol look.
pub trait Framing {
    type Header: Copy;
    /// The first byte of every packet.
    const START: u8;
    /// Length of a header in bytes.
    const HEADER: usize;

    /// The header at the beginning of at least [`Framing::HEADER`] bytes, and the length of what follows it, if it
    /// is sound.
    fn parse(bytes: &[u8]) -> Option<(Self::Header, usize)>;

    /// The data in what follows a header, if they are sound; the header may learn more from it.
    fn open(header: &mut Self::Header, body: &[u8]) -> Option<Vec<u8>>;
}

/// What the reader found next.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<H> {
    Packet(H, Vec<u8>),
    /// A sound header whose data do not fit their checksum.
    BadData(H),
    /// Bytes that begin no packet.
    BadHeader,
}

/// Finds packets. Keeps less than two of them.
#[derive(Debug)]
pub struct Reader<F> {
    buffer: Vec<u8>,
    /// Everything before this is dealt with.
    at: usize,
    /// In the middle of bytes that begin no packet; they were reported already.
    lost: bool,
    /// The length of the packet at `at` whose data were spoiled, while it is open whether that length is true.
    suspect: Option<usize>,
    framing: PhantomData<F>,
}

impl<F> Default for Reader<F> {
    fn default() -> Self {
        Reader { buffer: Vec::new(), at: 0, lost: false, suspect: None, framing: PhantomData }
    }
}

impl<F: Framing> Reader<F> {
    /// Takes bytes in; to be followed by [`Reader::find`] until it has nothing.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    pub fn find(&mut self) -> Option<Found<F::Header>> {
        loop {
            if let Some(length) = self.suspect {
                // Bits may have been inverted, or bytes lost. If the next packet begins where it should, it was
                // bits: then the data are skipped, for they may look like packets. Else that next packet begins
                // somewhere inside.
                let after = self.rest().get(length..length + F::HEADER)?;
                let aligned = F::parse(after).is_some();
                self.suspect = None;
                self.at += if aligned { length } else { F::HEADER };
                self.lost |= !aligned;
            }
            let rest = self.rest();
            let start = rest.iter().position(|byte| *byte == F::START).unwrap_or(rest.len());
            if start > 0 {
                self.at += start;
                if !std::mem::replace(&mut self.lost, true) {
                    return Some(Found::BadHeader);
                }
                continue;
            }
            if rest.len() < F::HEADER {
                return None;
            }
            let Some((mut header, length)) = F::parse(rest) else {
                self.at += 1;
                if !std::mem::replace(&mut self.lost, true) {
                    return Some(Found::BadHeader);
                }
                continue;
            };
            let whole = F::HEADER + length;
            let Some(data) = F::open(&mut header, rest.get(F::HEADER..whole)?) else {
                self.suspect = Some(whole);
                return Some(Found::BadData(header));
            };
            self.at += whole;
            self.lost = false;
            return Some(Found::Packet(header, data));
        }
    }

    /// How many bytes wait for the rest of a packet.
    pub fn waiting(&self) -> usize {
        self.rest().len()
    }

    /// Nothing waits, and nothing was skipped since the last packet.
    pub fn in_whole_packets(&self) -> bool {
        self.rest().is_empty() && !self.lost
    }

    /// The rest of the packet that has begun will not come: looks for another inside what is there.
    pub fn give_up_packet(&mut self) {
        self.suspect = None;
        self.at = (self.at + 1).min(self.buffer.len());
        self.lost = true;
    }

    /// Takes out what was not read as a packet.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.split_off(self.at.min(self.buffer.len()));
        *self = Reader::default();
        rest
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }
}
