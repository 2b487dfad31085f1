//! AUTH (RFC 4954): PLAIN (RFC 4616), and LOGIN for servers that have nothing else.

use super::Login;
use super::extensions::Extensions;
use crate::observe::Secret;
use base64ct::{Base64, Encoding};
use std::collections::VecDeque;

/// The lines that are to be said, one after each answer that asks for more.
#[derive(Debug)]
pub struct Lines(VecDeque<Secret>);

impl Lines {
    /// By the better of what the server offers; `None`: it offers neither.
    pub fn of(login: &Login, extensions: &Extensions) -> Option<Lines> {
        let (user, password) = (&login.user, login.password.expose());
        if extensions.auth_plain {
            let all = Base64::encode_string(format!("\0{user}\0{password}").as_bytes());
            return Some(Lines(VecDeque::from([Secret::new(format!("AUTH PLAIN {all}"))])));
        }
        let secret = |text: &str| Secret::new(Base64::encode_string(text.as_bytes()));
        let lines = [Secret::new("AUTH LOGIN"), secret(user), secret(password)];
        extensions.auth_login.then(|| Lines(VecDeque::from(lines)))
    }

    pub fn next_line(&mut self) -> Option<Secret> {
        self.0.pop_front()
    }
}
