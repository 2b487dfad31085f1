//! What becomes of one name, by the directors in their order.

use super::permission::{self, Trust, Unsafe};
use super::{FIRST_LINE_MAX, Found, Known, LIST_MAX, Member, Pause, Reader, Settings, User, Wanted, list};
use crate::post::route::decision::refused;
use crate::post::route::rule::{Place, Why};
use crate::post::route::{Decision, Tables};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How a mailbox says that its owner has his mail elsewhere: that of V7 and System V.
const FORWARD_TO: &[u8] = b"Forward to ";
/// In whose name programs of the site's own files run.
const NOBODY: &str = "nobody";

/// What becomes of a name.
pub(in crate::post::route) enum Directed {
    Done(Decision),
    Expanded(Expansion),
}

/// A name that stands for others.
pub(in crate::post::route) struct Expansion {
    /// By which it is known whether it was opened already, and what people are told: `alias root`.
    pub what: String,
    /// Where that stands, if in a file with others.
    pub place: Option<Place>,
    pub members: Vec<Member>,
    pub grant: Grant,
    /// The local part that becomes the envelope sender of what goes to the members.
    pub owner: Option<String>,
}

/// What members may be, by where they stand.
#[derive(Debug, Clone)]
pub(in crate::post::route) struct Grant {
    /// In whose name the files that they include are read.
    pub reader: Reader,
    pub trust: Trust,
}

impl Grant {
    /// What a sender gives is an address and nothing else.
    pub const SENDER: Grant = Grant { reader: Reader::Site, trust: Trust::Addresses };
}

/// A file of members.
enum Opened {
    Absent,
    Members(Vec<Member>, Trust),
    Refused(String),
}

/// The directors at work on one recipient.
pub(in crate::post::route) struct Local<'a> {
    pub tables: &'a Tables,
    pub known: &'a Known,
    /// What was opened already.
    pub opened: &'a BTreeSet<String>,
    pub why: &'a mut Why,
    /// What somebody should mend.
    pub warnings: &'a mut Vec<String>,
}

impl Local<'_> {
    /// What becomes of a name.
    pub fn direct(&mut self, name: &str) -> Result<Directed, Pause> {
        let key = Tables::key(name);
        if let Some(expansion) = self.alias(&key)? {
            return Ok(Directed::Expanded(expansion));
        }
        let user = match (self.user(&key)?, key.as_str()) {
            (None, "postmaster" | "mailer-daemon") => self.postmaster(),
            (user, _) => user,
        };
        if let Some(user) = user {
            self.why.push(format!("local user {}", user.name));
            return Ok(match self.forwarded(&user)? {
                Some(expansion) => Directed::Expanded(expansion),
                None => Directed::Done(into_mailbox(user)),
            });
        }
        if let Some(user) = key.strip_prefix("real-").map(|name| self.user(name)).transpose()?.flatten() {
            self.why.push(format!("the mailbox of {}", user.name));
            return Ok(Directed::Done(into_mailbox(user)));
        }
        if let Some(directed) = self.mailing_list(&key)? {
            return Ok(directed);
        }
        self.why.push("no such user or alias".to_owned());
        Ok(Directed::Done(no_user(name)))
    }

    /// The mailbox of a user, and nothing else.
    pub fn mailbox(&mut self, name: &str) -> Result<Decision, Pause> {
        Ok(match self.user(&Tables::key(name))? {
            Some(user) => {
                self.why.push(format!("the mailbox of {}", user.name));
                into_mailbox(user)
            }
            None => {
                self.why.push("no such user".to_owned());
                no_user(name)
            }
        })
    }

    /// The members of an included file.
    pub fn include(&mut self, path: &Path, grant: &Grant) -> Result<Directed, Pause> {
        let wanted = Wanted { path: path.to_owned(), reader: grant.reader.clone(), limit: LIST_MAX };
        let reason = match self.open(wanted, list_members)? {
            // An included file is trusted no more than the one that includes it.
            Opened::Members(members, trust) => {
                let grant = Grant { trust: trust.min(grant.trust), reader: grant.reader.clone() };
                let what = format!("file {}", path.display());
                return Ok(Directed::Expanded(Expansion { what, place: None, members, grant, owner: None }));
            }
            Opened::Absent => "it is not there".to_owned(),
            Opened::Refused(reason) => reason,
        };
        self.warnings.push(format!("{} is not included: {reason}", path.display()));
        // Names of files here are nobody's business who writes to us.
        Ok(Directed::Done(refused("5.2.4", "a list of addresses here cannot be read".to_owned())))
    }

    /// A program or a file that a member names.
    pub fn program_or_file(&mut self, member: &Member, grant: &Grant) -> Decision {
        let settings = &self.tables.directors;
        let (user, home) = match &grant.reader {
            Reader::Site => (NOBODY, None),
            Reader::User(user) => (user.name.as_str(), user.home.as_deref()),
        };
        let user = user.to_owned();
        let decision = match member {
            Member::Pipe(command) => settings
                .allowed_command(command)
                .map(|command| Decision::Program { command: command.to_string(), user }),
            Member::File(path) => settings.allowed_file(path, home).map(|path| Decision::File { path, user }),
            _ => None,
        };
        match (decision, settings.objection(member, home, grant.trust)) {
            (Some(decision), None) => decision,
            (_, objection) => {
                if let Some(objection) = objection {
                    self.why.push(objection.clone());
                    self.warnings.push(objection);
                }
                refused("5.7.1", "mail for programs and files is not taken here".to_owned())
            }
        }
    }

    fn alias(&mut self, key: &str) -> Result<Option<Expansion>, Pause> {
        let what = format!("alias {key}");
        let mut place = None;
        let (members, grant) = match self.tables.aliases.get(key) {
            Some(targets) => {
                let members = targets.iter().map(|target| Member::parse(target)).collect();
                (members, Grant { reader: Reader::Site, trust: Trust::Full })
            }
            None => match self.known.alias(key)? {
                Some(found) => {
                    let grant = Grant { reader: Reader::Site, trust: found.trust };
                    let file = found.file.to_string_lossy().into();
                    place = Some(Place { file, line: found.alias.line });
                    (found.alias.members.clone(), grant)
                }
                None => return Ok(None),
            },
        };
        // An alias that was opened and names itself means the user of that name: `joe: joe, joe@far`.
        let is_itself =
            |member: &Member| matches!(member, Member::Address(to) if Tables::key(to.as_str()) == key);
        if self.opened.contains(&what) && members.iter().any(is_itself) && self.user(key)?.is_some() {
            return Ok(None);
        }
        // Only names of aliases: those of users and lists are no business of this one.
        let owner = format!("owner-{key}");
        let has_owner = !key.starts_with("owner-")
            && (self.tables.aliases.contains_key(&owner) || self.known.alias(&owner)?.is_some());
        Ok(Some(Expansion { what, place, members, grant, owner: has_owner.then_some(owner) }))
    }

    /// The user of this name who may have mail.
    fn user(&self, key: &str) -> Result<Option<User>, Pause> {
        if let Some((name, mailbox)) = self.tables.users.get_key_value(key) {
            return Ok(Some(self.own_user(name, mailbox)));
        }
        Ok(self.known.user(key)?.cloned())
    }

    /// A user of the configuration.
    fn own_user(&self, name: &str, mailbox: &Path) -> User {
        let Settings { homes, own_uid, .. } = &self.tables.directors;
        let home = homes.as_ref().map(|homes| homes.join(name));
        User { name: name.to_owned(), uid: *own_uid, home, mailbox: mailbox.to_owned() }
    }

    fn postmaster(&self) -> Option<User> {
        self.tables.postmaster().map(|(name, mailbox)| self.own_user(name, mailbox))
    }

    /// Where a user has his mail sent. A file of his that is not safe, or not wholly understood, sends nothing anywhere: his
    /// mailbox has it, and it is said.
    fn forwarded(&mut self, user: &User) -> Result<Option<Expansion>, Pause> {
        let what = format!("forwarding of {}", user.name);
        // Who is named by his own forward file, by whatever way, means the mailbox.
        if self.opened.contains(&what) {
            return Ok(None);
        }
        let settings = &self.tables.directors;
        let dot_forward = user.home.as_ref().filter(|_| settings.forward_files);
        let dot_forward = dot_forward.map(|home| (home.join(".forward"), LIST_MAX, list_members as Read));
        let mailbox = (user.mailbox.clone(), FIRST_LINE_MAX, forward_to as Read);
        let mailbox = Some(mailbox).filter(|_| settings.forward_to);
        for (path, limit, read) in dot_forward.into_iter().chain(mailbox) {
            let wanted = Wanted { path: path.clone(), reader: Reader::User(user.clone()), limit };
            let reason = match self.open(wanted, read)? {
                Opened::Absent => continue,
                Opened::Refused(reason) => reason,
                Opened::Members(members, trust) => {
                    let wrong = members.iter().find_map(|member| match member {
                        Member::Wrong(why) => Some(why.clone()),
                        _ => None,
                    });
                    match wrong {
                        Some(reason) => reason,
                        None if members.is_empty() => continue,
                        None => {
                            self.why.push(path.display().to_string());
                            let grant = Grant { reader: Reader::User(user.clone()), trust };
                            return Ok(Some(Expansion { what, place: None, members, grant, owner: None }));
                        }
                    }
                }
            };
            self.why.push(format!("{} is not used: {reason}", path.display()));
            self.warnings.push(format!("{} is not used: {reason}", path.display()));
        }
        Ok(None)
    }

    /// `LIST`, `owner-LIST` and `LIST-request`.
    fn mailing_list(&mut self, key: &str) -> Result<Option<Directed>, Pause> {
        if let Some(directed) = self.list_file("", key, &format!("owner-{key}"))? {
            return Ok(Some(directed));
        }
        let (folder, list, usual) = if let Some(list) = key.strip_prefix("owner-") {
            ("owner", list, "postmaster".to_owned())
        } else if let Some(list) = key.strip_suffix("-request") {
            ("request", list, format!("owner-{list}"))
        } else {
            return Ok(None);
        };
        if let Some(directed) = self.list_file(folder, list, "postmaster")? {
            return Ok(Some(directed));
        }
        let is_list = match self.list_path("", list) {
            Some(path) => !matches!(self.open(self.site(path), list_members)?, Opened::Absent),
            None => false,
        };
        if !is_list {
            return Ok(None);
        }
        let what = format!("{folder} of list {list}");
        let members = vec![Member::parse(&usual)];
        let owner = Some("postmaster".to_owned());
        let grant = Grant::SENDER;
        Ok(Some(Directed::Expanded(Expansion { what, place: None, members, grant, owner })))
    }

    fn list_file(&mut self, folder: &str, list: &str, owner: &str) -> Result<Option<Directed>, Pause> {
        let Some(path) = self.list_path(folder, list) else { return Ok(None) };
        let reason = match self.open(self.site(path.clone()), list_members)? {
            Opened::Absent => return Ok(None),
            Opened::Members(members, _) if members.is_empty() => "it names nobody".to_owned(),
            Opened::Members(members, _) => {
                let what =
                    if folder.is_empty() { format!("list {list}") } else { format!("list {folder}/{list}") };
                // With caution, as the HOWTO has it: who keeps a list need not be who may run programs here.
                let grant = Grant::SENDER;
                let owner = Some(owner.to_owned());
                return Ok(Some(Directed::Expanded(Expansion { what, place: None, members, grant, owner })));
            }
            Opened::Refused(reason) => reason,
        };
        self.why.push(format!("list {list}"));
        self.warnings.push(format!("{} is not used: {reason}", path.display()));
        Ok(Some(Directed::Done(refused("5.2.4", format!("the mailing list {list} cannot be read")))))
    }

    /// Where a list of this name would be, if it can be the name of one.
    fn list_path(&self, folder: &str, name: &str) -> Option<PathBuf> {
        let lists = self.tables.directors.lists.as_ref()?;
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-=".contains(&b);
        let is_folder = folder.is_empty() && matches!(name, "owner" | "request");
        let is_name = !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_plain) && !is_folder;
        is_name.then(|| lists.join(folder).join(name))
    }

    fn site(&self, path: PathBuf) -> Wanted {
        Wanted { path, reader: Reader::Site, limit: LIST_MAX }
    }

    /// Reads a file of members, if it is safe.
    fn open(&self, wanted: Wanted, read: Read) -> Result<Opened, Pause> {
        let (path, reader, limit) = (wanted.path.clone(), wanted.reader.clone(), wanted.limit);
        let seen = match self.known.file(wanted)? {
            Found::Absent => return Ok(Opened::Absent),
            Found::Refused(reason) => return Ok(Opened::Refused(reason.clone())),
            Found::Seen(seen) => seen,
        };
        let members = match read(&seen.bytes, seen.whole) {
            Ok(Some(members)) => members,
            Ok(None) => return Ok(Opened::Absent),
            Err(Unread::TooLong) => return Ok(Opened::Refused(Unsafe::TooLong(limit).to_string())),
            Err(Unread::NoList(error)) => return Ok(Opened::Refused(error.to_string())),
        };
        Ok(match permission::judge(seen, &path, &reader, &self.tables.directors) {
            Ok(trust) => Opened::Members(members, trust),
            Err(error) => Opened::Refused(error.to_string()),
        })
    }
}

/// What the bytes of a file say, which are all of it or not; `None`: nothing about where mail goes.
type Read = fn(&[u8], bool) -> Result<Option<Vec<Member>>, Unread>;

enum Unread {
    TooLong,
    NoList(list::ListError),
}

fn list_members(bytes: &[u8], whole: bool) -> Result<Option<Vec<Member>>, Unread> {
    if !whole {
        return Err(Unread::TooLong);
    }
    let members = list::parse(bytes).map_err(Unread::NoList)?;
    Ok(Some(members.into_iter().map(|(_, member)| member).collect()))
}

/// The first line of a mailbox, if it says that its owner has his mail elsewhere.
fn forward_to(bytes: &[u8], whole: bool) -> Result<Option<Vec<Member>>, Unread> {
    let Some(rest) = bytes.strip_prefix(FORWARD_TO) else { return Ok(None) };
    match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => list_members(rest.get(..end).unwrap_or(rest), true),
        None => list_members(rest, whole),
    }
}

fn into_mailbox(user: User) -> Decision {
    Decision::Local { user: user.name, mailbox: user.mailbox }
}

fn no_user(name: &str) -> Decision {
    refused("5.1.1", format!("no user {name:?} here"))
}
