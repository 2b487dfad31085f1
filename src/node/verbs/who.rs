//! Who asks.

use crate::node::config::Config;

/// Somebody on this machine, known by the uid of the process that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    pub uid: u32,
    /// The user name; `uid1234` if there is none, or if it could not stand in a job.
    pub name: String,
    /// May speak for others: From_, `-f`, `-a`, other users' jobs.
    pub trusted: bool,
}

impl Who {
    /// Looks the user up; the user database may take its time, so not on a worker of the runtime.
    pub fn of(uid: u32, config: &Config) -> Who {
        let name = user_name(uid);
        let trusted = uid == 0
            || uid == rustix::process::geteuid().as_raw()
            || config.node.trusted_users.contains(&name);
        Who { uid, name, trusted }
    }

    /// The owner of the spool, in its own process.
    pub fn myself(config: &Config) -> Who {
        Who::of(rustix::process::getuid().as_raw(), config)
    }
}

/// The name that a uid is known by in jobs and addresses.
pub fn user_name(uid: u32) -> String {
    let found = uzers::get_user_by_uid(uid).map(|user| user.name().to_string_lossy().into_owned());
    let fits = |name: &String| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        !name.is_empty() && name.len() <= 32 && name.bytes().all(plain) && !name.starts_with('-')
    };
    found.filter(fits).unwrap_or_else(|| format!("uid{uid}"))
}
