//! The side that serves its own uid.

use super::*;
use crate::mailbox::mbox;

fn account(folder: &Path) -> Account {
    Account::own(rustix::process::geteuid().as_raw(), folder.join("jan"))
}

#[tokio::test]
async fn work_for_another_user_is_refused_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::new(Settings::default());
    let own = account(folder.path());
    let other = Account { uid: own.uid + 1, ..own };
    let refused = agent.open_mailbox(&other).await.unwrap_err();
    assert!(matches!(refused, AgentError::OtherUser { .. }), "{refused}");
    let user = User { uid: other.uid, ..agent.own_user() };
    let refused = agent.read_file(&user.name, user.uid, Path::new("/etc/passwd"), 1).await.unwrap_err();
    assert!(matches!(refused, AgentError::OtherUser { .. }), "{refused}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::new(Settings::default());
    let refused = agent.open_mailbox(&account(&folder.path().join("nowhere"))).await.unwrap_err();
    assert!(refused.to_string().contains("nowhere/jan"), "{refused}");
}

#[tokio::test]
async fn a_lock_that_is_not_given_up_defers() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::new(Settings { lock_wait: Duration::ZERO, ..Settings::default() });
    let held = agent.open_mailbox(&account(folder.path())).await.unwrap();
    let refused = agent.open_mailbox(&account(folder.path())).await.unwrap_err();
    assert!(matches!(&refused, AgentError::Mailbox(error) if error.is_passing()), "{refused}");
    drop(held);
    agent.open_mailbox(&account(folder.path())).await.unwrap();
}

/// Appenders of ours beside a program that takes the same dotlock and rewrites the file.
#[tokio::test]
async fn parallel_appends_beside_another_locker_lose_nothing() {
    const WRITERS: usize = 6;
    const EACH: usize = 5;
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::new(Settings::default());
    let program = "import os,sys,time\nbox=sys.argv[1]\nfor n in range(20):\n  \
        while True:\n    \
          try:\n      fd=os.open(box+'.lock',os.O_CREAT|os.O_EXCL|os.O_WRONLY); break\n    \
          except FileExistsError: time.sleep(0.001)\n  \
        os.write(fd,str(os.getpid()).encode()); os.close(fd)\n  \
        old=open(box,'rb').read() if os.path.exists(box) else b''\n  \
        open(box,'wb').write(old+b'From py x\\n\\npy\\n\\n')\n  \
        os.unlink(box+'.lock')\n";
    let mut other = tokio::process::Command::new("python3");
    let mut other = other.args(["-c", program]).arg(folder.path().join("jan")).spawn().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (agent, account) = (agent.clone(), account(folder.path()));
        tasks.spawn(async move {
            for number in 0..EACH {
                let open = agent.open_mailbox(&account).await.unwrap();
                let mut bytes = open.place().separator.to_vec();
                let body = format!("Subject: {writer}-{number}\n\n{}\n", "x".repeat(3000));
                mbox::put_message(&mut bytes, "a", jiff::Timestamp::UNIX_EPOCH, "", body.as_bytes());
                open.append(bytes).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(other.wait().await.unwrap().success());
    let mbox = std::fs::read_to_string(folder.path().join("jan")).unwrap();
    for writer in 0..WRITERS {
        for number in 0..EACH {
            assert_eq!(mbox.matches(&format!("Subject: {writer}-{number}\n")).count(), 1);
        }
    }
    assert_eq!(mbox.matches("From py x\n").count(), 20);
    assert_eq!(mbox.matches("\n\nFrom ").count() + 1, WRITERS * EACH + 20);
}
