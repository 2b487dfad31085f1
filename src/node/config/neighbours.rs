//! How mail is handed to a `[[system]]`.

use super::section::Section;
use crate::job::Grade;
use crate::post::address::AddressStyle;
use crate::post::route::{Neighbour, Transport};

pub fn read(section: &mut Section<'_>) -> Neighbour {
    let usual = Neighbour::default();
    let count = |read: Option<u32>, usual| read.map_or(usual, |count| count as usize);
    Neighbour {
        transport: section.value("transport", transport),
        max_addresses: count(section.count("max-addresses", 1..=1000), usual.max_addresses),
        max_characters: count(section.count("max-characters", 20..=4000), usual.max_characters),
        grade: section.value("mail-grade", grade),
        style: section.value("address-style", style),
    }
}

/// A transport to a neighbour. `rmail` and `rsmtp`, the programs that are run there, mean `uux` and `uusmtp`.
fn transport(text: &str) -> Result<Transport, String> {
    let found = match text {
        "rmail" => Some(Transport::Uux),
        "rsmtp" => Some(Transport::Uusmtp),
        name => Transport::named(name),
    };
    found.filter(|transport| transport.is_uucp() || *transport == Transport::Queueonly).ok_or_else(|| {
        "write \"uux\", \"uux-one-addr\", \"demand\", \"uusmtp\", \"demand-uusmtp\" or \"queueonly\""
            .to_owned()
    })
}

fn style(text: &str) -> Result<AddressStyle, String> {
    AddressStyle::named(text).ok_or_else(|| {
        let names: Vec<String> =
            AddressStyle::ALL.iter().map(|style| format!("{:?}", style.name())).collect();
        format!("write one of {}", names.join(", "))
    })
}

fn grade(text: &str) -> Result<Grade, String> {
    let letter = text.parse::<char>().ok().and_then(Grade::new);
    letter.ok_or_else(|| "write one character of 0-9, A-Z, a-z; \"C\" is usual for mail".to_owned())
}
