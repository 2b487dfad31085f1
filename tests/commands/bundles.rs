//! Mail that travels as a file, by the programs.

use super::{leaf, stderr, stdout};
use crate::support::node::Node;
use crate::support::open_folder;

/// A site with two mails for the other one, the other one, and the name of the file.
fn sites(folder: &tempfile::TempDir) -> (Node, Node, String) {
    let leaf = leaf(folder);
    let feed = Node::new(folder.path(), "feed", "[[system]]\nname = \"leaf\"\n");
    for number in 0..2 {
        let text = format!("Subject: number {number}\n\nhello\n");
        leaf.run("sendmail", &["-i", "feed!ann"], text.as_bytes());
    }
    let file = folder.path().join("stick");
    (leaf, feed, file.to_str().expect("a name").to_owned())
}

fn states(node: &Node) -> String {
    stdout(&node.run("uustat", &["-a"], b""))
}

#[test]
fn mail_goes_by_file_once_and_is_done() {
    let folder = open_folder();
    let (leaf, feed, file) = sites(&folder);
    let said = stdout(&leaf.run("export", &["feed", "--to", &file], b""));
    assert!(said.contains(&format!("{file}: 2 messages of 2 jobs")), "{said}");
    let said = stdout(&feed.run("import", &[&file], b""));
    assert_eq!(said, format!("{file}: 2 messages imported\n"));
    let said = stdout(&feed.run("import", &[&file], b""));
    assert_eq!(said, format!("{file}: imported before; nothing was done\n"));
    assert_eq!(feed.mailbox("ann").len(), 2);
    assert_eq!(states(&leaf).lines().count(), 2);
    let said = stdout(&leaf.run("export", &["--done", &file], b""));
    assert_eq!(said, format!("{file}: 2 jobs are done\n"));
    assert_eq!(states(&leaf), "");
    let refused = leaf.try_run("export", &["--recall", &file], b"");
    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("settled otherwise"), "{}", stderr(&refused));
}

#[test]
fn a_lost_stick_is_recalled_and_its_mail_goes_again() {
    let folder = open_folder();
    let (leaf, feed, file) = sites(&folder);
    leaf.run("export", &["feed", "--to", &file], b"");
    let nothing = leaf.try_run("export", &["feed", "--to", &format!("{file}2")], b"");
    assert!(stderr(&nothing).contains("no mail waits"), "{}", stderr(&nothing));
    std::fs::remove_file(&file).unwrap();
    let said = stdout(&leaf.run("export", &["--recall", &file], b""));
    assert_eq!(said, format!("{file}: 2 jobs wait again\n"));
    leaf.run("export", &["feed", "--to", &file], b"");
    feed.run("import", &[&file], b"");
    assert_eq!(feed.mailbox("ann").len(), 2);
    // The stick stays there.
    std::fs::remove_file(&file).unwrap();
    let said = stdout(&leaf.run("export", &["--done", &file], b""));
    assert_eq!(said, format!("{file}: 2 jobs are done\n"));
}

#[test]
fn a_stick_that_was_pulled_too_early_imports_nothing_and_says_so() {
    let folder = open_folder();
    let (leaf, feed, file) = sites(&folder);
    leaf.run("export", &["feed", "--to", &file], b"");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, "").unwrap();
    let refused = feed.try_run("import", &[&file], b"");
    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("it holds no message"), "{}", stderr(&refused));
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    for _ in 0..2 {
        let refused = feed.try_run("import", &[&file], b"");
        assert!(stderr(&refused).contains("kept in quarantine as 1"), "{}", stderr(&refused));
    }
    assert!(feed.mailbox("ann").is_empty());
    let refused = leaf.try_run("export", &["--done", &file], b"");
    assert!(stderr(&refused).contains("was changed since"), "{}", stderr(&refused));
    std::fs::write(&file, &whole).unwrap();
    feed.run("import", &[&file], b"");
    assert_eq!(feed.mailbox("ann").len(), 2);
}
