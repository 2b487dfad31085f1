//! The called side of the initial handshake (the manual, "The Initial Handshake"): reads S and U; says R and P.

use super::answer::{Answer, Welcome};
use super::introduction::NoNumber;
use super::{Admission, Event, Handshake, Introduction, State, printable};
use crate::wire::session::features::Told;
use crate::wire::session::{Denial, Features, SessionError};

impl Handshake {
    pub(super) fn handle_introduction(&mut self, rest: &str) {
        let introduction = match Introduction::parse(rest) {
            None => return,
            Some(Ok(introduction)) => introduction,
            Some(Err(NoNumber { name })) => {
                self.introduction = Some(Introduction { name, ..Introduction::default() });
                return self.deny(Denial::Other("the number behind -N is not octal".to_owned()));
            }
        };
        (self.worst, self.limit) = (introduction.worst, introduction.limit);
        self.introduction = Some(introduction.clone());
        self.state = State::AwaitVerdict;
        self.event = Some(Event::Check(introduction));
    }

    /// The caller may go on.
    pub fn admit(&mut self, admission: Admission) {
        let Admission { system, protocols, profile, largest, worst } = admission;
        self.peer = Some(system);
        let Introduction { told, restart, choice, .. } = self.introduction.clone().unwrap_or_default();
        self.features = profile.agree(told, restart);
        self.knows_already = profile.knows_already(told, self.features);
        self.worst = worst.or(self.worst);
        let told = match (told, profile.ours) {
            (_, None) => Told::Nothing,
            // What we can do ourselves; the private bit only to whom has shown it.
            (Told::Number(_), Some(ours)) if self.features.has(Features::UUGATE) => Told::Number(ours),
            (Told::Number(_), Some(ours)) => Told::Number(ours.without(Features::UUGATE)),
            // Who announces no number may not know how to read one.
            (told, Some(_)) => told,
        };
        // Options behind a bare ROK are for those who said the same.
        let restart = told == Told::Nothing && restart && profile.says_restart;
        let limit = profile.says_limit.then_some(largest);
        self.seals = self.features.has(Features::UUGATE);
        let welcome = Answer::Welcome(Welcome { told, restart, limit }).to_string();
        let list = format!("P{protocols}");
        self.protocols = protocols;
        self.state = State::AwaitChoice;
        match choice.filter(|_| self.seals) {
            None => self.say(&[&welcome, &list]),
            Some(letter) if self.protocols.contains(letter) => {
                self.say(&[&welcome]);
                self.agree(letter);
            }
            Some(letter) => {
                self.say(&[&list]);
                self.no_such_protocol(&letter.to_string());
            }
        }
    }

    /// The caller may not go on, and is told why.
    pub fn deny(&mut self, why: Denial) {
        let introduction = self.introduction.take().unwrap_or_default();
        self.seals = introduction.told.features().has(Features::UUGATE);
        self.say(&[&Answer::Refused(why.clone()).to_string()]);
        let caller = introduction.name;
        self.fail(SessionError::RefusedCaller { caller, why });
    }

    pub(super) fn handle_choice(&mut self, choice: &str) {
        match choice.chars().next().filter(|letter| self.protocols.contains(*letter)) {
            Some(protocol) => self.agree(protocol),
            None => self.no_such_protocol(choice),
        }
    }

    fn no_such_protocol(&mut self, theirs: &str) {
        let (theirs, ours) = (printable(theirs), self.protocols.clone());
        self.fail(SessionError::NoProtocol { theirs, ours });
    }
}
