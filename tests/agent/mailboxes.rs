//! Mailboxes of other users, appended to exactly once.

use super::{JAN, MAIL, PIET, Site, directory, template, write};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use uugate::agent::{Agent, AgentError, Begun};
use uugate::clock;
use uugate::fault::{Retry, ToFault};
use uugate::mailbox::{Recovered, mbox};
use uugate::post::delivery::local::Local;
use uugate::post::delivery::users::Users;
use uugate::spool::{Content, Delivery, Intent, NewDelivery, NewMessage, Spool};

const LETTER: &[u8] = b"From joe Thu Jan  1 00:00:00 1970\nSubject: one\n\nhello\n\n";

pub(super) async fn accept(spool: &Spool, transport: &str, site: &str, address: &str, text: &str) {
    let delivery = NewDelivery {
        recipient: format!("{address}@polux"),
        transport: transport.to_owned(),
        site: site.to_owned(),
        address: address.to_owned(),
        ..NewDelivery::default()
    };
    let message = NewMessage {
        sender: "joe@leaf".to_owned(),
        content: Content::bytes(text.as_bytes().to_vec()),
        accepted: clock::wall(),
        origin: "test".to_owned(),
        deliveries: vec![delivery],
        ..NewMessage::default()
    };
    spool.accept(None, vec![message]).await.unwrap();
}

pub(super) async fn due(spool: &Spool) -> Vec<Delivery> {
    spool.claim_deliveries(clock::wall(), 100, std::time::Duration::from_secs(60)).await.unwrap()
}

fn local(spool: &Spool, agent: &Agent) -> Local {
    Local::new(spool.clone(), agent.clone(), Users::new(HashMap::new(), agent.clone()))
}

fn owner_of(path: &Path) -> (u32, u32, u32) {
    let about = fs::metadata(path).unwrap();
    (about.uid(), about.gid(), about.mode() & 0o7777)
}

#[tokio::test]
async fn each_user_gets_his_mail_in_a_file_of_his_own() {
    let site = Site::new("", |_| {});
    let (agent, spool) = (site.agent(), Spool::in_memory());
    let local = local(&spool, &agent);
    for user in ["jan", "piet", "Jan"] {
        accept(&spool, "local", user, user, &format!("Subject: for {user}\n\nhello\n")).await;
    }
    for delivery in due(&spool).await {
        let user = delivery.site.clone();
        let failed = local.deliver(&user, vec![delivery], clock::wall()).await;
        assert!(failed.is_empty(), "{failed:?}");
    }
    assert!(spool.queue(None).await.unwrap().is_empty());
    let mail = fs::read_to_string(site.path("mail/jan")).unwrap();
    assert_eq!(mail.matches("Subject: for ").count(), 2);
    assert!(mail.contains("Subject: for Jan") && !mail.contains("piet"));
    // The directory gives the group; the lock is gone.
    assert_eq!(owner_of(&site.path("mail/jan")), (JAN, MAIL, 0o600));
    assert_eq!(owner_of(&site.path("mail/piet")).0, PIET);
    assert_eq!(fs::read_dir(site.path("mail")).unwrap().count(), 2);
}

#[tokio::test]
async fn a_mailbox_in_a_home_that_is_closed_to_others_is_reached() {
    let mut site = Site::new("", |_| {});
    let file = site.path("uugate.toml");
    let config = fs::read_to_string(&file).unwrap().replace("mail/{user}", "{home}/Mailbox");
    fs::write(&file, config).unwrap();
    site.crash();
    site.rules.mailbox = template("{home}/Mailbox");
    let agent = site.agent();
    let mut account = site.account("jan", JAN);
    account.mailbox = site.path("home/jan/Mailbox");
    agent.open_mailbox(&account).await.unwrap().append(LETTER.to_vec()).await.unwrap();
    assert_eq!(fs::read(&account.mailbox).unwrap(), LETTER);
    assert_eq!(owner_of(&account.mailbox), (JAN, JAN, 0o600));
}

#[tokio::test]
async fn links_that_the_recipient_made_lead_nowhere() {
    let site = Site::new("", |_| {});
    let agent = site.agent();
    let victim = site.path("victim");
    write(&victim, b"From me\n\n", JAN, 0o600);
    let shadow = fs::read("/etc/shadow").unwrap();
    for target in [Path::new("/etc/shadow"), victim.as_path(), Path::new("/dev/null"), Path::new("nowhere")] {
        let account = site.account("jan", JAN);
        symlink(target, &account.mailbox).unwrap();
        let refused = agent.open_mailbox(&account).await.unwrap_err();
        assert_eq!(refused.fault().retry, Retry::Later, "{refused}");
        fs::remove_file(&account.mailbox).unwrap();
    }
    // A second name of a file of his own, a file of another, a pipe, a directory.
    let account = site.account("jan", JAN);
    fs::hard_link(&victim, &account.mailbox).unwrap();
    assert!(agent.open_mailbox(&account).await.is_err());
    fs::remove_file(&account.mailbox).unwrap();
    write(&account.mailbox, b"", PIET, 0o666);
    assert!(agent.open_mailbox(&account).await.is_err());
    fs::remove_file(&account.mailbox).unwrap();
    directory(&account.mailbox, JAN, JAN, 0o700);
    assert!(agent.open_mailbox(&account).await.is_err());
    assert_eq!(fs::read("/etc/shadow").unwrap(), shadow);
    assert_eq!(fs::read(&victim).unwrap(), b"From me\n\n");
}

#[tokio::test]
async fn the_agent_may_die_in_the_middle_of_a_session() {
    let mut site = Site::new("", |_| {});
    let account = site.account("jan", JAN);
    let open = site.agent().open_mailbox(&account).await.unwrap();
    site.crash();
    open.append(LETTER.to_vec()).await.unwrap();
    assert_eq!(fs::read(&account.mailbox).unwrap(), LETTER);
    let open = site.agent().open_mailbox(&account).await.unwrap();
    assert_eq!(open.place().length, LETTER.len() as u64);
}

#[tokio::test]
async fn the_child_may_die_in_the_middle_of_a_session() {
    let site = Site::new("", |_| {});
    let (agent, account) = (site.agent(), site.account("jan", JAN));
    let open = agent.open_mailbox(&account).await.unwrap();
    let child = Pid::from_raw(site.child()).unwrap();
    kill_process(child, Signal::KILL).unwrap();
    let lost = open.append(LETTER.to_vec()).await.unwrap_err();
    assert!(matches!(lost, AgentError::Lost(_)), "{lost}");
    // Its lock is one that its owner left; the next one takes it.
    agent.open_mailbox(&account).await.unwrap().append(LETTER.to_vec()).await.unwrap();
    assert_eq!(fs::read(&account.mailbox).unwrap(), LETTER);
}

/// What a child that died while it wrote leaves, cut and written once.
#[tokio::test]
async fn a_part_of_an_append_is_cut_and_the_whole_is_known() {
    let site = Site::new("", |_| {});
    let (agent, account) = (site.agent(), site.account("piet", PIET));
    let open = agent.open_mailbox(&account).await.unwrap();
    let place = open.place();
    drop(open);
    let begun = Begun {
        device: place.device,
        inode: place.inode,
        at: 0,
        bytes: Some(LETTER.to_vec()),
        length: LETTER.len() as u64,
        digest: *blake3::hash(LETTER).as_bytes(),
        ids: vec!["1.a".to_owned()],
    };
    for written in [0, 1, 20, LETTER.len() - 1] {
        fs::write(&account.mailbox, &LETTER[..written]).unwrap();
        let recovered = agent.recover(&account, begun.clone()).await.unwrap();
        assert_eq!(recovered, Recovered::Cut, "{written}");
        assert_eq!(fs::read(&account.mailbox).unwrap(), b"");
    }
    fs::write(&account.mailbox, LETTER).unwrap();
    assert_eq!(agent.recover(&account, begun.clone()).await.unwrap(), Recovered::Whole);
    fs::remove_file(&account.mailbox).unwrap();
    assert_eq!(agent.recover(&account, begun).await.unwrap(), Recovered::Found(Vec::new()));
}

/// The journal of the node and the agent together: a crash between append and settlement repeats nothing.
#[tokio::test]
async fn an_append_that_nobody_settled_is_found_and_settled() {
    let site = Site::new("", |_| {});
    let (agent, spool) = (site.agent(), Spool::in_memory());
    accept(&spool, "local", "jan", "jan", "Subject: one\n\nhello\n").await;
    let deliveries = due(&spool).await;
    let claim = deliveries.first().unwrap().claim;
    let line = mbox::delivery_line(&format!("{:016x}.{:x}", spool.id(), claim.id));
    let written = format!("From joe Thu Jan  1 00:00:00 1970\n{line}Subject: one\n\nhello\n\n");
    write(&site.path("mail/jan"), written.as_bytes(), JAN, 0o600);
    let intent = Intent {
        id: 0,
        path: site.path("mail/jan").display().to_string(),
        device: 0,
        inode: 0,
        length_before: 0,
        length: 1,
        digest: [0; 32],
        deliveries: vec![claim],
    };
    spool.intend(intent).await.unwrap();
    // The lease of the one that died runs out.
    spool.recover(clock::wall() + std::time::Duration::from_secs(600)).await.unwrap();
    let local = local(&spool, &agent);
    assert_eq!(local.recover().await.unwrap(), 1);
    assert_eq!(local.recover().await.unwrap(), 0);
    assert!(spool.queue(None).await.unwrap().is_empty());
    assert_eq!(fs::read_to_string(site.path("mail/jan")).unwrap(), written);
}
