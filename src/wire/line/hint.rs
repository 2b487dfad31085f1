//! What to do about characters that a serial port lost, in plain words.
//!
//! Which counter grows for which reason: firmware-notes/16550.md.

use super::{Flow, UartCounters};

/// UARTs that hold one character; the next one overwrites it. The FIFO of the 16550 without an A is broken, and is left off.
pub const WITHOUT_FIFO: [&str; 3] = ["8250", "16450", "16550"];
/// The highest speed at which such a UART can be relied on, in bit/s.
pub const SAFE_WITHOUT_FIFO: u32 = 9_600;
/// The usual speeds of ports, in bit/s, fastest first.
pub const SPEEDS: [u32; 8] = [230_400, 115_200, 57_600, 38_400, 19_200, 9_600, 2_400, 1_200];
/// What turns hardware flow control on, in the modems of one family or the other.
const HARDWARE_FLOW: &str = "AT&K3, AT&H1&R2 or AT+IFC=2,2";

/// One sentence for what was seen; none if nothing went wrong.
pub(super) fn hint(seen: &UartCounters, speed: u32, flow: Flow) -> Option<String> {
    let mut advice = Vec::new();
    if seen.overrun > 0 {
        let bare = seen.uart.filter(|uart| WITHOUT_FIFO.contains(uart) && speed > SAFE_WITHOUT_FIFO);
        let slower = SPEEDS.into_iter().find(|slower| *slower < speed);
        advice.push(match (bare, slower) {
            (Some(uart), _) => format!(
                "the UART is a {uart}, which holds one character: use a port with a 16550A, or set speed = \"{SAFE_WITHOUT_FIFO} bit/s\""
            ),
            (None, Some(slower)) => format!(
                "the UART is not read in time at {speed} bit/s: set speed = \"{slower} bit/s\", or lower the trigger level of its FIFO (rx_trig_bytes)"
            ),
            (None, None) => "the machine is too slow for this port".to_owned(),
        });
    }
    if (seen.overrun > 0 || seen.buffer_overrun > 0) && flow != Flow::RtsCts {
        advice.push(format!(
            "nothing stops the modem in time: set flow = \"rts-cts\", and at the modem {HARDWARE_FLOW}"
        ));
    } else if seen.buffer_overrun > 0 {
        advice.push(format!(
            "the modem does not heed RTS: give it hardware flow control ({HARDWARE_FLOW}), and a cable with RTS and CTS"
        ));
    }
    if advice.is_empty() && (seen.framing > 0 || seen.parity > 0) {
        advice.push("compare speed and format with what the modem has; if they are right, look for noise on the cable".to_owned());
    }
    if advice.is_empty() && seen.breaks > 0 {
        advice.push("the device was switched off, the cable is loose, or somebody sends breaks".to_owned());
    }
    (!advice.is_empty()).then(|| advice.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(uart: &'static str) -> UartCounters {
        UartCounters { uart: Some(uart), ..UartCounters::default() }
    }

    #[test]
    fn nothing_is_said_of_a_port_that_lost_nothing() {
        assert_eq!(hint(&seen("8250"), 115_200, Flow::None), None);
    }

    #[test]
    fn a_uart_without_a_fifo_is_named_with_the_speed_that_it_bears() {
        for uart in WITHOUT_FIFO {
            let said = hint(&UartCounters { overrun: 37, ..seen(uart) }, 57_600, Flow::RtsCts).unwrap();
            assert!(said.contains(uart) && said.contains("\"9600 bit/s\""), "{said}");
        }
        let slow = hint(&UartCounters { overrun: 1, ..seen("16450") }, 9_600, Flow::RtsCts).unwrap();
        assert!(slow.contains("\"2400 bit/s\""), "{slow}");
    }

    #[test]
    fn a_speed_that_is_too_high_for_the_fifo_has_a_lower_one_beside_it() {
        let lost = UartCounters { overrun: 2, ..seen("16550A") };
        let said = hint(&lost, 115_200, Flow::RtsCts).unwrap();
        assert!(said.contains("\"57600 bit/s\"") && said.contains("rx_trig_bytes"), "{said}");
        assert!(!said.contains("rts-cts"), "it has that: {said}");
        assert!(hint(&lost, 33_333, Flow::RtsCts).unwrap().contains("\"19200 bit/s\""));
    }

    #[test]
    fn flow_control_is_asked_for_where_there_is_none_and_of_the_modem_where_there_is() {
        let full = UartCounters { buffer_overrun: 5, ..seen("16550A") };
        for flow in [Flow::None, Flow::XonXoff] {
            assert!(hint(&full, 57_600, flow).unwrap().contains("flow = \"rts-cts\""));
        }
        let said = hint(&full, 57_600, Flow::RtsCts).unwrap();
        assert!(said.contains("does not heed RTS") && said.contains("AT&K3"), "{said}");
        let both = hint(&UartCounters { overrun: 1, ..full }, 57_600, Flow::None).unwrap();
        assert!(both.contains("not read in time") && both.contains("rts-cts"), "{both}");
    }

    #[test]
    fn spoiled_characters_ask_for_speed_format_and_cable() {
        let spoiled = hint(&UartCounters { framing: 3, parity: 1, ..seen("16550A") }, 57_600, Flow::RtsCts);
        assert!(spoiled.unwrap().contains("speed and format"));
        let broken = hint(&UartCounters { breaks: 1, ..UartCounters::default() }, 57_600, Flow::RtsCts);
        assert!(broken.unwrap().contains("cable is loose"));
    }
}
