//! The login prompt of the called side: asks for a name and a password, and has them checked.
//!
//! The counterpart of the manual's default login chat (`"" \r\c ogin:-BREAK-ogin: \L word: \P`).

use super::ChatError;
use crate::observe::Secret;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Longest name or password; what goes beyond it is dropped, and the login refused.
const LONGEST: usize = 128;
/// Bytes that may wait unread while a name is checked.
const WAITING: usize = 4096;

/// How callers log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSettings {
    /// Said once, before the first prompt; lines end in CR LF.
    pub banner: String,
    /// The end of it is what callers wait for: `ogin:`.
    pub login_prompt: String,
    /// Its end: `word:`.
    pub password_prompt: String,
    /// Wrong logins before the caller is refused.
    pub attempts: u32,
    /// The whole login has to be done in this time.
    pub timeout: Duration,
    /// Silence after a wrong login, against guessing.
    pub penalty: Duration,
}

impl Default for LoginSettings {
    fn default() -> Self {
        LoginSettings {
            banner: String::new(),
            login_prompt: "login: ".to_owned(),
            password_prompt: "Password:".to_owned(),
            attempts: 3,
            timeout: Duration::from_secs(60),
            penalty: Duration::from_secs(2),
        }
    }
}

/// What happened. `Accepted` and `Failed` come last and once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginEvent {
    /// Check this and answer with [`LoginPrompt::verdict`].
    Check {
        name: String,
        password: Secret,
    },
    Accepted {
        name: String,
    },
    Failed(ChatError),
}

#[derive(Debug)]
enum State {
    ExpectName,
    ExpectPassword {
        name: String,
    },
    ExpectVerdict {
        name: String,
    },
    /// After a wrong login: silent until then.
    Penalty {
        until: Instant,
    },
    Ended,
}

/// One caller at the prompt.
pub struct LoginPrompt {
    settings: LoginSettings,
    state: State,
    deadline: Instant,
    waiting: VecDeque<u8>,
    /// The name or password so far. Never shown: it may be a password.
    entry: Vec<u8>,
    entry_too_long: bool,
    after_return: bool,
    failures: u32,
    last_name: String,
    transmit: Vec<u8>,
    events: VecDeque<LoginEvent>,
}

impl LoginPrompt {
    pub fn new(settings: LoginSettings, now: Instant) -> Self {
        let mut transmit = settings.banner.clone().into_bytes();
        transmit.extend_from_slice(settings.login_prompt.as_bytes());
        LoginPrompt {
            deadline: now + settings.timeout,
            settings,
            state: State::ExpectName,
            waiting: VecDeque::new(),
            entry: Vec::new(),
            entry_too_long: false,
            after_return: false,
            failures: 0,
            last_name: String::new(),
            transmit,
            events: VecDeque::new(),
        }
    }

    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        let room = WAITING.saturating_sub(self.waiting.len());
        self.waiting.extend(bytes.iter().take(room));
        self.run(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.run(now);
    }

    /// The answer to [`LoginEvent::Check`].
    pub fn verdict(&mut self, now: Instant, accepted: bool) {
        let State::ExpectVerdict { name } = std::mem::replace(&mut self.state, State::Ended) else { return };
        if accepted {
            // A line feed behind the return of the password still belongs to it.
            if self.after_return && self.waiting.front() == Some(&b'\n') {
                self.waiting.pop_front();
            }
            self.events.push_back(LoginEvent::Accepted { name });
            return;
        }
        self.last_name = name;
        self.refuse(now);
    }

    /// Moves bytes to be sent to the end of `out`; true if there were any.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let any = !self.transmit.is_empty();
        out.append(&mut self.transmit);
        any
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Penalty { until } => Some(until.min(self.deadline)),
            State::Ended => None,
            _ => Some(self.deadline),
        }
    }

    pub fn poll_event(&mut self) -> Option<LoginEvent> {
        self.events.pop_front()
    }

    /// Wrong logins so far.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// After `Accepted`: what came in behind the password; it belongs to the session.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.waiting).into()
    }

    fn run(&mut self, now: Instant) {
        if now >= self.deadline && !matches!(self.state, State::Ended) {
            self.state = State::Ended;
            self.events.push_back(LoginEvent::Failed(ChatError::LoginTimedOut));
        }
        if matches!(self.state, State::Penalty { until } if now >= until) {
            self.prompt_for_name();
        }
        while matches!(self.state, State::ExpectName | State::ExpectPassword { .. }) {
            let Some(byte) = self.waiting.pop_front() else { return };
            self.take_byte(now, byte);
        }
    }

    fn take_byte(&mut self, now: Instant, byte: u8) {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        let echo = matches!(self.state, State::ExpectName);
        match byte {
            b'\n' if after_return => {}
            b'\r' | b'\n' => self.end_of_entry(now),
            // Backspace and delete.
            0x08 | 0x7f => {
                if self.entry.pop().is_some() && echo {
                    self.transmit.extend_from_slice(b"\x08 \x08");
                }
            }
            // NUL (a break) and other controls mean nothing here.
            0..0x20 => {}
            _ if self.entry.len() >= LONGEST => self.entry_too_long = true,
            _ => {
                self.entry.push(byte);
                if echo {
                    self.transmit.push(byte);
                }
            }
        }
    }

    fn end_of_entry(&mut self, now: Instant) {
        let entry = String::from_utf8_lossy(&std::mem::take(&mut self.entry)).into_owned();
        let too_long = std::mem::take(&mut self.entry_too_long);
        self.transmit.extend_from_slice(b"\r\n");
        match std::mem::replace(&mut self.state, State::Ended) {
            // A bare return asks for the prompt again: callers begin with one.
            State::ExpectName if entry.is_empty() => self.prompt_for_name(),
            State::ExpectName => {
                self.transmit.extend_from_slice(self.settings.password_prompt.as_bytes());
                let name = if too_long { String::new() } else { entry };
                self.state = State::ExpectPassword { name };
            }
            State::ExpectPassword { name } if too_long || name.is_empty() => {
                self.last_name = name;
                self.refuse(now);
            }
            State::ExpectPassword { name } => {
                self.events.push_back(LoginEvent::Check { name: name.clone(), password: Secret::new(entry) });
                self.state = State::ExpectVerdict { name };
            }
            other => self.state = other,
        }
    }

    fn prompt_for_name(&mut self) {
        self.transmit.extend_from_slice(self.settings.login_prompt.as_bytes());
        self.state = State::ExpectName;
    }

    fn refuse(&mut self, now: Instant) {
        self.failures += 1;
        self.transmit.extend_from_slice(b"Login incorrect\r\n");
        if self.failures >= self.settings.attempts {
            let error =
                ChatError::LoginRefused { name: Some(self.last_name.clone()), attempts: self.failures };
            self.events.push_back(LoginEvent::Failed(error));
            self.state = State::Ended;
        } else {
            self.state = State::Penalty { until: now + self.settings.penalty };
        }
    }
}

impl std::fmt::Debug for LoginPrompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginPrompt").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
