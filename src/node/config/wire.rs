//! Fills the settings of lines, calls and the station from the configuration.

use super::lines::RINGS_WITH_CALLER;
use super::{Config, Flow, LineConfig, LineKind, ModemConfig, SerialPort, System};
use crate::observe::Secret;
use crate::wire::call::{Account, Dialogue, Node, System as CallSystem};
use crate::wire::chat::{self, Kind, Script, Values};
use crate::wire::line::{self, PipeSettings, Port, SerialServerSettings, SerialSettings, TcpSettings};
use crate::wire::modem::Profile;
use crate::wire::session::Permissions;
use crate::wire::station;
use std::sync::Arc;
use std::time::Duration;

/// The login chat when only a name is given: wait for the prompts, and knock with a return if none comes.
const USUAL_CHAT: &str = r"ogin:-\r\c-ogin:-\r\c-ogin: \L word: \P";
/// What TCP lines ask of silent connections.
const KEEPALIVE: Option<Duration> = Some(Duration::from_secs(60));
/// Calls at once on one TCP line, both ways together.
const MOST_CALLS: usize = 8;

impl LineConfig {
    /// The serial port of this machine that the line is on, if it is on one.
    pub fn serial_port(&self) -> Option<SerialSettings> {
        match serial_port(self)? {
            Port::Serial(settings) => Some(settings),
            _ => None,
        }
    }

    /// Whether a modem is on its serial port.
    pub fn has_modem(&self) -> bool {
        matches!(self.kind, LineKind::Serial { modem: Some(_), .. })
    }
}

impl Config {
    /// This node as its calls see it.
    pub fn call_node(&self) -> Node {
        let mut node = Node::new(self.node.name.clone(), self.node.public_directory.clone());
        node.record.clone_from(&self.record);
        node.zone.clone_from(&self.node.time_zone);
        let paid = self.lines.iter().filter_map(|line| Some((line.name.clone(), line.tariff.clone()?)));
        node.tariffs = paid.collect();
        node.systems = self.systems.iter().map(|system| (system.name.clone(), call_system(system))).collect();
        node
    }

    /// The lines and whom they call.
    pub fn station(&self) -> station::Settings {
        let mut settings = station::Settings::new(Arc::new(self.call_node()));
        settings.zone.clone_from(&self.node.time_zone);
        settings.lines = self.lines.iter().filter_map(station_line).collect();
        // A system that only our own standard input reaches is not the station's to call.
        let reachable = |name: &String| settings.lines.iter().any(|line| line.name == *name);
        settings.systems = self
            .systems
            .iter()
            .filter(|system| system.lines.iter().any(reachable))
            .map(|system| station::SystemSettings {
                name: system.name.clone(),
                lines: system.lines.iter().filter(|name| reachable(name)).cloned().collect(),
                numbers: system.numbers.clone(),
                address: system.address.clone(),
                certificate_name: system.certificate_name.clone(),
                sends: system.transfers.call,
                plan: system.plan.clone(),
                sizes: system.sizes.call_local.clone(),
            })
            .collect();
        settings
    }
}

fn call_system(system: &System) -> CallSystem {
    let account = system.called_login.clone().zip(system.called_password_hash.as_ref());
    let usual = CallSystem::default();
    CallSystem {
        profile: system.profile,
        callback: system.callback,
        times: system.plan.times.clone(),
        call_grades: system.call_grades.clone(),
        called_grades: system.called_grades.clone(),
        sequence: system.sequence,
        max_time: system.max_time.unwrap_or(usual.max_time),
        protocols: system.protocols.clone(),
        order: system.order,
        sizes: system.sizes.clone(),
        max_file_time: system.max_file_time,
        permissions: Permissions {
            put: system.transfers.receive_request,
            fetch: system.transfers.send_request,
            largest: system.largest_file.unwrap_or(usual.permissions.largest),
        },
        call_transfer: system.transfers.call,
        called_transfer: system.transfers.called,
        aliases: system.aliases.clone(),
        chat: dialogue(system),
        certificate: system.called_certificate.clone(),
        login: account.map(|(name, hash)| Account { name, password_hash: hash.expose().to_owned() }),
    }
}

pub(super) fn dialogue(system: &System) -> Option<Dialogue> {
    let text = system.chat.as_ref().map(Secret::expose).or(system.login.as_ref().map(|_| USUAL_CHAT))?;
    let values = Values {
        login: system.login.clone(),
        password: system.password.clone(),
        number: system.numbers.first().cloned(),
        system: Some(system.name.to_string()),
        ..Values::default()
    };
    // It was parsed when the file was read.
    let script = Script::parse(text, Kind::Login).ok()?;
    Some(Dialogue { script, settings: chat::Settings::login(), values })
}

/// Our own standard input is no line of the station.
fn station_line(config: &LineConfig) -> Option<station::LineSettings> {
    let kind = match &config.kind {
        LineKind::Serial { modem, .. } => {
            let port = serial_port(config)?;
            match modem {
                Some(modem) => station::LineKind::Modem { port, profile: Box::new(profile(modem)) },
                None => station::LineKind::Direct { port },
            }
        }
        LineKind::Tcp { listen, connect_timeout, over, plain_passwords } => station::LineKind::Tcp {
            listen: listen.clone(),
            connect_limit: *connect_timeout,
            keepalive: KEEPALIVE,
            over: over.clone(),
            plain_passwords: *plain_passwords,
            most_calls: MOST_CALLS,
        },
        LineKind::Pipe { program } => station::LineKind::Pipe(PipeSettings { argv: program.clone() }),
        LineKind::Stdin => return None,
    };
    let hold_off = match config.kind {
        LineKind::Serial { hold_off, .. } => hold_off,
        _ => station::LineSettings::HOLD_OFF,
    };
    let LineConfig { name, answer, declared, protocols, order, .. } = config.clone();
    Some(station::LineSettings { name, answer, hold_off, declared, protocols, order, kind })
}

/// How the serial port of a line is opened; none if it has no serial port.
fn serial_port(config: &LineConfig) -> Option<Port> {
    let LineKind::Serial {
        port,
        speed,
        flow,
        data,
        parity,
        dtr_on_open,
        hang_up_on_close,
        lock_directory,
        exclusive,
        hold_off: _,
        modem: _,
    } = config.kind.clone()
    else {
        return None;
    };
    let flow = match flow {
        Flow::RtsCts => line::Flow::RtsCts,
        Flow::XonXoff => line::Flow::XonXoff,
        Flow::None => line::Flow::None,
    };
    Some(match port {
        SerialPort::Device(device) => Port::Serial(SerialSettings {
            device,
            speed,
            data,
            parity,
            flow,
            dtr_on_open,
            hang_up_on_close,
            exclusive,
            lock_dir: Some(lock_directory),
            ..SerialSettings::default()
        }),
        SerialPort::Server { host, port, plain_passwords } => Port::SerialServer(SerialServerSettings {
            tcp: TcpSettings { host, port, ..TcpSettings::default() },
            speed,
            data,
            parity,
            flow,
            plain_passwords,
        }),
    })
}

fn profile(modem: &ModemConfig) -> Profile {
    let mut profile = Profile::named(&modem.profile).unwrap_or_else(Profile::generic);
    profile.init.extend(modem.init.iter().map(|init| format!("AT{init}")));
    if modem.pulse {
        profile.dial = "ATDP".to_owned();
    }
    profile.dial.push_str(modem.dial_prefix.as_deref().unwrap_or_default());
    profile.timeouts.dial = modem.dial_timeout.unwrap_or(profile.timeouts.dial);
    profile.timeouts.dtr_low = modem.dtr_low.unwrap_or(profile.timeouts.dtr_low);
    profile.asks_caller = modem.caller_id;
    let usual = if modem.caller_id { RINGS_WITH_CALLER } else { profile.rings };
    profile.rings = modem.rings.unwrap_or(usual);
    if modem.auto_answer {
        profile.auto_answer = u8::try_from(profile.rings).unwrap_or(u8::MAX);
    }
    profile
}
