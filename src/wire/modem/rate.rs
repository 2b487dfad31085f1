//! How many bytes a second a connection may carry, from what the modems agreed on.
//!
//! Without error correction each byte goes as ten bits, start and stop bit with it (ITU-T V.14). With it (V.42, MNP 4) the
//! modems talk in frames of whole bytes, eight bits each, and a frame of 128 bytes costs some six more. The port always has ten
//! bits a byte, so that a modem that compresses is never faster than a tenth of its speed; what compression gains cannot
//! be foretold, and mail that is packed gains nothing.

use super::Connect;

/// Bits of a byte with its start and stop bit.
const STARTED: u32 = 10;
/// Bits of a byte in a frame.
const FRAMED: u32 = 8;
/// What the frames leave for data, in percent.
const LEFT: u32 = 95;

/// Bytes a second each way; `None` where the rate was not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throughput {
    pub transmit: Option<u32>,
    pub receive: Option<u32>,
}

impl Throughput {
    /// What `connect` promises on a port of `port` bit/s; what the modem said of the port goes before that. Where a lone
    /// number of `connect` was the port's speed and not the line's, this is too high by as much.
    pub fn of(connect: &Connect, port: Option<u32>) -> Throughput {
        let corrected = connect.corrects() == Some(true);
        let port = connect.port.or(port);
        let bytes = |rate: u32| {
            let line = if corrected {
                u64::from(rate) * u64::from(LEFT) / u64::from(FRAMED * 100)
            } else {
                u64::from(rate / STARTED)
            };
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            port.map_or(line, |port| line.min(port / STARTED))
        };
        Throughput { transmit: connect.transmit.map(bytes), receive: connect.receive.map(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reply::{Reply, parse};
    use super::*;

    fn of(line: &str, port: Option<u32>) -> (Option<u32>, Option<u32>) {
        let Reply::Connect(connect) = parse(line.as_bytes()) else { panic!("{line}") };
        let Throughput { transmit, receive } = Throughput::of(&connect, port);
        (transmit, receive)
    }

    #[test]
    fn start_and_stop_bits_go_when_the_modems_correct_errors() {
        assert_eq!(of("CONNECT 14400", None), (Some(1440), Some(1440)));
        assert_eq!(of("CONNECT 2400/NONE", None), (Some(240), Some(240)));
        assert_eq!(of("CONNECT 14400/ARQ", None), (Some(1710), Some(1710)));
        assert_eq!(of("CONNECT 28800 V42BIS", None), (Some(3420), Some(3420)));
    }

    #[test]
    fn whether_errors_are_corrected_is_known_if_it_was_said() {
        for (line, corrected) in [
            ("CONNECT 14400", None),
            ("CONNECT 2400/NONE", Some(false)),
            ("CONNECT 14400/ARQ", Some(true)),
            ("CONNECT 28800 V42BIS", Some(true)),
            ("CONNECT 115200/V90/LAPM/NONE/33600:TX/52000:RX", Some(true)),
        ] {
            let Reply::Connect(connect) = parse(line.as_bytes()) else { panic!("{line}") };
            assert_eq!(connect.corrects(), corrected, "{line}");
        }
    }

    #[test]
    fn each_way_has_its_rate() {
        assert_eq!(of("CONNECT 115200/V90/LAPM/NONE/33600:TX/52000:RX", None), (Some(3990), Some(6175)));
        assert_eq!(of("CONNECT 1200/75", None), (Some(120), Some(7)));
        assert_eq!(of("CONNECT", Some(57600)), (None, None));
    }

    #[test]
    fn the_port_is_never_outrun() {
        assert_eq!(of("CONNECT 33600/ARQ", Some(19200)), (Some(1920), Some(1920)));
        assert_eq!(of("CONNECT 38400/V34/LAPM/V42BIS/33600", Some(115_200)), (Some(3840), Some(3840)));
        assert_eq!(of("CONNECT 10000000/ARQ", None), (Some(1_187_500), Some(1_187_500)));
    }
}
