//! What a command of the peer becomes here: an offer to the store, files to send to it, or a refusal.

use super::ask::{Expansion, Kind, Offer};
use super::command::{Letter, ParseError, Request, Rest, Transfer};
use super::handshake::same_system;
use super::naming::{NameReader, Named, grade};
use super::permit::{
    LONGEST_PATH, Permissions, SpoolName, goes_to_spool, public_path, real_temp, spool_name,
};
use super::{Features, Refusal};
use crate::job::{Command, Execute, Grade, Notify, SystemName};

/// What to do with a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Judged {
    Offer {
        letter: Letter,
        offer: Box<Offer>,
        /// That of its job, as far as the names tell.
        grade: Option<Grade>,
    },
    Open {
        path: String,
        limit: Option<u64>,
        rest: Option<Rest>,
    },
    Refuse {
        letter: Letter,
        why: Refusal,
    },
    Expand(Expansion),
    RefuseToExpand,
    HangUp,
}

/// The peer as far as its commands are judged by it.
#[derive(Debug, Clone)]
pub struct Judge {
    /// Its names; the first is the one that we know it by.
    pub names: Vec<SystemName>,
    pub features: Features,
    /// It knows the answer that a file was received before.
    pub knows_already: bool,
    pub permissions: Permissions,
    /// The absolute path of the public directory.
    pub public: String,
    /// File data are sound as they come, so that a part of a file may be kept.
    pub sound: bool,
    /// Reads the names in its commands.
    pub name_reader: NameReader,
}

impl Judge {
    /// Judges one command, without its NUL. `Err`: it is no command at all.
    pub fn judge(&mut self, text: &[u8]) -> Result<Judged, ParseError> {
        let refuse = |letter, why| Ok(Judged::Refuse { letter, why });
        match Request::parse(text, self.features) {
            Ok(Request::HangUp) => Ok(Judged::HangUp),
            Ok(Request::Expand { from, to, user, options }) => {
                let expansion = self.expand(&from, &to, user, &options);
                Ok(expansion.map_or(Judged::RefuseToExpand, Judged::Expand))
            }
            Err(ParseError::UnfitExpand) => Ok(Judged::RefuseToExpand),
            Ok(Request::Send(transfer)) => {
                let (letter, grade) = (Letter::Send, grade_of(&transfer.to));
                let named = self.read_names(&transfer);
                match self.send(transfer, named) {
                    Ok(offer) => Ok(Judged::Offer { letter, offer: Box::new(offer), grade }),
                    Err(why) => refuse(letter, why),
                }
            }
            Ok(Request::Execute { transfer, command }) => {
                let (letter, grade) = (Letter::Execute, grade_of(&transfer.to));
                let named = self.read_names(&transfer);
                match self.execute(transfer, named, &command) {
                    Ok(offer) => Ok(Judged::Offer { letter, offer: Box::new(offer), grade }),
                    Err(why) => refuse(letter, why),
                }
            }
            Ok(Request::Receive { from, limit, rest, .. }) => {
                match public_path(&from, None, &self.public).filter(|_| self.permissions.fetch) {
                    Some(path) => Ok(Judged::Open { path, limit, rest }),
                    None => refuse(Letter::Receive, Refusal::Denied),
                }
            }
            Err(ParseError::Unfit(_, letter)) => refuse(letter, Refusal::Denied),
            Err(ParseError::Unknown) => Err(ParseError::Unknown),
        }
    }

    /// What FROM and TEMP tell. Those of every command are read, whatever becomes of it, for one tells what others leave out.
    fn read_names(&mut self, transfer: &Transfer) -> Named {
        match spool_name(&transfer.to) {
            Some(_) => self.name_reader.read_spool_file(&transfer.from, &transfer.temp),
            // Paths are made by users, so only a uugate is believed here.
            None if self.features.has(Features::UUGATE) => {
                self.name_reader.read_public_file(&transfer.from, &transfer.temp)
            }
            None => Named::default(),
        }
    }

    /// Files of the public directory go to the one who asks, and to no third system.
    fn expand(&self, from: &str, to: &str, user: String, options: &str) -> Option<Expansion> {
        let (system, to) = to.split_once('!')?;
        let to = if to.is_empty() { "~/" } else { to };
        let goes_to_it = self.names.iter().any(|name| same_system(name.as_str(), system));
        let plain = !to.contains(|c: char| c == '!' || c.is_control());
        let sound = to.len() <= LONGEST_PATH && plain && !goes_to_spool(to);
        let pattern = public_path(from, None, &self.public)?;
        (goes_to_it && sound && self.permissions.fetch).then(|| Expansion {
            pattern,
            to: to.to_owned(),
            user,
            make_directories: !options.contains('f'),
        })
    }

    fn send(&self, transfer: Transfer, named: Named) -> Result<Offer, Refusal> {
        let name = transfer.to.clone();
        let kind = match spool_name(&transfer.to) {
            Some(SpoolName::Data) => Kind::Data { name },
            Some(SpoolName::Execution) => Kind::ExecutionFile { name },
            None => Kind::File {
                to: public_path(&transfer.to, Some(&transfer.from), &self.public).ok_or(Refusal::Denied)?,
                mode: transfer.mode,
                make_directories: !transfer.options.contains('f'),
                notify: transfer.notify.clone().filter(|_| transfer.options.contains('n')),
            },
        };
        let command = transfer.to.clone();
        self.offer(transfer, named, command, kind)
    }

    fn execute(&self, transfer: Transfer, named: Named, line: &str) -> Result<Offer, Refusal> {
        // The shell (option `e`) is for nobody; and what is no list of words could only be kept as what it is not.
        if transfer.options.contains('e') || spool_name(&transfer.to) != Some(SpoolName::Data) {
            return Err(Refusal::Denied);
        }
        let command = Command::parse(line).map_err(|_| Refusal::Denied)?;
        let execute = Execute {
            command,
            user: transfer.user.clone(),
            requestor: transfer.notify.clone().filter(|_| transfer.options.contains('R')),
            notify: if transfer.options.contains('N') { Notify::Never } else { Notify::OnError },
        };
        self.offer(transfer, named, line.to_owned(), Kind::Execution(execute))
    }

    fn offer(&self, transfer: Transfer, named: Named, command: String, kind: Kind) -> Result<Offer, Refusal> {
        if !self.permissions.put {
            return Err(Refusal::Denied);
        }
        if transfer.size.is_some_and(|size| size > self.permissions.largest) {
            return Err(Refusal::TooLarge);
        }
        let restart = self.features.has(Features::RESTART);
        Ok(Offer {
            restart: restart && self.sound && real_temp(&transfer.temp) && transfer.size.is_some(),
            knows_already: self.knows_already,
            temp: transfer.temp,
            size: transfer.size,
            user: transfer.user,
            command,
            stable: named.stable,
            digest: named.digest,
            kind,
        })
    }
}

/// The grade of what goes to a name: that of a spool file may stand in it, a file of the file system is taken for what
/// uucp gives it.
fn grade_of(to: &str) -> Option<Grade> {
    if spool_name(to).is_some() { grade(to) } else { Some(Grade::DEFAULT) }
}
