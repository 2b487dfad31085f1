use super::*;
use crate::mailbox::mbox::{delivery_line, put_message};
use std::path::Path;

fn directory(path: &Path) -> OwnedFd {
    File::open(path).unwrap().into()
}

fn try_lock(path: &Path, create: Create) -> Result<Option<Mailbox>, MailboxError> {
    let uid = rustix::process::geteuid().as_raw();
    Mailbox::lock(directory(path), "jan", uid, create, crate::clock::wall())
}

fn lock(path: &Path) -> Mailbox {
    try_lock(path, Create::Yes).unwrap().unwrap()
}

/// Two messages as one batch.
fn batch() -> (Vec<u8>, Vec<String>) {
    let ids = vec!["1.a".to_owned(), "1.b".to_owned()];
    let mut bytes = Vec::new();
    for id in &ids {
        let body = format!("Subject: {id}\n\nFrom here\n>From there\nend");
        put_message(&mut bytes, "a@b", Timestamp::UNIX_EPOCH, &delivery_line(id), body.as_bytes());
    }
    (bytes, ids)
}

fn appended<'a>(place: &Place, ours: &[u8], bytes: &'a [u8], ids: &'a [String]) -> Appended<'a> {
    Appended {
        device: place.device,
        inode: place.inode,
        at: place.length,
        bytes: Some(bytes),
        length: ours.len() as u64,
        digest: *blake3::hash(ours).as_bytes(),
        ids,
    }
}

#[test]
fn a_crash_at_any_byte_of_an_append_leaves_it_once() {
    let old_mail: [&[u8]; 3] =
        [b"", b"From x Thu Jan  1 00:00:00 1970\n\nhi\n\n", b"From x y\n\nno line end"];
    for old in old_mail {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jan");
        std::fs::write(&path, old).unwrap();
        let (bytes, ids) = batch();
        let place = lock(folder.path()).place().unwrap();
        let ours = [place.separator, &bytes].concat();
        for written in 0..=ours.len() {
            std::fs::write(&path, [old, &ours[..written]].concat()).unwrap();
            let mut mailbox = lock(folder.path());
            let recovered = mailbox.recover(&appended(&place, &ours, &bytes, &ids)).unwrap();
            if written == ours.len() {
                assert_eq!(recovered, Recovered::Whole);
            } else {
                assert_eq!(recovered, Recovered::Cut);
                assert_eq!(std::fs::read(&path).unwrap(), old);
                mailbox.append(&ours).unwrap();
            }
            assert_eq!(std::fs::read(&path).unwrap(), [old, &ours].concat());
        }
    }
}

#[test]
fn what_another_program_wrote_is_never_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jan");
    let (bytes, ids) = batch();
    let place = lock(folder.path()).place().unwrap();
    let second = bytes.windows(8).position(|w| w == b"\n\nFrom a").unwrap() + 2;
    let other = b"From other Thu Jan  1 00:00:00 1970\n\nmine\n\n";
    // Our first message only, then somebody else's.
    let mixed = [&bytes[..second], other].concat();
    std::fs::write(&path, &mixed).unwrap();
    let recovered = lock(folder.path()).recover(&appended(&place, &bytes, &bytes, &ids)).unwrap();
    assert_eq!(recovered, Recovered::Found(vec!["1.a".to_owned()]));
    assert_eq!(std::fs::read(&path).unwrap(), mixed);
    // Ours is whole and mail followed it.
    std::fs::write(&path, [&bytes, &other[..]].concat()).unwrap();
    let recovered = lock(folder.path()).recover(&appended(&place, &bytes, &bytes, &ids)).unwrap();
    assert_eq!(recovered, Recovered::Whole);
    // The reader has made a new file of it, without our first message.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.path().join("new"), [other, &bytes[second..]].concat()).unwrap();
    std::fs::rename(folder.path().join("new"), &path).unwrap();
    let moved = Appended { inode: place.inode.wrapping_add(1), ..appended(&place, &bytes, &bytes, &ids) };
    let recovered = lock(folder.path()).recover(&moved).unwrap();
    assert_eq!(recovered, Recovered::Found(vec!["1.b".to_owned()]));
}

#[test]
fn a_foreign_format_a_link_or_a_directory_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jan");
    for foreign in [&b"\x01\x01\x01\x01\nhi"[..], b"Fr", b"from x"] {
        std::fs::write(&path, foreign).unwrap();
        let mut mailbox = lock(folder.path());
        assert!(matches!(mailbox.append(b"From x\n\n\n"), Err(MailboxError::NotMbox { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), foreign);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.path().join("secret"), b"").unwrap();
    std::os::unix::fs::symlink("secret", &path).unwrap();
    assert!(matches!(try_lock(folder.path(), Create::Yes), Err(MailboxError::Unsafe { .. })));
    std::fs::remove_file(&path).unwrap();
    std::fs::hard_link(folder.path().join("secret"), &path).unwrap();
    assert!(matches!(try_lock(folder.path(), Create::Yes), Err(MailboxError::Unsafe { .. })));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(try_lock(folder.path(), Create::Yes).is_err());
    std::fs::remove_dir(&path).unwrap();
    assert!(try_lock(folder.path(), Create::No).unwrap().is_none());
    assert!(!folder.path().join("jan.lock").exists());
}

#[test]
fn a_lock_is_respected_while_its_owner_lives() {
    let folder = tempfile::tempdir().unwrap();
    let dotlock = folder.path().join("jan.lock");
    let held = lock(folder.path());
    assert!(matches!(try_lock(folder.path(), Create::Yes), Err(MailboxError::Locked { .. })));
    drop(held);
    assert!(!dotlock.exists());
    // Unreadable but young: somebody is just making it.
    std::fs::write(&dotlock, "").unwrap();
    assert!(try_lock(folder.path(), Create::Yes).is_err());
    let old = std::time::SystemTime::UNIX_EPOCH;
    File::options().write(true).open(&dotlock).unwrap().set_modified(old).unwrap();
    lock(folder.path());
    // A process that has ended.
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    std::fs::write(&dotlock, format!("{}\n", child.id())).unwrap();
    lock(folder.path());
}

#[test]
fn an_fcntl_lock_of_another_program_is_respected() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jan");
    std::fs::write(&path, b"").unwrap();
    let program = "import fcntl,sys\nf=open(sys.argv[1],'r+')\nfcntl.lockf(f,fcntl.LOCK_EX)\n\
                   print('held',flush=True)\nsys.stdin.read()\n";
    let mut child = std::process::Command::new("python3")
        .args(["-c", program])
        .arg(&path)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    let refused = try_lock(folder.path(), Create::Yes);
    assert!(matches!(refused, Err(MailboxError::Locked { lock: "fcntl", .. })));
    drop(child.stdin.take());
    child.wait().unwrap();
    lock(folder.path());
}

#[test]
fn pythons_mailbox_module_reads_what_we_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, _) = batch();
    lock(folder.path()).append(&bytes).unwrap();
    let program = "import mailbox,sys\nfor m in mailbox.mbox(sys.argv[1]):\n \
                   print(m['Subject'], repr(m.get_payload()))\n";
    let output = std::process::Command::new("python3")
        .args(["-c", program])
        .arg(folder.path().join("jan"))
        .output()
        .unwrap();
    let body = r"'>From here\n>>From there\nend\n'";
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("1.a {body}\n1.b {body}\n"));
}
