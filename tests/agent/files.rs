//! Files of users: read with their facts, and appended to below permitted places alone.

use super::mailboxes::{accept, due};
use super::{JAN, PIET, Site, directory, template, write};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use uugate::agent::AgentError;
use uugate::clock;
use uugate::fault::Retry;
use uugate::post::delivery::local::Local;
use uugate::post::delivery::users::Users;
use uugate::spool::Spool;

#[tokio::test]
async fn a_forward_file_is_read_as_its_owner_with_what_decides_about_it() {
    let site = Site::new("", |_| {});
    let (agent, home) = (site.agent(), site.path("home/jan"));
    let path = home.join(".forward");
    assert_eq!(agent.read_file("jan", JAN, &path, 100).await.unwrap(), None);
    write(&path, b"joe@leaf\n", JAN, 0o600);
    let seen = agent.read_file("jan", JAN, &path, 100).await.unwrap().unwrap();
    assert_eq!(seen.bytes, b"joe@leaf\n");
    assert_eq!((seen.facts.uid, seen.facts.mode, seen.links), (JAN, 0o600, 1));
    let home = seen.directories.first().unwrap();
    assert_eq!((home.uid, home.mode), (JAN, 0o700));
    // Cut, and told so.
    let cut = agent.read_file("jan", JAN, &path, 3).await.unwrap().unwrap();
    assert_eq!((cut.bytes.as_slice(), cut.size), (&b"joe"[..], 9));
    // A large one comes in pieces.
    let large = vec![b'x'; 200_000];
    write(&path, &large, JAN, 0o600);
    assert_eq!(agent.read_file("jan", JAN, &path, 1 << 20).await.unwrap().unwrap().bytes, large);
}

#[tokio::test]
async fn nobody_reads_through_another_or_beyond_what_is_permitted() {
    let site = Site::new("", |_| {});
    let (agent, home) = (site.agent(), site.path("home/jan"));
    let private = site.path("home/piet/.forward");
    write(&private, b"secret@leaf\n", PIET, 0o600);
    for path in [private.as_path(), Path::new("/etc/shadow"), &home.join("../piet/.forward")] {
        let refused = agent.read_file("jan", JAN, path, 100).await.unwrap_err();
        assert!(matches!(&refused, AgentError::Refused(_)), "{refused}");
    }
    // A link of his own to it is a link, and a directory of links leads where he himself may go.
    symlink(&private, home.join(".forward")).unwrap();
    assert!(agent.read_file("jan", JAN, &home.join(".forward"), 100).await.is_err());
    symlink(site.path("home/piet"), home.join("lists")).unwrap();
    assert!(agent.read_file("jan", JAN, &home.join("lists/.forward"), 100).await.is_err());
}

#[tokio::test]
async fn mail_is_appended_to_files_below_the_permitted_places_alone() {
    let site = Site::new("[directors]\nfiles = \"~/archive/\"", |rules| {
        rules.files = vec![template("{home}/archive/")];
    });
    let (agent, spool) = (site.agent(), Spool::in_memory());
    let local = Local::new(spool.clone(), agent.clone(), Users::new(HashMap::new(), agent));
    let archive = site.path("home/jan/archive");
    directory(&archive, JAN, JAN, 0o700);
    symlink(site.path("home/jan"), archive.join("out")).unwrap();
    symlink(site.path("home/jan/.profile"), archive.join("profile")).unwrap();
    let at = |name: &str| archive.join(name).display().to_string();

    accept(&spool, "file", &at("club"), "jan", "Subject: kept\n\nhello\n").await;
    let failed = local.file(&at("club"), due(&spool).await, clock::wall()).await;
    assert!(failed.is_empty(), "{failed:?}");
    let kept = archive.join("club");
    assert!(fs::read_to_string(&kept).unwrap().contains("Subject: kept\n"));
    assert_eq!(fs::metadata(&kept).unwrap().uid(), JAN);

    for (path, never) in [
        (at("../.profile"), true),
        (site.path("home/jan/.profile").display().to_string(), true),
        ("/etc/passwd".to_owned(), true),
        (at("out/.profile"), false),
        (at("profile"), false),
    ] {
        accept(&spool, "file", &path, "jan", "Subject: evil\n\nid\n").await;
        let failed = local.file(&path, due(&spool).await, clock::wall()).await;
        let [failed] = failed.as_slice() else { panic!("{path}: {failed:?}") };
        assert_eq!(failed.fault.retry == Retry::Never, never, "{path}: {:?}", failed.fault);
    }
    assert!(!site.path("home/jan/.profile").exists());
}
