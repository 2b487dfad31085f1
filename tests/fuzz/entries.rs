//! One function for each parser of foreign bytes, by rooms. Shared by the fuzz targets and by the replay of their corpora.

#[path = "entries/agent.rs"]
mod agent;
#[path = "entries/line.rs"]
mod line;
#[path = "entries/link.rs"]
mod link;
#[path = "entries/mail.rs"]
mod mail;
#[path = "entries/mail_out.rs"]
mod mail_out;
#[path = "entries/node.rs"]
mod node;
#[path = "entries/routes.rs"]
mod routes;
#[path = "entries/session.rs"]
mod session;

pub use agent::*;
pub use line::*;
pub use link::*;
pub use mail::*;
pub use mail_out::*;
pub use node::*;
pub use routes::*;
pub use session::*;

/// A target and the name of its folder below `corpus`.
pub type Entry = (&'static str, fn(&[u8]));

pub const ALL: &[Entry] = &[
    ("address", address),
    ("address_list", address_list),
    ("agent_message", agent_message),
    ("aliases", aliases),
    ("at_command", at_command),
    ("at_reply", at_reply),
    ("batch", batch),
    ("batch_unwrap", batch_unwrap),
    ("batch_wrap", batch_wrap),
    ("carrier_watch", carrier_watch),
    ("chat", chat),
    ("command_line", command_line),
    ("config", config),
    ("control_frame", control_frame),
    ("dots", dots),
    ("from_line", from_line),
    ("handshake", handshake),
    ("header", header),
    ("link_e", link_e),
    ("link_f", link_f),
    ("link_g", link_g),
    ("link_i", link_i),
    ("link_j", link_j),
    ("link_t", link_t),
    ("link_y", link_y),
    ("login", login),
    ("mbox", mbox),
    ("modem_report", modem_report),
    ("modem_spec", modem_spec),
    ("printable", printable),
    ("public_name", public_name),
    ("recording", recording),
    ("routes", routes),
    ("session", session),
    ("session_command", session_command),
    ("smtp_client", smtp_client),
    ("smtp_command", smtp_command),
    ("smtp_reply", smtp_reply),
    ("smtp_server", smtp_server),
    ("telnet", telnet),
    ("time_string", time_string),
    ("x_file", x_file),
];
