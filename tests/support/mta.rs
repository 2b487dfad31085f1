//! Postfix and Exim, from their Debian packages, unpacked and not installed (they exclude each other); `tests/support/unpack_mtas`
//! does that. They have to be started as root.

use super::node::Node;
use super::{PATIENCE, wait, watch};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Who owns their queues: a user of every Debian system, with nothing to his name.
pub const OWNER: &str = "news";
/// Whom Postfix runs programs as; that may not be its owner.
pub const RUNNER: &str = "daemon";

/// A running MTA; it is stopped when this is dropped.
pub struct Mta {
    root: PathBuf,
    pub address: SocketAddr,
    child: Option<Child>,
}

/// The folder of an unpacked package.
fn unpacked(package: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/unpacked").join(package);
    assert!(folder.is_dir(), "{} is missing: run tests/support/unpack_mtas", folder.display());
    folder
}

/// An address of this machine that no other test uses: ports are given beforehand.
fn own_address(last: u8) -> SocketAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(127, 64 + last, high, low.max(1)), 2525))
}

fn make_folder(path: &Path, mode: u32, owned: bool) {
    fs::create_dir_all(path).expect("a folder");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
    if owned {
        let user = uzers::get_user_by_name(OWNER).expect("a user of every Debian system");
        chown(path, Some(user.uid()), Some(user.primary_group_id())).expect("its owner");
    }
}

/// One of a node's programs, as a command line for a program that runs as somebody else.
pub fn command_line(node: &Node, program: &str) -> String {
    format!("{} {program} -I {}", env!("CARGO_BIN_EXE_uugate"), node.path("uugate.toml").display())
}

impl Mta {
    /// `main` and `master` are added to its configuration files.
    pub fn postfix(parent: &Path, main: &str, master: &str) -> Mta {
        let (root, programs) = (parent.join("postfix"), unpacked("postfix"));
        let (address, root_text, programs_text) = (own_address(0), root.display(), programs.display());
        make_folder(&root, 0o755, false);
        let queue = root.join("queue");
        make_folder(&queue, 0o755, false);
        for name in [
            "incoming", "active", "deferred", "bounce", "defer", "flush", "hold", "corrupt", "saved",
            "trace", "private",
        ] {
            make_folder(&queue.join(name), 0o700, true);
        }
        make_folder(&queue.join("maildrop"), 0o730, true);
        make_folder(&queue.join("public"), 0o710, true);
        make_folder(&queue.join("pid"), 0o755, false);
        make_folder(&root.join("data"), 0o700, true);
        make_folder(&root.join("etc"), 0o755, false);
        let text = format!(
            "compatibility_level = 3.6\nqueue_directory = {root_text}/queue\ndata_directory = {root_text}/data\n\
             daemon_directory = {programs_text}/usr/lib/postfix/sbin\ncommand_directory = {programs_text}/usr/sbin\n\
             shlib_directory = {programs_text}/usr/lib/postfix\nmeta_directory = {root_text}/etc\n\
             mail_owner = {OWNER}\nsetgid_group = sys\ndefault_privs = {RUNNER}\nmyhostname = smart.example\n\
             mydestination = smart.example\ninet_interfaces = all\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\n\
             alias_maps =\nalias_database =\nlocal_recipient_maps =\nlocal_header_rewrite_clients =\n\
             maillog_file = {root_text}/log\nmaillog_file_prefixes = {}\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\n\
             import_environment = MAIL_CONFIG LD_LIBRARY_PATH\n{main}",
            parent.display(),
        );
        // It listens where its service says; an address of its own it looks for among those of the interfaces, and in vain.
        fs::write(root.join("etc/main.cf"), text).expect("its configuration");
        let services = format!(
            "{address} inet n - n - - smtpd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
             tlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n\
             defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nproxymap unix - - n - - proxymap\n\
             smtp unix - - n - - smtp\nerror unix - - n - - error\nretry unix - - n - - error\n\
             scache unix - - n - 1 scache\nanvil unix - - n - 1 anvil\nflush unix n - n 1000? 0 flush\n\
             postlog unix-dgram n - n - 1 postlogd\n{master}"
        );
        fs::write(root.join("etc/master.cf"), services).expect("its services");
        fs::write(root.join("etc/dynamicmaps.cf"), "").expect("its services");
        let mut command = Command::new(programs.join("usr/lib/postfix/sbin/master"));
        command.arg("-c").arg(root.join("etc")).arg("-d");
        command.env("MAIL_CONFIG", root.join("etc")).env("LD_LIBRARY_PATH", programs.join("usr/lib/postfix"));
        Mta::start(command, root, address)
    }

    /// `routers` and `transports` are those of its configuration.
    pub fn exim(parent: &Path, routers: &str, transports: &str) -> Mta {
        let (root, programs) = (parent.join("exim"), unpacked("exim4-daemon-light"));
        let (address, root_text) = (own_address(1), root.display());
        let exim = programs.join("usr/sbin/exim4");
        make_folder(&root, 0o755, true);
        make_folder(&root.join("spool"), 0o755, true);
        // With a configuration of its own it may become nobody else.
        let text = format!(
            "exim_user = {OWNER}\nexim_group = {OWNER}\ndeliver_drop_privilege = true\nnever_users =\n\
             primary_hostname = smart.example\nspool_directory = {root_text}/spool\nlog_file_path = {root_text}/%slog\n\
             pid_file_path = {root_text}/pid\nexim_path = {}\nnotifier_socket =\nkeep_environment =\n\
             local_interfaces = {}\ndaemon_smtp_ports = {}\nacl_smtp_rcpt = all\nacl_smtp_data = all\n\
             tls_advertise_hosts =\nhost_lookup =\nrfc1413_query_timeout = 0s\nbegin acl\nall:\n  accept\n\
             begin routers\n{routers}begin transports\n{transports}begin retry\n* * F,4d,15m\n",
            exim.display(),
            address.ip(),
            address.port(),
        );
        fs::write(root.join("conf"), text).expect("its configuration");
        let mut command = Command::new(&exim);
        command.arg("-C").arg(root.join("conf")).arg("-bdf");
        Mta::start(command, root, address)
    }

    /// Starts it, and waits until it listens.
    fn start(mut command: Command, root: PathBuf, address: SocketAddr) -> Mta {
        assert!(super::taylor::is_root(), "Postfix and Exim are started as root");
        let output = fs::File::create(root.join("output")).expect("a file");
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("the same file")).stderr(output);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mta = Mta { root, address, child: Some(child) };
        watch::until(&mta.root, "a mail server that listens", || {
            mta.log().contains("daemon started") && TcpStream::connect_timeout(&address, PATIENCE).is_ok()
        });
        mta
    }

    /// The server as a next hop.
    pub fn hop(&self) -> String {
        format!("[{}]:{}", self.address.ip(), self.address.port())
    }

    pub fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.root.join(name)).unwrap_or_default();
        ["output", "log", "mainlog", "paniclog"].map(read).concat()
    }
}

impl Drop for Mta {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            wait(child);
        }
    }
}
