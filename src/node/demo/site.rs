//! The two sites of the demo: a feeding host and a leaf, each in a folder of its own, as an operator would lay
//! them out.

use super::DemoError;
use argon2::{Argon2, PasswordHasher};
use std::fs::{self, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The feeding host.
pub const FEED: &str = "polux";
/// The leaf, which calls it.
pub const LEAF: &str = "barberouge";
/// The telephone number of the feeding host.
pub const FEED_NUMBER: &str = "5551234";
/// The telephone number of the leaf.
pub const LEAF_NUMBER: &str = "5559876";
/// The user at the feeding host, and the one at the leaf.
pub const FEED_USER: &str = "ada";
pub const LEAF_USER: &str = "jan";

/// A node of the demo.
#[derive(Debug, Clone)]
pub struct Site {
    pub name: &'static str,
    pub folder: PathBuf,
    /// Where mail is handed in.
    pub smtp: SocketAddr,
    user: &'static str,
}

impl Site {
    pub fn config(&self) -> PathBuf {
        self.folder.join("uugate.toml")
    }

    pub fn mailbox(&self) -> PathBuf {
        self.folder.join("mail").join(self.user)
    }

    /// The published path of its modem.
    pub fn modem(&self) -> PathBuf {
        self.folder.join("modem")
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The address of its user.
    pub fn address(&self) -> String {
        format!("{}@{}.example", self.user, self.name)
    }
}

/// The secret by which the leaf logs in, and what the feeding host keeps of it.
pub struct Password {
    secret: String,
    hash: String,
}

/// A password that nobody had before.
pub fn password() -> Result<Password, DemoError> {
    let failed = |error: &dyn std::fmt::Display| DemoError::Password(error.to_string());
    let random = getrandom::u64().map_err(|error| failed(&error))?;
    let secret = format!("{random:016x}");
    let hash =
        Argon2::default().hash_password(secret.as_bytes()).map_err(|error| failed(&error))?.to_string();
    Ok(Password { secret, hash })
}

/// A new folder for the sites, which stays when the demo has ended: mailboxes and configurations are in it.
pub fn folder() -> io::Result<PathBuf> {
    let random = getrandom::u32().map_err(io::Error::other)?;
    let folder = std::env::temp_dir().join(format!("uugate-demo-{random:08x}"));
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// The feeding host, which answers.
pub fn feed(root: &Path, password: &Password) -> io::Result<Site> {
    let site = site(root, FEED, FEED_USER)?;
    let (listen, password_hash) = (site.smtp, &password.hash);
    let config = format!(
        r#"# The feeding host of the demo: answers calls, holds the mail of its leaf.

[node]
name = "{FEED}"
domain = "{FEED}.example"

[smtp]
listen = "{listen}"

[users]
{FEED_USER} = "mail/{FEED_USER}"

[aliases]
postmaster = "{FEED_USER}"

[routes]
domains = {{ "{LEAF}.example" = "{LEAF}" }}

[[system]]
name = "{LEAF}"
called-login = "U{LEAF}"
called-password-hash = "{password_hash}"
transport = "rsmtp"

[[line]]
name = "modem"
type = "serial"
device = "modem"
speed = "57600 bit/s"
modem = "exchange"
lock-directory = "."
answer = true
"#
    );
    write(&site, &config)?;
    Ok(site)
}

/// The leaf, which calls.
pub fn leaf(root: &Path, password: &Password) -> io::Result<Site> {
    let site = site(root, LEAF, LEAF_USER)?;
    let listen = site.smtp;
    let secret = site.folder.join(format!("{FEED}.password"));
    fs::write(&secret, format!("{}\n", password.secret))?;
    fs::set_permissions(&secret, Permissions::from_mode(0o600))?;
    let config = format!(
        r#"# The leaf of the demo: calls the feeding host for its mail.

[node]
name = "{LEAF}"
domain = "{LEAF}.example"

[smtp]
listen = "{listen}"

[users]
{LEAF_USER} = "mail/{LEAF_USER}"

[aliases]
postmaster = "{LEAF_USER}"

[routes]
smart-host = "{FEED}"

[[system]]
name = "{FEED}"
line = "modem"
number = "{FEED_NUMBER}"
login = "U{LEAF}"
password-file = "{FEED}.password"

[[line]]
name = "modem"
type = "serial"
device = "modem"
speed = "57600 bit/s"
modem = "exchange"
lock-directory = "."
"#
    );
    write(&site, &config)?;
    Ok(site)
}

fn site(root: &Path, name: &'static str, user: &'static str) -> io::Result<Site> {
    let folder = root.join(name);
    fs::create_dir_all(folder.join("mail"))?;
    Ok(Site { name, folder, smtp: free_port()?, user })
}

fn write(site: &Site, config: &str) -> io::Result<()> {
    fs::write(site.config(), config)
}

/// A port of the loopback interface that nobody listens on; the kernel does not give it out again soon.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
