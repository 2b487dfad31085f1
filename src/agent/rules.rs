//! What the operator permits to be done as a user.
//!
//! The daemon and the agent read it from the same configuration file. What the daemon says it has read counts for
//! nothing at the agent: it makes the [`Permit`] of each user from its own rules.

use super::{AgentError, Passwd, User};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// The rules of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Which users of the password file get mail. Settings `passwd-users`, `min-uid`, `passwd-file`; default: none do.
    pub passwd: Option<Passwd>,
    /// Where the mailbox of a user of the password file is. Setting `mailbox`; default `/var/mail/{user}`.
    pub mailbox: Template,
    /// The group that work on those mailboxes has besides the user's own, for a directory that only a group may write to.
    /// Setting `mailbox-group`; default none.
    pub mailbox_group: Option<u32>,
    /// What may be read as a user: these files and what lies below these directories. Setting `read`; default `{home}`.
    pub read: Vec<Template>,
    /// Files that mail may be appended to as a user, and directories, with a `/` at their end, below which it may. Setting `files` of `[directors]`;
    /// default none.
    pub files: Vec<Template>,
    /// The program that local mail is given to in place of the mailbox, and its arguments. Setting `lda`; default none.
    pub lda: Vec<Template>,
    /// The same for single users; empty: the mailbox. Setting `lda-for`.
    pub lda_for: BTreeMap<String, Vec<Template>>,
    /// Whether that program may gain the rights of its set-user-id and set-group-id bits. Setting `lda-set-id`; default
    /// false.
    pub lda_set_id: bool,
    /// Programs that addresses like `|program` may run. Setting `programs` of `[directors]`; default none.
    pub programs: Vec<PathBuf>,
    /// How long a program may take for one message. Setting `program-time`; default 5 min.
    pub program_time: Duration,
    /// The most bytes that are taken in for a mailbox at once: what one message may have, and 16 MiB.
    pub longest: u64,
}

/// What a batch of small messages may have, in bytes, beside one message of the largest size.
const BATCH: u64 = 16 << 20;

impl Rules {
    pub fn new(message_max: u64) -> Rules {
        let template = |text: &str| Template(text.to_owned());
        Rules {
            passwd: None,
            mailbox: template("/var/mail/{user}"),
            mailbox_group: None,
            read: vec![template("{home}")],
            files: Vec::new(),
            lda: Vec::new(),
            lda_for: BTreeMap::new(),
            lda_set_id: false,
            programs: Vec::new(),
            program_time: Duration::from_secs(300),
            longest: message_max.saturating_add(BATCH),
        }
    }

    /// The program that gets the local mail of a user; empty: his mailbox does.
    pub fn lda_of(&self, user: &str) -> &[Template] {
        self.lda_for.get(user).unwrap_or(&self.lda)
    }

    /// What may be done as this user.
    pub fn permit(&self, user: User) -> Permit {
        let home = user.home.to_string_lossy().into_owned();
        let values = [("user", user.name.as_str()), ("home", home.as_str())];
        let path = |template: &Template| PathBuf::from(template.fill(&values));
        Permit {
            mailbox: path(&self.mailbox),
            read: self.read.iter().map(path).collect(),
            files: self.files.iter().map(path).collect(),
            lda: self.lda_of(&user.name).to_vec(),
            lda_set_id: self.lda_set_id,
            programs: self.programs.clone(),
            program_time: self.program_time,
            longest: self.longest,
            user,
        }
    }
}

/// What may be done as one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    pub user: User,
    pub mailbox: PathBuf,
    pub read: Vec<PathBuf>,
    pub files: Vec<PathBuf>,
    pub lda: Vec<Template>,
    pub lda_set_id: bool,
    pub programs: Vec<PathBuf>,
    pub program_time: Duration,
    pub longest: u64,
}

impl Permit {
    /// Whether a file may be read: one of those permitted, or the mailbox, which may begin with a forward line.
    pub fn check_read(&self, path: &Path) -> Result<(), AgentError> {
        if path == self.mailbox || is_below(path, &self.read) {
            return Ok(());
        }
        Err(AgentError::Forbidden { user: self.user.name.clone(), path: path.to_owned(), setting: "read" })
    }

    /// The permitted directory that a file lies below, or the file itself.
    pub fn place_of(&self, path: &Path) -> Result<&Path, AgentError> {
        let is_meant = |place: &&Path| match place.as_os_str().as_encoded_bytes().ends_with(b"/") {
            true => path.starts_with(place) && path != *place,
            false => path == *place,
        };
        let place = self.files.iter().map(PathBuf::as_path).find(is_meant).filter(|_| is_plain(path));
        place.ok_or_else(|| AgentError::Forbidden {
            user: self.user.name.clone(),
            path: path.to_owned(),
            setting: "files",
        })
    }
}

/// Whether `path` is one of `places` or lies below one, by its words alone.
fn is_below(path: &Path, places: &[PathBuf]) -> bool {
    is_plain(path) && places.iter().any(|place| path.starts_with(place))
}

/// Whether a path is absolute and climbs nowhere.
fn is_plain(path: &Path) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    path.is_absolute() && path.components().all(plain)
}

/// A text with `{names}` that values are put in for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Template(String);

impl Template {
    /// Reads a text whose names are all among `known`; the error says what to write.
    pub fn parse(text: &str, known: &[&str]) -> Result<Template, String> {
        let mut rest = text;
        while let Some((_, behind)) = rest.split_once('{') {
            let (name, behind) = behind.split_once('}').ok_or("a { lacks its }")?;
            if !known.contains(&name) {
                return Err(format!("what may stand in braces here is {}", known.join(", ")));
            }
            rest = behind;
        }
        Ok(Template(text.to_owned()))
    }

    /// Puts the values in. What they hold is not looked at for more names; a name without a value gives nothing.
    pub fn fill(&self, values: &[(&str, &str)]) -> String {
        let mut filled = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, behind)) = rest.split_once('{') {
            let Some((name, behind)) = behind.split_once('}') else { break };
            filled.push_str(before);
            filled.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }

    /// Whether a value decides how the filled text begins.
    pub fn begins_open(&self) -> bool {
        self.0.starts_with('{')
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jan() -> User {
        User { name: "jan".into(), uid: 1001, gid: 100, home: "/home/jan".into() }
    }

    #[test]
    fn a_template_takes_known_names_alone_and_fills_each_once() {
        let template = Template::parse("-d{user}:{home}", &["user", "home"]).unwrap();
        assert_eq!(template.fill(&[("user", "{home}"), ("home", "/h")]), "-d{home}:/h");
        assert_eq!(template.fill(&[]), "-d:");
        assert!(Template::parse("{shell}", &["user"]).unwrap_err().contains("user"));
        assert!(Template::parse("{user", &["user"]).is_err());
        assert!(Template("{user}".into()).begins_open() && !template.begins_open());
    }

    #[test]
    fn only_what_lies_below_a_permitted_place_is_touched() {
        let mut rules = Rules::new(0);
        rules.files =
            ["{home}/mail/", "/var/all"].map(|text| Template::parse(text, &["home"]).unwrap()).to_vec();
        let permit = rules.permit(jan());
        assert_eq!(permit.mailbox, Path::new("/var/mail/jan"));
        for path in ["/home/jan/.forward", "/home/jan/lists/club", "/var/mail/jan"] {
            assert!(permit.check_read(Path::new(path)).is_ok(), "{path}");
        }
        for path in ["/home/janet/.forward", "/home/jan/../piet/.forward", "home/jan/x", "/etc/shadow"] {
            assert!(permit.check_read(Path::new(path)).is_err(), "{path}");
        }
        assert_eq!(permit.place_of(Path::new("/home/jan/mail/a/b")).unwrap(), Path::new("/home/jan/mail"));
        assert_eq!(permit.place_of(Path::new("/var/all")).unwrap(), Path::new("/var/all"));
        for path in [
            "/home/jan/archive",
            "/home/jan/mail/../.profile",
            "/home/jan/mail",
            "/var/all/x",
            "/var/mail/jan",
            "mail/x",
        ] {
            assert!(permit.place_of(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn the_program_of_one_user_goes_before_that_of_all() {
        let words = |text: &str| vec![Template(text.to_owned())];
        let mut rules = Rules::new(0);
        rules.lda = words("/usr/bin/procmail");
        rules.lda_for.insert("jan".into(), Vec::new());
        rules.lda_for.insert("piet".into(), words("/usr/bin/maildrop"));
        assert!(rules.permit(jan()).lda.is_empty());
        assert_eq!(rules.lda_of("piet"), words("/usr/bin/maildrop"));
        assert_eq!(rules.lda_of("ann"), words("/usr/bin/procmail"));
    }
}
