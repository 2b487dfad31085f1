//! The settings of the protocols by their names, for the configuration. Names and ranges are those of
//! `protocol-parameter` in the Taylor UUCP manual, section "Protocol Selection".
//!
//! There is no `garbage`: bytes that begin no packet count as errors.

use super::{GParameters, IParameters, Parameters};
use std::time::Duration;

/// What a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number, from and to.
    Count(u32, u32),
    /// So many bytes, from and to; a multiple of the first, or the first doubled some times.
    Size {
        least: u32,
        most: u32,
        doubled: bool,
    },
    Time,
    Truth,
    /// Characters that are not printable.
    Characters,
}

/// What it is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Number(u32),
    Time(Duration),
    Truth(bool),
    Characters(Vec<u8>),
}

/// Something else than the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The protocol.
    pub letter: char,
    pub name: &'static str,
    pub value: Value,
}

/// How often anything may be tried or go wrong.
const TIMES: Kind = Kind::Count(0, 100_000);

const I: &[(&str, Kind)] = &[
    ("window", Kind::Count(1, 16)),
    ("packet-size", Kind::Size { least: 1, most: 4095, doubled: false }),
    ("remote-packet-size", Kind::Size { least: 1, most: 4095, doubled: false }),
    ("sync-timeout", Kind::Time),
    ("sync-retries", TIMES),
    ("timeout", Kind::Time),
    ("retries", TIMES),
    ("errors", TIMES),
    ("error-decay", TIMES),
    ("ack-frequency", Kind::Count(1, 16)),
];

const G: &[(&str, Kind)] = &[
    ("window", Kind::Count(1, 7)),
    ("packet-size", Kind::Size { least: 32, most: 4096, doubled: true }),
    ("remote-window", Kind::Count(1, 7)),
    ("remote-packet-size", Kind::Size { least: 32, most: 4096, doubled: true }),
    ("startup-retries", TIMES),
    ("init-retries", TIMES),
    ("init-timeout", Kind::Time),
    ("timeout", Kind::Time),
    ("retries", TIMES),
    ("errors", TIMES),
    ("error-decay", TIMES),
    ("short-packets", Kind::Truth),
];

/// The settings of a protocol.
pub fn settings(letter: char) -> Vec<(&'static str, Kind)> {
    match letter {
        'i' => I.to_vec(),
        'j' => [I, &[("avoid", Kind::Characters)]].concat(),
        'g' | 'G' | 'v' => G.to_vec(),
        'f' => vec![("timeout", Kind::Time), ("retries", TIMES)],
        't' | 'e' => vec![("timeout", Kind::Time)],
        'y' => {
            let size = Kind::Size { least: 256, most: 32_512, doubled: false };
            vec![("timeout", Kind::Time), ("packet-size", size)]
        }
        _ => Vec::new(),
    }
}

impl Parameters {
    /// Changes one setting; one that is of another kind, or of no protocol here, changes nothing.
    pub fn set(&mut self, change: &Change) {
        let Change { letter, name, value } = change;
        match (letter, *name, value) {
            ('j', "avoid", Value::Characters(characters)) => self.j.avoid.clone_from(characters),
            ('i', name, value) => set_i(&mut self.i, name, value),
            ('j', name, value) => set_i(&mut self.j.i, name, value),
            ('g', name, value) => set_g(&mut self.g, name, value),
            ('G', name, value) => set_g(&mut self.big_g, name, value),
            ('v', name, value) => set_g(&mut self.v, name, value),
            ('t', "timeout", Value::Time(time)) => self.t.timeout = *time,
            ('e', "timeout", Value::Time(time)) => self.e.timeout = *time,
            ('f', "timeout", Value::Time(time)) => self.f.timeout = *time,
            ('f', "retries", Value::Number(number)) => self.f.retries = *number,
            ('y', "timeout", Value::Time(time)) => self.y.timeout = *time,
            ('y', "packet-size", Value::Number(bytes)) => self.y.packet_size = size(*bytes),
            _ => {}
        }
    }
}

fn set_i(of: &mut IParameters, name: &str, value: &Value) {
    match (name, value) {
        ("window", Value::Number(number)) => of.window = window(*number),
        ("packet-size", Value::Number(bytes)) => of.packet_size = size(*bytes),
        ("remote-packet-size", Value::Number(bytes)) => of.remote_packet_size = size(*bytes),
        ("sync-timeout", Value::Time(time)) => of.sync_timeout = *time,
        ("sync-retries", Value::Number(number)) => of.sync_retries = *number,
        ("timeout", Value::Time(time)) => of.timeout = *time,
        ("retries", Value::Number(number)) => of.retries = *number,
        ("errors", Value::Number(number)) => of.errors = *number,
        ("error-decay", Value::Number(number)) => of.error_decay = *number,
        ("ack-frequency", Value::Number(number)) => of.ack_frequency = Some(*number),
        _ => {}
    }
}

fn set_g(of: &mut GParameters, name: &str, value: &Value) {
    match (name, value) {
        ("window", Value::Number(number)) => of.window = window(*number),
        ("packet-size", Value::Number(bytes)) => of.packet_size = size(*bytes),
        ("remote-window", Value::Number(number)) => of.remote_window = window(*number),
        ("remote-packet-size", Value::Number(bytes)) => of.remote_packet_size = size(*bytes),
        ("startup-retries", Value::Number(number)) => of.startup_retries = *number,
        ("init-retries", Value::Number(number)) => of.init_retries = *number,
        ("init-timeout", Value::Time(time)) => of.init_timeout = *time,
        ("timeout", Value::Time(time)) => of.timeout = *time,
        ("retries", Value::Number(number)) => of.retries = *number,
        ("errors", Value::Number(number)) => of.errors = *number,
        ("error-decay", Value::Number(number)) => of.error_decay = *number,
        ("short-packets", Value::Truth(truth)) => of.short_packets = *truth,
        _ => {}
    }
}

fn window(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn size(bytes: u32) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::link::KNOWN;

    #[test]
    fn every_setting_that_has_a_name_is_set() {
        for letter in KNOWN.chars() {
            assert!(!settings(letter).is_empty(), "{letter}");
            for (name, kind) in settings(letter) {
                let value = match kind {
                    Kind::Count(least, most) => Value::Number((least + most) / 2 + 1),
                    Kind::Size { least, .. } => Value::Number(least),
                    Kind::Time => Value::Time(Duration::from_secs(7)),
                    Kind::Truth => Value::Truth(letter == 'G'),
                    Kind::Characters => Value::Characters(vec![0xff]),
                };
                let mut parameters = Parameters::default();
                parameters.set(&Change { letter, name, value });
                assert_ne!(parameters, Parameters::default(), "{letter} {name}");
            }
        }
    }
}
