//! How each protocol is set up.
//!
//! Names and defaults are those of `protocol-parameter` in the Taylor UUCP manual, section "Protocol Selection",
//! except where a field says otherwise.

use std::time::Duration;

/// What is thought of a line before anything has crossed it. What it then shows soon counts for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Bytes a second that it takes from us, if that is known.
    pub rate: Option<u32>,
    /// It spoils one byte of so many: 1 at least.
    pub bytes_per_error: u32,
}

impl Expected {
    /// Most lines are good: the first packets of `i` are of 570 bytes. With 1024 a line with an error in 10^4 bits would lose
    /// a thirtieth of what it carries, for what is out when the first error shows is sent again as it is.
    pub const USUAL: u32 = 25_000;
}

impl Default for Expected {
    fn default() -> Self {
        Expected { rate: None, bytes_per_error: Expected::USUAL }
    }
}

/// How every protocol is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    pub i: IParameters,
    pub j: JParameters,
    pub g: GParameters,
    /// Those of `G`: as for `g`, but without short packets, for some packages take no others than they asked for.
    pub big_g: GParameters,
    /// Those of `v`: as for `g`, with larger packets.
    pub v: GParameters,
    pub t: StreamParameters,
    pub e: StreamParameters,
    pub f: FParameters,
    pub y: YParameters,
}

impl Parameters {
    /// Tells all protocols that choose the size of their packets what is thought of the line.
    pub fn expect(&mut self, expected: Expected) {
        for one in [&mut self.i, &mut self.j.i] {
            one.expected = expected;
        }
        for one in [&mut self.g, &mut self.big_g, &mut self.v] {
            one.expected = expected;
        }
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            i: IParameters::default(),
            j: JParameters::default(),
            g: GParameters::default(),
            big_g: GParameters { short_packets: false, ..GParameters::default() },
            v: GParameters { packet_size: 1024, ..GParameters::default() },
            t: StreamParameters::default(),
            e: StreamParameters::default(),
            f: FParameters::default(),
            y: YParameters::default(),
        }
    }
}

impl Parameters {
    /// Sets up what two uugates do with each other alone.
    pub fn among_uugates(&mut self) {
        // It begins with small packets, and sends large ones only while the line shows to be good.
        self.i.packet_size = 4095;
        self.i.eager = true;
        (self.i.seal, self.j.i.seal, self.g.seal) = (true, true, true);
        for one in [&mut self.g, &mut self.big_g, &mut self.v] {
            one.eager = true;
        }
    }
}

/// Settings of the `i` protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IParameters {
    /// How many packets the peer may send before an acknowledgement, 1 to 16.
    pub window: u8,
    /// The largest packet that the peer may send, in bytes of data, 1 to 4095.
    pub packet_size: u16,
    /// What we send at most in a packet, in bytes, whatever the peer asks; 0: as it asks.
    pub remote_packet_size: u16,
    /// How long to wait for the peer's SYNC before sending ours again.
    pub sync_timeout: Duration,
    /// How often to send SYNC again before giving up.
    pub sync_retries: u32,
    /// How long a silent peer is waited for before it is asked.
    pub timeout: Duration,
    /// How often it is asked before giving up.
    pub retries: u32,
    /// How many errors are permitted without good packets in between.
    pub errors: u32,
    /// How many good packets forgive one error.
    pub error_decay: u32,
    /// How many packets one acknowledgement is for; without a value, half the window.
    pub ack_frequency: Option<u32>,
    /// Of the line.
    pub expected: Expected,
    /// Commands and data follow our SYNC before the peer's has come, and no SPOS stands between a command and its file:
    /// what a uugate looks for.
    pub eager: bool,
    /// The checksums of packets are over their headers too: what a uugate looks for.
    pub seal: bool,
}

impl Default for IParameters {
    fn default() -> Self {
        IParameters {
            window: 16,
            packet_size: 1024,
            remote_packet_size: 0,
            sync_timeout: Duration::from_secs(10),
            sync_retries: 6,
            timeout: Duration::from_secs(10),
            retries: 6,
            errors: 100,
            error_decay: 10,
            ack_frequency: None,
            expected: Expected::default(),
            eager: false,
            seal: false,
        }
    }
}

/// Settings of the `j` protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JParameters {
    /// Characters that must not be sent; printable ones cannot be avoided. What either end avoids, both do.
    pub avoid: Vec<u8>,
    /// The rest. No packet is larger than 2013 bytes, so that it fits however many of them are avoided.
    pub i: IParameters,
}

impl Default for JParameters {
    fn default() -> Self {
        JParameters { avoid: vec![XON, XOFF], i: IParameters::default() }
    }
}

/// The characters that serial lines use for flow control.
const XON: u8 = 0x11;
const XOFF: u8 = 0x13;

/// Settings of the `g` protocol, and of `G` and `v`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GParameters {
    /// How many packets the peer may send before an acknowledgement, 1 to 7.
    pub window: u8,
    /// The largest packet that the peer may send, in bytes of data: a power of two, 32 to 4096. Old systems die when
    /// told of more than 64.
    pub packet_size: u16,
    /// How often the whole start is tried again.
    pub startup_retries: u32,
    /// How often one step of the start is tried again.
    pub init_retries: u32,
    /// How long one step of the start may take.
    pub init_timeout: Duration,
    /// How long a silent peer is waited for before it is asked.
    pub timeout: Duration,
    /// How often it is asked before giving up.
    pub retries: u32,
    /// How many errors are permitted without good packets in between.
    pub errors: u32,
    /// How many good packets forgive one error.
    pub error_decay: u32,
    /// The window that we use, whatever the peer asks; 0: as it asks.
    pub remote_window: u8,
    /// The packets that we send, in bytes, whatever the peer asks; 0: as it asks.
    pub remote_packet_size: u16,
    /// Send a smaller packet when there is less to send.
    pub short_packets: bool,
    /// Of the line.
    pub expected: Expected,
    /// Give file data a better checksum in a place where any receiver skips it: what a uugate looks for.
    pub seal: bool,
    /// A caller says INITA, INITB and INITC together, and commands and data behind them: what a uugate looks for.
    pub eager: bool,
}

impl Default for GParameters {
    fn default() -> Self {
        GParameters {
            window: 7,
            packet_size: 64,
            startup_retries: 8,
            init_retries: 4,
            init_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
            retries: 6,
            errors: 100,
            error_decay: 10,
            remote_window: 0,
            remote_packet_size: 0,
            short_packets: true,
            expected: Expected::default(),
            seal: false,
            eager: false,
        }
    }
}

/// Settings of the `t` protocol, and of `e`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamParameters {
    /// How long a silent peer is waited for; longer after a file, of which much may still be on its way.
    pub timeout: Duration,
}

impl Default for StreamParameters {
    fn default() -> Self {
        StreamParameters { timeout: Duration::from_secs(120) }
    }
}

/// Settings of the `f` protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FParameters {
    /// How long a silent peer is waited for; longer after a file, of which much may still be on its way.
    pub timeout: Duration,
    /// How often a file is sent again that came damaged.
    pub retries: u32,
}

impl Default for FParameters {
    fn default() -> Self {
        FParameters { timeout: Duration::from_secs(120), retries: 2 }
    }
}

/// Settings of the `y` protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YParameters {
    /// How long a silent peer is waited for; longer after a file, of which much may still be on its way.
    pub timeout: Duration,
    /// The largest packet, either way, in bytes of data: a multiple of 256, up to 32512; the smaller wish of the two
    /// ends counts.
    pub packet_size: u16,
}

impl Default for YParameters {
    fn default() -> Self {
        YParameters { timeout: Duration::from_secs(60), packet_size: 1024 }
    }
}
