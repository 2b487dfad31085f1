//! Whose file may say what: real files, owners and modes. Other owners than ourselves need root.

use super::tests::{Site, chmod, end};
use super::{is_absent, seen};
use crate::agent::{self, AgentError, Passwd, read_file};
use crate::post::address::Address;
use crate::post::route::Resolver;
use crate::post::route::directors::{Answer, Found, Need, User};
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;

const ROOT: u32 = 0;
const BOB: u32 = 21_001;
const EVE: u32 = 21_002;
const DAEMON: u32 = 1;

/// Users of the system, as the agent looks them up.
fn user(site: &Site, name: &str) -> Option<User> {
    let passwd = Passwd { min_uid: 1000, file: Some(site.path.join("passwd")) };
    let agent::User { name, uid, home, .. } = passwd.look_up(name).unwrap()?;
    let mailbox = site.path.join("mail").join(&name);
    Some(User { name, uid, home: Some(home), mailbox })
}

/// Where mail for `recipient` ends, with every file read as root, so that the rules alone decide.
fn ends(site: &Site, recipient: &str) -> Vec<String> {
    let recipients = [Address::parse(recipient).unwrap()];
    let mut resolver = Resolver::new(&site.tables, &recipients);
    while let Some(need) = resolver.poll() {
        resolver.answer(match need {
            Need::Alias(name) => Answer::Alias(name, Ok(None)),
            Need::User(name) => {
                let found = user(site, &name);
                Answer::User(name, Ok(found))
            }
            Need::File(wanted) => {
                let found = match read_file(&wanted.path, wanted.limit) {
                    Ok(Some(file)) => Found::Seen(seen(file)),
                    Ok(None) => Found::Absent,
                    Err(AgentError::Directory { source, .. }) if is_absent(&source) => Found::Absent,
                    Err(error) => Found::Refused(error.to_string()),
                };
                Answer::File(wanted, Ok(found))
            }
        });
    }
    resolver.finish().iter().map(end).collect()
}

fn give(path: &Path, owner: u32, mode: u32) {
    chown(path, Some(owner), Some(owner)).unwrap();
    chmod(path, mode);
}

/// A site with bob's home; `None` if we are not root, who alone can give files away.
fn site() -> Option<Site> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: files of other owners cannot be made");
        return None;
    }
    let mut site = Site::new();
    chmod(&site.path, 0o755);
    let mut passwd = String::new();
    for (name, uid) in [("bob", BOB), ("eve", EVE), ("daemon", DAEMON), ("root", ROOT)] {
        let home = site.path.join("home").join(name);
        fs::create_dir_all(&home).unwrap();
        give(&home, uid, 0o755);
        passwd.push_str(&format!("{name}:x:{uid}:{uid}::{}:/bin/sh\n", home.display()));
    }
    site.write("passwd", &passwd);
    site.tables.directors.programs = vec!["/usr/bin/vacation".into()];
    site.tables.directors.files = vec!["~/mail/".to_owned()];
    // As that of the account `uugate` would be.
    site.tables.directors.own_uid = 21_000;
    Some(site)
}

/// What bob's mail comes to: his `.forward` is not used, only its addresses are, or all of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Used {
    No,
    Addresses,
    Wholly,
}

#[test]
fn the_matrix_of_dot_forward() {
    use Used::{Addresses, No, Wholly};
    /// A case: its name, what is done to the file and to its directories, and how much counts.
    type Case = (&'static str, fn(&Path), Used);
    let cases: [Case; 22] = [
        ("of the user, 0644", |file| give(file, BOB, 0o644), Wholly),
        ("of the user, 0600", |file| give(file, BOB, 0o600), Wholly),
        ("of the user, 0400", |file| give(file, BOB, 0o400), Wholly),
        ("of root, 0644", |file| give(file, ROOT, 0o644), Wholly),
        ("of the user, writable by its group", |file| give(file, BOB, 0o664), Addresses),
        ("of the user, writable by others", |file| give(file, BOB, 0o646), No),
        ("of the user, writable by all", |file| give(file, BOB, 0o666), No),
        ("of root, writable by others", |file| give(file, ROOT, 0o602), No),
        ("of another user", |file| give(file, EVE, 0o644), No),
        ("of daemon", |file| give(file, DAEMON, 0o644), No),
        ("with a second name", |file| fs::hard_link(file, file.with_file_name("x")).unwrap(), No),
        (
            "a link to a file of the user",
            |file| {
                fs::rename(file, file.with_file_name("x")).unwrap();
                symlink("x", file).unwrap();
            },
            No,
        ),
        (
            "a directory",
            |file| {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            },
            No,
        ),
        ("absent", |file| fs::remove_file(file).unwrap(), No),
        ("in a home of another user", |file| give(file.parent().unwrap(), EVE, 0o755), No),
        ("in a home of root", |file| give(file.parent().unwrap(), ROOT, 0o755), Wholly),
        ("in a home that others may write", |file| give(file.parent().unwrap(), BOB, 0o757), No),
        ("in a home that the group may write", |file| give(file.parent().unwrap(), BOB, 0o775), Addresses),
        ("in a home like /tmp", |file| give(file.parent().unwrap(), ROOT, 0o1777), Addresses),
        (
            "below a directory that others may write",
            |file| {
                give(file.parent().unwrap().parent().unwrap(), ROOT, 0o777);
            },
            No,
        ),
        (
            "below a directory like /tmp",
            |file| {
                give(file.parent().unwrap().parent().unwrap(), ROOT, 0o1777);
            },
            Wholly,
        ),
        (
            "below a directory of another user",
            |file| {
                give(file.parent().unwrap().parent().unwrap(), EVE, 0o755);
            },
            No,
        ),
    ];
    for (name, prepare, expected) in cases {
        let Some(site) = site() else { return };
        let file = site.write("home/bob/.forward", "leaf!bob\n\"|vacation bob\"\n~/mail/in\n");
        give(&file, BOB, 0o644);
        prepare(&file);
        let mail = site.path.join("home/bob/mail/in").display().to_string();
        let expected: Vec<String> = match expected {
            No => vec!["bob".to_owned()],
            Addresses => ["leaf!bob", "5.7.1 bob", "5.7.1 bob"].map(str::to_owned).to_vec(),
            Wholly => {
                vec!["leaf!bob".to_owned(), "bob |/usr/bin/vacation bob".to_owned(), format!("bob {mail}")]
            }
        };
        assert_eq!(ends(&site, "bob"), expected, "{name}");
        assert_eq!(ends(&site, "real-bob"), ["bob"], "{name}");
    }
}

#[test]
fn a_home_in_an_unsafe_directory_names_addresses_alone() {
    let Some(mut site) = site() else { return };
    give(&site.write("home/bob/.forward", "leaf!bob, |vacation\n"), BOB, 0o644);
    site.tables.directors.unsafe_directories = vec![site.path.join("home")];
    assert_eq!(ends(&site, "bob"), ["leaf!bob", "5.7.1 bob"]);
}

#[test]
fn accounts_of_the_system_have_mail_by_an_alias_alone() {
    let Some(mut site) = site() else { return };
    assert_eq!(ends(&site, "root"), ["5.1.1 root"]);
    assert_eq!(ends(&site, "Daemon"), ["5.1.1 Daemon"]);
    assert_eq!(ends(&site, "real-root"), ["5.1.1 real-root"]);
    site.tables.aliases.insert("root".to_owned(), vec!["BOB".to_owned()]);
    assert_eq!(ends(&site, "Root"), ["bob"]);
}

#[test]
fn what_a_forward_file_includes_meets_the_same_rules() {
    let Some(site) = site() else { return };
    let list = site.path.join("home/bob/list");
    let forward = site.write("home/bob/.forward", &format!(":include:{}\n", list.display()));
    give(&forward, BOB, 0o644);
    let put = |owner, mode| give(&site.write("home/bob/list", "leaf!x, |vacation\n"), owner, mode);
    put(BOB, 0o600);
    assert_eq!(ends(&site, "bob"), ["leaf!x", "bob |/usr/bin/vacation"]);
    put(BOB, 0o664);
    assert_eq!(ends(&site, "bob"), ["leaf!x", "5.7.1 bob"]);
    put(EVE, 0o644);
    assert_eq!(ends(&site, "bob"), ["5.2.4 bob"]);
    put(BOB, 0o646);
    assert_eq!(ends(&site, "bob"), ["5.2.4 bob"]);
    // Trust is never more than that of the file that includes.
    put(BOB, 0o600);
    chmod(&forward, 0o664);
    assert_eq!(ends(&site, "bob"), ["leaf!x", "5.7.1 bob"]);
    // A private file of another user is not read for bob even by who could.
    let private = site.write("home/eve/private", "leaf!secret\n");
    give(&private, EVE, 0o600);
    give(&site.write("home/bob/.forward", &format!(":include:{}\n", private.display())), BOB, 0o644);
    assert_eq!(ends(&site, "bob"), ["5.2.4 bob"]);
}

#[test]
fn the_matrix_of_forward_to() {
    let cases: [(&str, u32, u32, u32, &str); 7] = [
        ("of the user, writable by mail", BOB, 0o660, 0o2775, "leaf!bob"),
        ("of the user", BOB, 0o600, 0o755, "leaf!bob"),
        ("in a spool of old times", BOB, 0o600, 0o1777, "leaf!bob"),
        ("in a spool where anybody may put files", BOB, 0o600, 0o777, "bob"),
        ("of root", ROOT, 0o644, 0o755, "leaf!bob"),
        ("of another user", EVE, 0o600, 0o1777, "bob"),
        ("writable by others", BOB, 0o666, 0o755, "bob"),
    ];
    for (name, owner, mode, directory, expected) in cases {
        let Some(mut site) = site() else { return };
        site.tables.directors.forward_to = true;
        give(&site.write("mail/bob", "Forward to leaf!bob\n"), owner, mode);
        give(&site.path.join("mail"), ROOT, directory);
        assert_eq!(ends(&site, "bob"), [expected], "{name}");
    }
}

#[test]
fn a_list_of_a_user_names_addresses_alone() {
    let Some(mut site) = site() else { return };
    let list = site.write("home/bob/list", "leaf!x, |vacation\n");
    give(&list, BOB, 0o644);
    site.tables.aliases.insert("all".to_owned(), vec![format!(":include:{}", list.display())]);
    assert_eq!(ends(&site, "all"), ["leaf!x", "5.7.1 all"]);
    give(&list, ROOT, 0o644);
    assert_eq!(ends(&site, "all"), ["leaf!x", "5.7.1 all"], "bob's directory can put another in its place");
    chown(list.parent().unwrap(), Some(ROOT), None).unwrap();
    assert_eq!(ends(&site, "all"), ["leaf!x", "nobody |/usr/bin/vacation"]);
}
