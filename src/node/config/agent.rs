//! `[agent]`: users of the password file, and what is done in their name.

use super::findings::Findings;
use super::section::{Section, plain};
use super::units::duration;
use crate::agent::{ARGUMENT_NAMES, Passwd, Rules, Template};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The names that stand for values in paths.
const PATH_NAMES: [&str; 2] = ["user", "home"];
/// A program may not outlast the lease of its mail in the queue.
const LONGEST_PROGRAM: Duration = Duration::from_secs(300);

/// What the daemon and the agent have to know of each other, and what is permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    /// Where the agent listens; without it there is none, and only what is the node's own is served.
    pub socket: Option<PathBuf>,
    /// Who may ask the agent: the user that `uugate run` runs as, by name or number. Default `uugate`.
    pub node_user: String,
    /// A group by name or number; see [`Rules::mailbox_group`]. The agent alone looks it up.
    pub mailbox_group: Option<String>,
    pub lock_wait: Duration,
    /// All but the programs and files that addresses may name: those are in `[directors]`; see
    /// [`super::Config::agent_rules`].
    pub rules: Rules,
}

impl AgentConfig {
    /// When nothing is said of it; `message_max` is the largest message, in bytes.
    pub fn usual(message_max: u64) -> AgentConfig {
        AgentConfig {
            socket: None,
            node_user: "uugate".to_owned(),
            mailbox_group: None,
            lock_wait: crate::agent::Settings::default().lock_wait,
            rules: Rules::new(message_max),
        }
    }
}

pub fn read(section: &mut Section<'_>, base: &Path, message_max: u64, findings: &Findings) -> AgentConfig {
    let usual = AgentConfig::usual(message_max);
    let mut rules = usual.rules;
    let passwd = Passwd {
        min_uid: section.count("min-uid", 1..=60_000).unwrap_or(Passwd::default().min_uid),
        file: section.text("passwd-file").map(|file| base.join(file)),
    };
    rules.passwd = section.boolean("passwd-users").unwrap_or(false).then_some(passwd);
    rules.mailbox = section.value("mailbox", |text| path(text, base)).unwrap_or(rules.mailbox);
    rules.read = section.list("read", |text| path(text, base)).unwrap_or(rules.read);
    rules.lda = section.list("lda", argument).unwrap_or_default();
    check_program(section, "lda", &rules.lda);
    rules.lda_for = section.section("lda-for").map(|of| read_lda_for(of, findings)).unwrap_or_default();
    rules.lda_set_id = section.boolean("lda-set-id").unwrap_or(false);
    rules.program_time = section.value("program-time", program_time).unwrap_or(rules.program_time);
    AgentConfig {
        socket: section.text("socket").map(|socket| base.join(socket)),
        node_user: section.text("node-user").unwrap_or(usual.node_user),
        mailbox_group: section.text("mailbox-group"),
        lock_wait: section.value("lock-wait", duration).unwrap_or(usual.lock_wait),
        rules,
    }
}

/// `[agent.lda-for]`: user = program and arguments, or nothing for his mailbox.
fn read_lda_for(section: Section<'_>, findings: &Findings) -> BTreeMap<String, Vec<Template>> {
    let mut users = BTreeMap::new();
    for entry in section.entries() {
        let words: Result<Vec<_>, String> = entry.texts.iter().map(|text| argument(text)).collect();
        match words {
            Ok(words) if words.first().is_none_or(|word| word.as_str().starts_with('/')) => {
                users.insert(entry.key.to_ascii_lowercase(), words);
            }
            Ok(_) => findings.error(entry.span, "the program needs its whole path", WHOLE_PATH),
            Err(hint) => findings.error(entry.span, "wrong words for a program", hint),
        }
    }
    users
}

const WHOLE_PATH: &str = "write it as [\"/usr/bin/procmail\", \"-d\", \"{user}\"], or [] for the mailbox";

fn check_program(section: &Section<'_>, key: &str, words: &[Template]) {
    if words.first().is_some_and(|word| !word.as_str().starts_with('/')) {
        section.wrong(key, "the program needs its whole path", WHOLE_PATH);
    }
}

fn path(text: &str, base: &Path) -> Result<Template, String> {
    let text = plain(text)?;
    let whole = match text.starts_with(['/', '{']) {
        true => text.to_owned(),
        false => base.join(text).to_string_lossy().into_owned(),
    };
    Template::parse(&whole, &PATH_NAMES)
}

fn argument(text: &str) -> Result<Template, String> {
    Template::parse(plain(text)?, &ARGUMENT_NAMES)
}

fn program_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time.is_zero() || time > LONGEST_PROGRAM => {
            Err("write a time up to \"5 min\", for the mail must not be given to another meanwhile"
                .to_owned())
        }
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, titles};
    use super::*;

    fn agent(lines: &str) -> Result<AgentConfig, Vec<String>> {
        let (config, findings) = read(&format!("node.name = \"polux\"\n[agent]\n{lines}"));
        config.map(|config| config.agent).ok_or_else(|| titles(&findings))
    }

    #[test]
    fn nothing_is_done_in_the_name_of_others_unless_it_is_said() {
        let usual = agent("").unwrap();
        assert_eq!(usual, AgentConfig::usual(50 << 20));
        assert_eq!((usual.socket, usual.rules.passwd), (None, None));
        assert!(
            usual.rules.lda.is_empty() && usual.rules.programs.is_empty() && usual.rules.files.is_empty()
        );
    }

    #[test]
    fn a_site_with_users_and_programs_is_read_whole() {
        let read = agent(
            "socket = \"/run/uugate-agent/socket\"\nnode-user = \"mail\"\npasswd-users = true\nmin-uid = 500\n\
             passwd-file = \"users\"\nmailbox = \"{home}/Mailbox\"\nmailbox-group = \"mail\"\nread = [\"{home}/.forward\"]\n\
             lda = [\"/usr/bin/procmail\", \"-d\", \"{user}\"]\nlda-set-id = true\n\
             program-time = \"1 min\"\nlock-wait = \"3 s\"\n\
             [agent.lda-for]\nJan = []\n",
        )
        .unwrap();
        let passwd = Passwd { min_uid: 500, file: Some("/tmp/site/users".into()) };
        assert_eq!(read.rules.passwd, Some(passwd));
        assert!(read.rules.lda_of("jan").is_empty());
        assert_eq!(read.rules.lda_of("ann").len(), 3);
        assert_eq!(
            (read.lock_wait, read.rules.program_time),
            (Duration::from_secs(3), Duration::from_secs(60))
        );
    }

    #[test]
    fn what_addresses_may_name_is_permitted_to_the_agent_too() {
        let site = "node.name = \"polux\"\n[directors]\nprograms = \"/usr/lib/news/recnews\"\n\
                    files = [\"~/mail/\", \"/var/all\"]\n";
        let rules = read(site).0.unwrap().agent_rules();
        assert_eq!(rules.programs, [Path::new("/usr/lib/news/recnews")]);
        let files: Vec<&str> = rules.files.iter().map(Template::as_str).collect();
        assert_eq!(files, ["{home}/mail/", "/var/all"]);
    }

    #[test]
    fn what_could_run_or_reach_something_else_is_found() {
        for (line, title) in [
            ("lda = [\"procmail\"]", "3:7 the program needs its whole path"),
            ("lda = [\"{user}\"]", "3:7 the program needs its whole path"),
            ("lda = [\"/bin/x\", \"{shell}\"]", "3:18 wrong `lda` in [agent]"),
            ("mailbox = \"/var/mail/{sender}\"", "3:11 wrong `mailbox` in [agent]"),
            ("program-time = \"1 h\"", "3:16 wrong `program-time` in [agent]"),
            ("min-uid = 0", "3:11 `min-uid` is out of range in [agent]"),
            ("[agent.lda-for]\njan = [\"procmail\"]", "4:7 the program needs its whole path"),
        ] {
            assert_eq!(agent(line).unwrap_err(), [title], "{line}");
        }
    }
}
