//! AUTH (RFC 4954): PLAIN (RFC 4616) and LOGIN, which asks for name and password one after the other.
//!
//! What is said here is secret, and repeated in no answer.

use super::{Awaiting, Server};
use crate::lines::Line;
use crate::observe::Secret;
use crate::post::smtp::{Event, Refusal};
use base64ct::{Base64, Encoding};
use std::time::Instant;

/// The longest name, in bytes.
const NAME_MAX: usize = 255;
/// `Username:` and `Password:` in base64, as clients of LOGIN know them.
const NAME: &str = "VXNlcm5hbWU6";
const PASSWORD: &str = "UGFzc3dvcmQ6";

/// What the next line of the client is.
#[derive(Debug)]
pub(super) enum Login {
    /// On whose behalf, name and password, with NUL between them.
    Plain,
    Name,
    Password {
        name: String,
    },
}

impl Login {
    /// How it is asked for.
    fn challenge(&self) -> &'static str {
        match self {
            Login::Plain => "",
            Login::Name => NAME,
            Login::Password { .. } => PASSWORD,
        }
    }
}

impl Server {
    pub(super) fn auth(&mut self, mechanism: &str, initial: Option<Secret>) {
        if !self.settings.login {
            return self.wrong(502, "5.5.1", "AUTH is not offered");
        }
        if !self.is_extended() {
            return self.wrong(503, "5.5.1", "say EHLO first");
        }
        if !self.settings.secured {
            return self.wrong(538, "5.7.11", "passwords are taken over TLS alone; say STARTTLS first");
        }
        if self.logged_in || self.recipients.is_some() {
            return self.wrong(503, "5.5.1", "AUTH comes once, and before MAIL");
        }
        let login = match mechanism {
            "PLAIN" => Login::Plain,
            "LOGIN" => Login::Name,
            _ => return self.wrong(504, "5.5.4", "PLAIN and LOGIN are offered"),
        };
        match initial.as_ref().map(Secret::expose) {
            None => self.challenge(login),
            // Section 4: an empty response is written so.
            Some("=") => self.response(login, ""),
            Some(text) => self.response(login, text),
        }
    }

    /// A line of the client in the middle of AUTH.
    pub(super) fn login_line(&mut self, line: Line) {
        let Awaiting::Login(login) = std::mem::replace(&mut self.awaiting, Awaiting::Command) else { return };
        let Some(text) = self.whole(line) else { return };
        match std::str::from_utf8(&text) {
            Ok("*") => self.wrong(501, "5.7.0", "given up"),
            Ok(text) => self.response(login, text),
            Err(_) => self.no_response(),
        }
    }

    fn challenge(&mut self, login: Login) {
        let challenge = format!("334 {}", login.challenge());
        self.push_line(&challenge);
        self.awaiting = Awaiting::Login(login);
    }

    fn response(&mut self, login: Login, text: &str) {
        let decoded = Base64::decode_vec(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(decoded) = decoded else { return self.no_response() };
        match login {
            Login::Plain => {
                let parts: Vec<&str> = decoded.split('\0').collect();
                match parts.as_slice() {
                    [on_behalf, name, password] if on_behalf.is_empty() || on_behalf == name => {
                        self.check_login((*name).to_owned(), (*password).to_owned());
                    }
                    [_, _, _] => self.wrong(535, "5.7.8", "nobody acts on behalf of others here"),
                    _ => self.no_response(),
                }
            }
            Login::Name => self.challenge(Login::Password { name: decoded }),
            Login::Password { name } => self.check_login(name, decoded),
        }
    }

    fn check_login(&mut self, name: String, password: String) {
        let sound = |text: &str| !text.is_empty() && !text.contains('\0');
        if !sound(&name) || !sound(&password) || name.len() > NAME_MAX || name.contains(char::is_control) {
            return self.no_response();
        }
        self.events.push_back(Event::Login { name, password: Secret::new(password) });
        self.awaiting = Awaiting::LoginAnswer;
    }

    fn no_response(&mut self) {
        self.wrong(501, "5.5.2", "this is no answer in base64 to what was asked");
    }

    /// The driver has refused a login; who guesses is slowed down.
    pub(super) fn pause_login(&mut self, now: Instant, refusal: Refusal) {
        if refusal.code != 535 {
            return self.refuse_login(now, &refusal);
        }
        let times = 1 << self.wrong_logins.min(10);
        self.wrong_logins += 1;
        self.deadline = Some((now + self.settings.login_pause * times).min(self.ends));
        self.awaiting = Awaiting::LoginPause(refusal);
    }

    pub(super) fn refuse_login(&mut self, now: Instant, refusal: &Refusal) {
        self.say_refusal(refusal);
        self.errors += 1;
        if self.wrong_logins >= self.settings.logins_max {
            return self.hang_up("4.7.0", "too many wrong passwords");
        }
        self.heard(now);
        self.check_errors();
        self.run(now);
    }
}
