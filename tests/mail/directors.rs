//! Aliases, forward files and mailing lists of a node, from the command that hands mail in to the mailboxes.

use crate::support::node::Node;
use crate::support::open_folder;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const CONFIG: &str = "\
domain = \"polux.example\"
[users]
ann = \"mail/ann\"
joe = \"mail/joe\"
root = \"mail/root\"
[aliases]
postmaster = \"root\"
[directors]
alias-files = \"aliases\"
lists = \"lists\"
homes = \"home\"
";

fn node(folder: &Path) -> Node {
    let node = Node::new(folder, "polux", CONFIG);
    for directory in ["lists/owner", "home/joe"] {
        fs::create_dir_all(node.path(directory)).expect("a directory of the node");
    }
    node
}

fn write(node: &Node, name: &str, text: &str) {
    let path = node.path(name);
    fs::write(&path, text).expect("a file of the node");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("its mode");
}

/// How many messages each user has.
fn mailboxes(node: &Node) -> [usize; 3] {
    ["ann", "joe", "root"].map(|user| node.mailbox(user).len())
}

fn text(message: &[u8]) -> String {
    String::from_utf8_lossy(message).into_owned()
}

#[test]
fn an_error_of_a_member_reaches_the_owner_of_the_list_alone() {
    let folder = open_folder();
    let node = node(folder.path());
    write(&node, "lists/cows", "joe\ngone # nobody knows him\n");
    write(&node, "lists/owner/cows", "root\n");
    // The body is too long to be kept in one row, so each of the two messages needs its own.
    let body = "moo\n".repeat(40_000);
    node.mail("ann@polux.example", &["cows", "ann"], format!("Subject: cows\n\n{body}").as_bytes());
    node.run("uuxqt", &[], b"");
    assert_eq!(mailboxes(&node), [1, 1, 1]);
    let to_joe = text(&node.mailbox("joe")[0]);
    assert!(to_joe.contains("Return-Path: <owner-cows@polux.example>\n") && to_joe.ends_with(&body));
    let to_ann = text(&node.mailbox("ann")[0]);
    assert!(to_ann.contains("Return-Path: <ann@polux.example>\n") && to_ann.ends_with(&body));
    let report = text(&node.mailbox("root")[0]);
    assert!(report.contains("multipart/report") && report.contains("gone"), "{report}");
    assert_eq!(node.waiting(), (0, 0));
}

#[test]
fn aliases_and_forward_files_are_obeyed_without_a_restart() {
    let folder = open_folder();
    let node = node(folder.path());
    let daemon = node.start();
    let mail = |to: &str| node.mail("ann@polux.example", &[to], b"Subject: x\n\nx\n");
    write(&node, "aliases", "sales: joe\n");
    mail("Sales");
    node.await_mail("joe", 1);
    write(&node, "home/joe/.forward", "ann, \\joe\n");
    mail("sales");
    node.await_mail("joe", 2);
    node.await_mail("ann", 1);
    mail("real-joe");
    node.await_mail("joe", 3);
    write(&node, "aliases", "sales: root\n");
    mail("sales");
    node.await_mail("root", 1);
    // An alias file that is not understood keeps nobody's mail from him.
    write(&node, "aliases", "sales = Sales Desk = joe\n");
    mail("sales");
    node.await_mail("root", 2);
    assert!(daemon.stop().success());
    assert_eq!(mailboxes(&node), [1, 3, 2]);
}

#[test]
fn newaliases_says_what_is_wrong() {
    let folder = open_folder();
    let node = node(folder.path());
    let told = |program: &str, arguments: &[&str]| {
        let output = node.try_run(program, arguments, b"");
        (output.status.code(), text(&output.stdout))
    };
    let (code, said) = told("newaliases", &[]);
    assert!(code == Some(0) && said.ends_with("aliases: not there\n"), "{code:?} {said}");
    write(&node, "aliases", "# all\nsales: joe, ann\nall: sales,\n  root\n");
    let (code, said) = told("newaliases", &[]);
    assert!(code == Some(0) && said.ends_with("aliases: names: 2, entries: 4\n"), "{code:?} {said}");
    assert_eq!(told("sendmail", &["-bi"]), (code, said));
    write(&node, "aliases", "sales: joe ann\nlog: \"|/usr/bin/logger -t mail\"\n");
    let (code, said) = told("newaliases", &[]);
    assert_eq!(code, Some(65));
    assert!(
        said.contains("aliases:1: alias sales: ") && said.contains("aliases:2: alias log: program"),
        "{said}"
    );
    write(&node, "aliases", "sales = Sales Desk = joe\n");
    let (code, said) = told("newaliases", &[]);
    assert!(code == Some(78) && said.contains("elm"), "{code:?} {said}");
    fs::write(node.path("aliases"), "sales: joe\n").expect("aliases");
    fs::set_permissions(node.path("aliases"), fs::Permissions::from_mode(0o666)).expect("a mode");
    let (code, said) = told("newaliases", &[]);
    assert!(code == Some(78) && said.contains("others may write it"), "{code:?} {said}");
    // And mail for a name waits with who has it: nothing comes back for it.
    let refused = node.try_run("sendmail", &["-i", "sales"], b"Subject: x\n\nx\n");
    assert_eq!(refused.status.code(), Some(75), "{}", text(&refused.stderr));
}
