//! `uugate smtpd`, `in.smtpd`: SMTP on standard input and output, as inetd or a mail program starts it. The session is the
//! daemon's.

use super::arguments::{Argument, Grammar};
use super::{Common, Failure, site};
use crate::exit;
use crate::node::config::Places;
use crate::node::control::{Client, ControlError};
use crate::node::verbs::Request;
use std::ffi::OsString;
use std::io::Write;

const HELP: &str = "\
usage: smtpd

Speaks SMTP on standard input and output, for inetd(8) and its kin.

  -I, --config FILE  the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar { options: &[], dash: None, words_end_options: false };

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("smtpd", HELP)? {
        return Ok(code);
    }
    if let Some(Argument::Word(word)) = arguments.first() {
        return Err(Failure::usage(format!("{word:?} is too much")));
    }
    serve(&common)
}

/// The same for `sendmail -bs`.
pub fn serve(common: &Common) -> Result<u8, Failure> {
    let places = Places::find(&common.site.file);
    let served = Client::connect(&places.socket)
        .and_then(|client| client.call(&Request::Smtp { from: site::peer_of_stdin() }));
    match served {
        Ok(_) => Ok(exit::OK),
        Err(error) => {
            if matches!(error, ControlError::NoDaemon { .. } | ControlError::Socket { .. }) {
                // The client shall know that it is to come again; it may have gone.
                let _ = std::io::stdout().write_all(b"421 4.3.2 no mail is taken now, try again later\r\n");
            }
            Err(error.into())
        }
    }
}
