//! Mail programs, and others that hand mail in by calling `sendmail`: each finds it as it is used to.

use crate::support::node::Node;
use crate::support::{open_folder, run_with_input};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const BODY: &[u8] = b"hello\n.\nFrom here on\n";

struct Site {
    node: Node,
    sendmail: PathBuf,
    home: PathBuf,
}

impl Site {
    fn new(folder: &Path) -> Site {
        let node = Node::new(folder, "polux", "");
        let sendmail = folder.join("sendmail");
        symlink(env!("CARGO_BIN_EXE_uugate"), &sendmail).expect("a link");
        Site { node, sendmail, home: folder.to_owned() }
    }

    /// Runs a program whose `sendmail` is ours.
    fn run(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str], input: &[u8]) {
        let mut command = Command::new(program);
        command.args(arguments).env("UUGATE_CONFIG", self.node.path("uugate.toml")).env("HOME", &self.home);
        command.env("MAILRC", self.home.join("mailrc"));
        run_with_input(&mut command, input);
    }

    /// The one message that ann has got since.
    fn arrived(&self) -> String {
        let mail = self.node.mailbox("ann");
        assert_eq!(mail.len(), 1);
        std::fs::remove_file(self.node.path("mail/ann")).expect("a mailbox");
        String::from_utf8_lossy(&mail[0]).into_owned()
    }
}

#[test]
fn mutt_and_mailx_send_mail() {
    let folder = open_folder();
    let site = Site::new(folder.path());
    let sendmail = site.sendmail.display();
    let set = format!(
        "set sendmail='{sendmail} -oem -oi' from=ann@polux.uucp use_envelope_from use_domain=no copy=no"
    );
    site.run("mutt", &["-n", "-F", "/dev/null", "-e", &set, "-s", "by mutt", "ann"], BODY);
    let mail = site.arrived();
    assert!(mail.contains("Subject: by mutt\n") && mail.ends_with("\n\nhello\n.\nFrom here on\n"), "{mail}");
    assert!(mail.contains("Return-Path: <ann@polux.uucp>\n"), "{mail}");
    let settings = format!("set sendmail={sendmail}\nset ask\nunset askcc\n");
    std::fs::write(site.home.join("mailrc"), settings).expect("settings");
    site.run("mailx", &["-n", "-s", "by mailx", "ann"], b"hello\n");
    let mail = site.arrived();
    assert!(mail.contains("Subject: by mailx\n") && mail.ends_with("\n\nhello\n"), "{mail}");
}

/// The command lines of cron, of `git send-email`, of PHP, of Python and of a program of long ago.
#[test]
fn other_programs_call_it_as_they_do() {
    let folder = open_folder();
    let site = Site::new(folder.path());
    let cron = b"From: root (Cron Daemon)\nTo: ann\nSubject: Cron <root@polux> date\nAuto-Submitted: auto-generated\n\nout\n";
    let header = b"To: ann\nSubject: x\n\nout\n";
    let lines: [(&[&str], &[u8]); 7] = [
        (&["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "ann"], cron),
        (&["-i", "ann"], header),
        (&["-i", "-f", "ann@polux.uucp", "ann"], header),
        (&["-t", "-i"], header),
        (&["-t", "-oi", "-oem", "-fann"], header),
        (&["-odb", "-oi", "-om", "-N", "failure", "-R", "hdrs", "-O", "DeliveryMode=b", "--", "ann"], header),
        (&["-oQ/tmp", "-C/etc/mail/x.cf", "-X", "/dev/null", "-d0", "-h", "1", "-G", "ann"], header),
    ];
    for (arguments, message) in lines {
        site.run(&site.sendmail, arguments, message);
        let mail = site.arrived();
        assert!(
            mail.ends_with("\n\nout\n") && mail.matches("Subject: ").count() == 1,
            "{arguments:?}: {mail}"
        );
        assert_eq!(
            (mail.matches("\nDate: ").count(), mail.matches("\nMessage-Id: ").count()),
            (1, 1),
            "{mail}"
        );
    }
    assert!(!std::path::Path::new("/tmp/spool.db").exists(), "no option of a stranger moves the spool");
}
