//! Work that must not be done here: files that would lie elsewhere, commands that are not allowed, broken batches.

use crate::support::node::{Node, neighbour};
use crate::support::{self, open_folder};
use std::fs;

#[test]
fn what_is_refused_is_kept_and_said_and_the_rest_goes_on() {
    let folder = open_folder();
    let polux = Node::new(folder.path(), "polux", &neighbour("leaf", ""));
    let leaf = Node::new(folder.path(), "leaf", &neighbour("polux", ""));
    let plan = folder.path().join("plan");
    fs::write(&plan, "the plan\n").expect("a file");
    let plan = plan.to_str().expect("text");
    let target = folder.path().join("escaped");
    for to in ["~/../../escaped", "~/in/../../../escaped", target.to_str().expect("text"), "~root/escaped"] {
        leaf.run("uucp", &["-r", "-C", plan, &format!("polux!{to}")], b"");
    }
    leaf.run("uucp", &["-r", "-C", plan, "polux!~/good"], b"");
    let marker = folder.path().join("marker");
    let touch = format!("touch {}", marker.display());
    for command in ["cat", "RMAIL ann", "/bin/rmail ann", &touch, "rmail ann ; touch /tmp/x"] {
        leaf.run("uux", &["-", "-r", "-a", "ann", &format!("polux!{command}")], b"Subject: cmd\n\nx\n");
    }
    // The end is missing: the first message is whole, and must not arrive alone and then once more.
    let cut = b"MAIL FROM:<jan@leaf.uucp>\nRCPT TO:<ann@polux.uucp>\nDATA\nSubject: whole\n\nhello\n.\n\
                MAIL FROM:<jan@leaf.uucp>\nRCPT TO:<ann@polux.uucp>\nDATA\nSubject: cut\n\nhel";
    leaf.run("uux", &["-", "-r", "polux!rsmtp"], cut);
    leaf.mail("ann@leaf.uucp", &["ann@polux.uucp"], b"Subject: after all that\n\nhello\n");

    let (caller, called) = support::join(&mut leaf.caller("polux"), &mut polux.called());
    assert!(caller.success() && called.success(), "{caller} {called}");
    support::join(&mut leaf.caller("polux"), &mut polux.called());

    assert!(!target.exists() && !marker.exists());
    assert_eq!(fs::read(polux.path("public/good")).expect("the good file"), b"the plan\n");
    let subjects = |node: &Node, user: &str| -> Vec<String> {
        let of = |message: Vec<u8>| {
            let text = String::from_utf8_lossy(&message).into_owned();
            text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().to_owned()
        };
        node.mailbox(user).into_iter().map(of).collect()
    };
    // `rmail ann ; touch` is rmail with strange recipients, none of which is run.
    let arrived = subjects(&polux, "ann");
    assert!(arrived.contains(&"after all that".to_owned()), "{arrived:?}");
    assert!(!arrived.contains(&"whole".to_owned()) && !arrived.contains(&"cut".to_owned()), "{arrived:?}");
    let (here, there) = (polux.mailbox("root"), leaf.mailbox("root"));
    let told = |mailbox: &[Vec<u8>], of: &str| {
        mailbox.iter().any(|message| String::from_utf8_lossy(message).contains(of))
    };
    assert!(told(&here, "Subject: Broken batch"), "the postmaster here: {:?}", subjects(&polux, "root"));
    assert!(told(&there, "Subject: Broken batch"), "the postmaster there: {:?}", subjects(&leaf, "root"));
    let asker = leaf.mailbox("ann");
    for command in ["cat", "RMAIL", "/bin/rmail", "touch"] {
        assert!(told(&asker, command), "{command}: {:?}", subjects(&leaf, "ann"));
    }
    // What was refused by the other end stays visible here.
    let jobs = String::from_utf8(leaf.run("uustat", &["-a"], b"").stdout).expect("text");
    assert_eq!(jobs.lines().filter(|line| line.contains("quarantine")).count(), 4, "{jobs}");
}
