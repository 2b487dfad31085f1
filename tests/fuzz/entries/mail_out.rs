//! What other mail servers say to us.

use uugate::post::address::Address;
use uugate::post::mail::Sender;
use uugate::post::mail::dots::{Ends, Unstuffer};
use uugate::post::smtp::client::{Answer, Client, Event, Offer, Protocol, Recipient, ReplyReader, Settings};

/// Replies, whole and in pieces: both say the same, and nothing that a terminal obeys.
pub fn smtp_reply(bytes: &[u8]) {
    let read = |piece: usize| {
        let (mut reader, mut replies) = (ReplyReader::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            reader.feed(piece);
            loop {
                match reader.next_reply() {
                    Ok(None) => break,
                    Ok(Some(reply)) => replies.push(Ok(reply)),
                    Err(error) => {
                        replies.push(Err(error));
                        return replies;
                    }
                }
            }
        }
        replies
    };
    let whole = read(bytes.len().max(1));
    assert_eq!(whole, read(1));
    for reply in whole.into_iter().flatten() {
        let told = reply.to_string();
        assert!((200..600).contains(&reply.code) && !reply.lines.is_empty());
        assert!(told.len() <= 1000 && told.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{told:?}");
    }
}

/// A server that says anything, line by line: every message ends once, what goes out is commands and whole texts, and something
/// is always waited for or wanted.
pub fn smtp_client(bytes: &[u8]) {
    let Some((first, said)) = bytes.split_first() else { return };
    let protocol = if first % 2 == 0 { Protocol::Smtp } else { Protocol::Lmtp };
    let now = uugate::clock::now();
    let settings = Settings { protocol, ..Settings::new("leaf.example".to_owned()) };
    let mut client = Client::new(settings, now);
    let (mut offered, mut ended, mut is_over) = (0, 0, false);
    let mut out = Vec::new();
    for line in said.split_inclusive(|byte| *byte == b'\n') {
        client.handle_input(now, line);
        loop {
            while let Some(event) = client.poll_event() {
                assert!(!is_over, "nothing comes after the end");
                match event {
                    Event::Ready => {
                        offered += 1;
                        client.offer(now, offer(usize::from(*first)));
                    }
                    Event::StartTls => client.secured(now),
                    Event::Text if out.len() % 3 == 0 => client.finish(now),
                    Event::Text => client.write(now, said),
                    Event::Ended(answers) => {
                        ended += 1;
                        let accepted = |answer: &Answer| {
                            matches!(answer, Answer::Accepted(_)) == answer.retry().is_none()
                        };
                        assert!(
                            answers.len() == 1 + usize::from(*first) % 60
                                && answers.iter().flatten().all(accepted)
                        );
                    }
                    Event::Failed(error) => {
                        let told = error.to_string();
                        assert!(told.len() < 1500 && told.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
                        is_over = true;
                    }
                    Event::Closed => is_over = true,
                }
            }
            let Some(bytes) = client.poll_transmit() else { break };
            out.extend(bytes);
            if out.len() > 100_000 {
                return;
            }
            client.handle_sent(now);
        }
        assert!(client.is_closed() == is_over && (is_over || client.poll_timeout().is_some()));
    }
    assert!(ended == offered || ended + 1 == offered);
    assert!(out.windows(2).all(|pair| (pair[0] == b'\r') == (pair[1] == b'\n')), "no line end stands alone");
    // A text is over only where it was ended.
    let mut text = Vec::new();
    Unstuffer::new(Ends::Crlf).push(&out, &mut text);
}

fn offer(number: usize) -> Offer {
    let recipient = |name: usize| {
        let address = Address::parse(&format!("u{name}@far.example")).expect("an address");
        Recipient { original: Some(address.clone()), address }
    };
    let recipients = (0..1 + number % 60).map(recipient).collect();
    Offer { sender: Sender::Null, recipients, size: 1000, eight_bit: number.is_multiple_of(3) }
}
