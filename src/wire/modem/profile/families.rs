//! One profile for each family of modems, after its page of firmware-notes. None of these was tried on hardware.
//!
//! Every one goes from the factory settings (`&F`), so that nothing that somebody stored matters, says what it wants of
//! carrier, DTR and flow control, asks for error correction with a way to do without, and for a `CONNECT` that
//! names the rate of the line where the family can. No line is longer than 40 characters: old modems take no more.

use super::{CallerId, HangUp, Profile, Timeouts, codes};
use std::time::Duration;

/// How long a modem that empties its buffers first may take to hang up: its S38 is 20 s.
const EMPTIES_BUFFERS: Duration = Duration::from_secs(25);

pub(super) fn all() -> Vec<Profile> {
    vec![
        usr_courier(),
        usr_sportster(),
        rockwell(),
        lucent(),
        hayes_optima(),
        zyxel(),
        multitech_zba(),
        multitech_mt2834(),
        smartlink(),
        tcpser(),
        wifi(),
    ]
}

/// Off hook without a call, in the Hayes set and those that follow it; V.250 has no such command.
fn off_hook() -> Option<String> {
    Some("ATH1".to_owned())
}

/// Says who calls.
const VCID: CallerId = &["AT+VCID=1"];
/// The older form.
const CID: CallerId = &["AT#CID=1"];

fn family(name: &str, reset: &str, init: &[&str]) -> Profile {
    Profile {
        name: name.to_owned(),
        reset: reset.to_owned(),
        init: init.iter().map(|line| (*line).to_owned()).collect(),
        // What a family has is on its page.
        caller_id: &[],
        ..Profile::generic()
    }
}

/// firmware-notes/usr-courier.md
fn usr_courier() -> Profile {
    let init = ["ATE0V1Q0X4", "AT&C1&D2&H1&R2&B1&A3", "AT&M4&K1"];
    Profile {
        report: Some("ATI6".to_owned()),
        caller_id: CID,
        codes: codes::USR,
        ..family("usr-courier", "AT&F", &init)
    }
}

/// firmware-notes/usr-sportster.md
fn usr_sportster() -> Profile {
    Profile { name: "usr-sportster".to_owned(), ..usr_courier() }
}

/// firmware-notes/rockwell.md
fn rockwell() -> Profile {
    Profile {
        report: Some("AT&V1".to_owned()),
        busy_out: off_hook(),
        caller_id: &["AT#CID=1", "AT+VCID=1"],
        codes: codes::ROCKWELL,
        timeouts: Timeouts { hang_up: EMPTIES_BUFFERS, ..Timeouts::default() },
        // S95: reports of the line's rate, the protocol and the compression, each in a line of its own.
        ..family("rockwell", "AT&F", &["ATE0V1Q0X4", r"AT&C1&D2&K3\N3", "ATW1S95=44"])
    }
}

/// firmware-notes/lucent.md
fn lucent() -> Profile {
    Profile {
        report: Some("ATI11".to_owned()),
        busy_out: off_hook(),
        caller_id: VCID,
        codes: codes::LUCENT,
        ..family("lucent", "AT&F", &["ATE0V1Q0X4", r"AT&C1&D2&K3\N3", r"ATW2\V1"])
    }
}

/// firmware-notes/hayes-optima.md
fn hayes_optima() -> Profile {
    Profile {
        busy_out: off_hook(),
        codes: codes::HAYES,
        timeouts: Timeouts { hang_up: EMPTIES_BUFFERS, ..Timeouts::default() },
        ..family("hayes-optima", "AT&F", &["ATE0V1Q0X4", "AT&C1&D2&K3&Q5", "ATW1"])
    }
}

/// firmware-notes/zyxel.md
fn zyxel() -> Profile {
    Profile {
        report: Some("ATI2".to_owned()),
        busy_out: off_hook(),
        caller_id: &["ATS40.2=1"],
        codes: codes::ZYXEL,
        ..family("zyxel", "AT&F", &["ATE0V1Q0X5", "AT&C1&D2&H3", "AT&N0&B1"])
    }
}

/// firmware-notes/multitech.md, the Lucent part of it.
fn multitech_zba() -> Profile {
    Profile {
        init: ["ATE0V1Q0X4", r"AT&C1&D2&K3\N3", "ATW2"].map(str::to_owned).to_vec(),
        name: "multitech-zba".to_owned(),
        ..lucent()
    }
}

/// firmware-notes/multitech.md, the part with a command set of its own.
fn multitech_mt2834() -> Profile {
    Profile {
        // S2 goes to 127 only; the escape has a command of its own. %E5: OK at once behind it, for the next command has
        // to come within two seconds.
        no_escape: Some("AT%E0".to_owned()),
        codes: codes::MULTITECH,
        ..family("multitech-mt2834", "AT&F", &["ATE0V1Q0X4", "AT&C1&D3&Q0", "AT&E1&E4&E15$BA0%E5"])
    }
}

/// firmware-notes/softmodem.md
fn smartlink() -> Profile {
    Profile {
        // &K is compression here, not flow control. There is no DTR, so the escape has to stay.
        hang_up: HangUp::Escape,
        no_escape: None,
        ..family("smartlink", "ATZ", &["ATE0V1Q0X4", r"AT&C1&A7\N3%C3"])
    }
}

/// firmware-notes/tcp-modems.md, `tcpser`.
fn tcpser() -> Profile {
    Profile {
        no_escape: None,
        codes: codes::TCPSER,
        number_characters: with_names(),
        ..family("tcpser", "ATZ", &["ATE0V1Q0X4", "AT&C1&D2&K3"])
    }
}

/// firmware-notes/tcp-modems.md, the modems of WiFi chips. `&F` would take their network's name and password away.
fn wifi() -> Profile {
    Profile {
        hang_up: HangUp::Escape,
        no_escape: None,
        escape_elsewhere: None,
        number_characters: with_names(),
        ..family("wifi", "ATZ", &["ATE0V1Q0X1", "AT&K1"])
    }
}

/// What is dialled may be the name of a host and its port.
fn with_names() -> String {
    let letters: String = ('a'..='z').chain('A'..='Z').collect();
    format!("{letters}0123456789.:-")
}
