//! Modem lines and a UART for the PTYs of a program under test, driven from here: DTR, DCD, CTS and the error counters are
//! in a file that `modem_lines.c`, preloaded into the program, has mapped.

use super::preload;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use uugate::wire::exchange::Event;

/// The incoming lines, as tty_ioctl(4) has them.
pub const CTS: u32 = 0x020;
pub const DCD: u32 = 0x040;
pub const DSR: u32 = 0x100;
const DTR: u32 = 0x002;

/// Types of UARTs, as `<linux/serial.h>` has them.
pub const UART_16450: u32 = 2;
pub const UART_16550A: u32 = 4;

/// The places of the file: that many words from its start.
#[derive(Clone, Copy)]
enum Place {
    Incoming,
    Outgoing,
    DtrFalls,
    Uart,
    Fifo,
    Overrun = 6,
    Unsent = 10,
    End,
}

/// One serial port.
pub struct ModemLines {
    library: PathBuf,
    path: PathBuf,
    file: File,
}

impl ModemLines {
    /// A port with a 16550A, its modem switched on (CTS, DSR) and without a carrier.
    pub fn new(folder: &Path) -> ModemLines {
        let library = preload::library("modem_lines", folder);
        let path = folder.join("modem_lines");
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let lines = ModemLines { library, path, file: file.expect("a file for the lines") };
        for place in 0..Place::End as u64 {
            lines.file.write_all_at(&[0; 4], place * 4).expect("room for the lines");
        }
        lines.set_uart(UART_16550A, 16);
        lines.set(CTS | DSR);
        lines
    }

    /// What a program needs in its environment to see them.
    pub fn environment(&self) -> [(&'static str, OsString); 2] {
        [("LD_PRELOAD", self.library.clone().into()), ("MODEM_LINES", self.path.clone().into())]
    }

    /// Has the carrier signal follow what the exchange tells.
    pub fn follow(&self, event: &Event) {
        match event {
            Event::Connected { .. } => self.raise(DCD),
            Event::Ended { .. } | Event::CarrierLost { .. } => self.lower(DCD),
            _ => {}
        }
    }

    /// The incoming lines that are high from now on.
    pub fn set(&self, high: u32) {
        self.write(Place::Incoming, high);
    }

    pub fn raise(&self, lines: u32) {
        self.set(self.read(Place::Incoming) | lines);
    }

    pub fn lower(&self, lines: u32) {
        self.set(self.read(Place::Incoming) & !lines);
    }

    pub fn set_uart(&self, kind: u32, fifo: u32) {
        self.write(Place::Uart, kind);
        self.write(Place::Fifo, fifo);
    }

    /// The UART loses so many characters.
    pub fn overrun(&self, characters: u32) {
        self.write(Place::Overrun, self.read(Place::Overrun) + characters);
    }

    /// So many characters wait for CTS.
    pub fn hold_up(&self, characters: u32) {
        self.write(Place::Unsent, characters);
    }

    pub fn dtr(&self) -> bool {
        self.read(Place::Outgoing) & DTR != 0
    }

    /// How often DTR has fallen.
    pub fn dtr_falls(&self) -> u32 {
        self.read(Place::DtrFalls)
    }

    fn read(&self, place: Place) -> u32 {
        let mut word = [0; 4];
        self.file.read_exact_at(&mut word, place as u64 * 4).expect("the lines");
        u32::from_ne_bytes(word)
    }

    fn write(&self, place: Place, word: u32) {
        self.file.write_all_at(&word.to_ne_bytes(), place as u64 * 4).expect("the lines");
    }
}
