//! What only the kernel's serial driver knows, and the one place with unsafe code: error counters (TIOCGICOUNT), the
//! UART's type (TIOCGSERIAL), whether there are modem lines (TIOCMGET), whether somebody has exclusive use (TIOCGEXCL), and the hand-over of an open descriptor
//! to the serial port library.
//!
//! The layouts are those of the kernel's `include/uapi/linux/serial.h`, which never change; a PTY answers ENOTTY.

#![expect(unsafe_code, reason = "these ioctls have no safe wrapper")]

use super::{Flow, hint};
use serialport::TTYPort;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

/// Errors that a UART saw, and its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UartCounters {
    /// Characters lost because the UART was not read in time: lower the speed, or raise the FIFO trigger.
    pub overrun: u32,
    /// Characters without a stop bit: noise, or the wrong speed.
    pub framing: u32,
    pub parity: u32,
    pub breaks: u32,
    /// Characters lost because the kernel's buffer was full: flow control does not work.
    pub buffer_overrun: u32,
    /// `16550A` and the like; `None` where the driver does not say.
    pub uart: Option<&'static str>,
}

impl UartCounters {
    /// What came since an earlier reading; the kernel's counters wrap.
    fn since(self, before: &UartCounters) -> UartCounters {
        UartCounters {
            overrun: self.overrun.wrapping_sub(before.overrun),
            framing: self.framing.wrapping_sub(before.framing),
            parity: self.parity.wrapping_sub(before.parity),
            breaks: self.breaks.wrapping_sub(before.breaks),
            buffer_overrun: self.buffer_overrun.wrapping_sub(before.buffer_overrun),
            uart: self.uart,
        }
    }
}

/// What a UART is, as its driver says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chip {
    /// `16550A` and the like.
    pub name: &'static str,
    /// The FIFO for what is sent, in characters; 1: none. That for what is received is as large in this family.
    pub fifo: u32,
}

/// Counts from its making on. Holds the port open.
#[derive(Debug)]
pub struct UartWatch {
    port: OwnedFd,
    before: UartCounters,
    speed: u32,
    flow: Flow,
}

impl UartWatch {
    /// `None` where there is no UART.
    pub(super) fn start(port: &OwnedFd, speed: u32, flow: Flow) -> Option<Self> {
        let before = counters(port)?;
        Some(UartWatch { port: port.try_clone().ok()?, before, speed, flow })
    }

    /// What came since; `None` once the port is gone.
    pub fn so_far(&self) -> Option<UartCounters> {
        Some(counters(&self.port)?.since(&self.before))
    }

    /// What to do about that, in plain words; nothing if nothing went wrong.
    pub fn hint(&self, seen: &UartCounters) -> Option<String> {
        hint::hint(seen, self.speed, self.flow)
    }
}

/// `struct serial_icounter_struct`.
#[repr(C)]
#[derive(Default)]
struct InterruptCounters {
    cts: i32,
    dsr: i32,
    rng: i32,
    dcd: i32,
    rx: i32,
    tx: i32,
    frame: i32,
    overrun: i32,
    parity: i32,
    brk: i32,
    buf_overrun: i32,
    reserved: [i32; 9],
}

/// `struct serial_struct`.
#[repr(C)]
struct SerialInfo {
    kind: i32,
    line: i32,
    port: u32,
    irq: i32,
    flags: i32,
    xmit_fifo_size: i32,
    custom_divisor: i32,
    baud_base: i32,
    close_delay: u16,
    io_type: u8,
    reserved_char: u8,
    hub6: i32,
    closing_wait: u16,
    closing_wait2: u16,
    iomem_base: *mut u8,
    iomem_reg_shift: u16,
    port_high: u32,
    iomap_base: libc::c_ulong,
}

fn counters(port: &impl AsFd) -> Option<UartCounters> {
    let mut raw = InterruptCounters::default();
    // SAFETY: the descriptor is open (it is borrowed), and TIOCGICOUNT writes one serial_icounter_struct, whose
    // layout `InterruptCounters` has, to the place given, which outlives the call.
    let done = unsafe { libc::ioctl(port.as_fd().as_raw_fd(), libc::TIOCGICOUNT, &raw mut raw) };
    (done == 0).then(|| UartCounters {
        overrun: raw.overrun.cast_unsigned(),
        framing: raw.frame.cast_unsigned(),
        parity: raw.parity.cast_unsigned(),
        breaks: raw.brk.cast_unsigned(),
        buffer_overrun: raw.buf_overrun.cast_unsigned(),
        uart: chip(port).map(|chip| chip.name),
    })
}

pub(super) fn chip(port: &impl AsFd) -> Option<Chip> {
    let mut info = std::mem::MaybeUninit::<SerialInfo>::zeroed();
    // SAFETY: as above; TIOCGSERIAL writes one serial_struct, whose layout `SerialInfo` has.
    let done = unsafe { libc::ioctl(port.as_fd().as_raw_fd(), libc::TIOCGSERIAL, info.as_mut_ptr()) };
    if done != 0 {
        return None;
    }
    // SAFETY: all zero bytes are a valid `SerialInfo` (integers and a null pointer), whatever the kernel wrote over.
    let info = unsafe { info.assume_init() };
    // PORT_* of the same header.
    let name = match info.kind {
        1 => "8250",
        2 => "16450",
        3 => "16550",
        4 => "16550A",
        6 => "16650",
        7 => "16650V2",
        8 => "16750",
        10 => "16C950",
        _ => return None,
    };
    Some(Chip { name, fifo: u32::try_from(info.xmit_fifo_size).unwrap_or(0) })
}

/// Whether somebody has claimed exclusive use of this terminal. Root is let in all the same, so it has to ask.
pub(super) fn is_exclusive(port: &impl AsFd) -> bool {
    let mut exclusive: libc::c_int = 0;
    // SAFETY: the descriptor is open, and TIOCGEXCL writes one int to the place given.
    let done = unsafe { libc::ioctl(port.as_fd().as_raw_fd(), libc::TIOCGEXCL, &raw mut exclusive) };
    done == 0 && exclusive != 0
}

/// Whether a port has modem lines; any other error than that it knows none is one.
pub(super) fn has_modem_lines(port: &impl AsFd) -> io::Result<bool> {
    let mut lines: libc::c_int = 0;
    // SAFETY: the descriptor is open, and TIOCMGET writes one int to the place given.
    let done = unsafe { libc::ioctl(port.as_fd().as_raw_fd(), libc::TIOCMGET, &raw mut lines) };
    let error = io::Error::last_os_error();
    match (done, error.raw_os_error()) {
        (0, _) => Ok(true),
        (_, Some(libc::ENOTTY | libc::EINVAL)) => Ok(false),
        _ => Err(error),
    }
}

/// The library's port, made from a descriptor that is open and locked already. It claims exclusive use as well.
pub(super) fn port_of(device: OwnedFd) -> TTYPort {
    // SAFETY: the descriptor is open and owned, and ownership passes to the port, which closes it.
    unsafe { TTYPort::from_raw_fd(device.into_raw_fd()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layouts_are_the_kernels() {
        assert_eq!(std::mem::size_of::<InterruptCounters>(), 80);
        #[cfg(target_pointer_width = "64")]
        assert_eq!(std::mem::size_of::<SerialInfo>(), 72);
    }

    #[test]
    fn counters_are_told_as_what_came_since_across_a_wrap() {
        let before = UartCounters { overrun: u32::MAX, framing: 3, ..UartCounters::default() };
        let now = UartCounters { overrun: 1, framing: 3, uart: Some("16550A"), ..UartCounters::default() };
        let since = now.since(&before);
        assert_eq!((since.overrun, since.framing, since.uart), (2, 0, Some("16550A")));
    }
}
