//! `uugate agent`: the process that acts as other users, and its children.

use super::Failure;
use crate::agent;
use crate::exit;
use crate::node::config::Config;
use crate::observe;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Serves until the process is ended.
pub fn run(file: &Path) -> Result<u8, Failure> {
    check_owner(file)?;
    let (config, findings) = Config::load(file)?;
    observe::init(&config.log)?;
    for line in findings.render(false).lines().filter(|line| !line.is_empty()) {
        tracing::warn!("{line}");
    }
    let mut rules = config.agent_rules();
    let settings = config.agent;
    let missing = |text: String| Failure::new(exit::CONFIG, format!("config: {text}"));
    let socket = settings.socket.ok_or_else(|| missing("[agent] lacks `socket`".to_owned()))?;
    let user = settings.node_user;
    let node_uid = number(&user).or_else(|| uzers::get_user_by_name(&user).map(|user| user.uid()));
    let node_uid = node_uid.ok_or_else(|| missing(format!("there is no user {user:?}, see `node-user`")))?;
    if let Some(group) = settings.mailbox_group {
        let gid = number(&group).or_else(|| uzers::get_group_by_name(&group).map(|group| group.gid()));
        let gid = gid.filter(|gid| *gid != 0);
        let gid = gid.ok_or_else(|| missing(format!("{group:?} is no group for `mailbox-group`")))?;
        rules.mailbox_group = Some(gid);
    }
    agent::serve(&socket, node_uid, rules)?;
    Ok(exit::OK)
}

/// Becomes the user of the orders and serves one session on standard input.
pub fn child(orders: &str) -> Result<u8, Failure> {
    agent::serve_child(orders).map_err(|error| Failure::new(exit::OSERR, format!("deliver: {error}")))?;
    Ok(exit::OK)
}

/// What root does goes by this file: nobody else may be able to change it.
fn check_owner(file: &Path) -> Result<(), Failure> {
    let own = rustix::process::geteuid().as_raw();
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    for path in [Some(absolute.as_path()), absolute.parent()].into_iter().flatten() {
        let about = std::fs::metadata(path).map_err(|error| {
            Failure::new(exit::NOINPUT, format!("config: {} cannot be read: {error}", path.display()))
        })?;
        if about.uid() != own || about.mode() & 0o022 != 0 {
            let text = format!(
                "config: {} must belong to uid {own} and be writable by nobody else, for the agent acts by it",
                path.display()
            );
            return Err(Failure::new(exit::CONFIG, text));
        }
    }
    Ok(())
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok()
}
