//! Batches in every wrapper and by every name, good and hostile.

use super::*;
use crate::post::batch::wrapper::COMMANDS;
use crate::post::batch::{Packer, Wrapper};

const BATCH: &str = "HELO leaf\nMAIL FROM:<ann>\nRCPT TO:<jan>\nDATA\nSubject: packed\n\n..\n.\nQUIT\n";

fn packed(wrapper: Wrapper, batch: &[u8]) -> Vec<u8> {
    let mut packer = Packer::new(wrapper).unwrap();
    let mut bytes = Vec::new();
    packer.push(batch, &mut bytes).unwrap();
    packer.finish(&mut bytes).unwrap();
    bytes
}

impl Site {
    /// The bytes and the reason of what was kept, which is one thing.
    async fn kept(&self) -> (Vec<u8>, String) {
        let kept = self.spool.quarantined(None).await.unwrap();
        assert_eq!(kept.len(), 1);
        let body = crate::post::delivery::body::read_whole(&self.spool, kept[0].body.unwrap()).await;
        (body.unwrap(), kept[0].reason.clone())
    }
}

#[tokio::test]
async fn every_name_takes_every_wrapper() {
    let site = Site::new();
    for command in COMMANDS {
        for wrapper in Wrapper::ALL {
            site.runs(execute(command, "uucp", None), &packed(wrapper, BATCH.as_bytes())).await;
        }
    }
    let mbox = site.mailbox();
    assert_eq!(mbox.matches("\nSubject: packed\n\n.\n").count(), COMMANDS.len() * Wrapper::ALL.len());
    assert!(site.quarantined().await.is_empty());
}

#[tokio::test]
async fn a_bomb_is_kept_as_it_came_and_both_postmasters_are_told_once() {
    for wrapper in [Wrapper::Compress, Wrapper::Gzip, Wrapper::Zstd] {
        let site = Site::new();
        let mut bomb = BATCH.replace("QUIT\n", "MAIL FROM:<ann>\nRCPT TO:<jan>\nDATA\n").into_bytes();
        bomb.resize(bomb.len() + 48 * 1024 * 1024, b'0');
        let bomb = packed(wrapper, &bomb);
        site.runs(execute("rsmtp", "uucp", None), &bomb).await;
        let (bytes, reason) = site.kept().await;
        assert!(bytes == bomb && reason.contains("200 times as many bytes"), "{wrapper:?}: {reason}");
        let mbox = site.mailbox();
        assert!(!mbox.contains("Subject: packed"), "nothing of it is delivered");
        assert_eq!(mbox.matches("Subject: Broken batch (leaf)\n").count(), 1);
        assert_eq!(site.sent().await.len(), 1, "their postmaster");
    }
}

#[tokio::test]
async fn what_is_packed_twice_cut_or_of_another_program_is_kept_whole() {
    let twice = packed(Wrapper::Gzip, &packed(Wrapper::Gzip, BATCH.as_bytes()));
    let mut cut = packed(Wrapper::Gzip, BATCH.as_bytes());
    cut.truncate(cut.len() - 3);
    let mut cut_lzw = packed(Wrapper::Compress, BATCH.as_bytes());
    cut_lzw.truncate(cut_lzw.len() * 2 / 3);
    // A batch as a message of a batch is a text.
    let within = format!("MAIL FROM:<ann>\nRCPT TO:<jan>\nDATA\n{BATCH}");
    for (batch, why) in [
        (twice, "line 1"),
        (cut, "breaks off in the middle of its gzip data"),
        (cut_lzw, "breaks off"),
        (b"BZh91AY&SY\x01\x02".to_vec(), "compressed by bzip2"),
        (within.replace("QUIT\n", "").replace("..\n.\n", "..\n").into_bytes(), "breaks off inside a message"),
    ] {
        let site = Site::new();
        site.runs(execute("rgsmtp", "uucp", None), &batch).await;
        let (bytes, reason) = site.kept().await;
        assert!(bytes == batch && reason.contains(why), "{reason}");
        assert!(!site.mailbox().contains("Subject: packed"));
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_comes_back_and_the_others_are_taken() {
    let site = Site::with(|settings| settings.size = 100_000);
    let large = "0123456789abcde\n".repeat(10_000);
    let batch =
        format!("MAIL FROM:<joe>\nRCPT TO:<jan>\nRCPT TO:<a b>\nDATA\nSubject: large\n\n{large}.\n{BATCH}");
    site.runs(execute("rsmtp", "uucp", None), batch.as_bytes()).await;
    assert!(site.mailbox().contains("Subject: packed") && !site.mailbox().contains("Subject: large"));
    let sent = site.sent().await;
    assert_eq!((sent.len(), &*sent[0].0), (1, "rmail joe"));
    assert!(
        sent[0].1.contains("larger than 100000 bytes") && sent[0].1.contains("Status: 5.3.4"),
        "{}",
        sent[0].1
    );
    assert_eq!(sent[0].1.matches("Final-Recipient: ").count(), 2);
    assert!(site.quarantined().await.is_empty());
}

#[tokio::test]
async fn more_recipients_than_one_message_may_have_are_several() {
    let site = Site::with(|settings| settings.recipients = 100);
    let recipients: String = (0..250).map(|n| format!("RCPT TO:<leaf!user{n}>\n")).collect();
    let batch = format!("MAIL FROM:<ann>\n{recipients}RCPT TO:<jan>\nDATA\nSubject: to all\n\n.\n");
    site.runs(execute("rsmtp", "uucp", None), batch.as_bytes()).await;
    assert_eq!(site.mailbox().matches("Subject: to all").count(), 1);
    assert_eq!(
        site.sent().await.iter().map(|(command, _)| command.matches("user").count()).sum::<usize>(),
        250
    );
}

#[tokio::test]
async fn a_batch_of_thousands_is_taken_at_once() {
    let site = Site::new();
    let one = "MAIL FROM:<ann>\nRCPT TO:<jan>\nDATA\nSubject: one of many\n\n.\n";
    site.runs(execute("rsmtp", "uucp", None), one.repeat(3000).as_bytes()).await;
    assert_eq!(site.mailbox().matches("Subject: one of many").count(), 3000);
}
