use super::*;
use crate::post::address::Address;
use crate::post::mail::dots::{Ends, LoneEnd};
use crate::post::mail::{Envelope, Sender};
use proptest::prelude::*;

type Messages = Vec<(Envelope, Vec<Refused>, Vec<u8>)>;

/// Reads a batch in pieces; the messages, if it is whole.
fn read_in(pieces: &[&[u8]]) -> Result<Messages, BatchError> {
    let mut reader = Reader::new(Settings::default());
    let mut messages: Messages = Vec::new();
    let mut ended = 0;
    for piece in pieces {
        reader.push(piece)?;
        while let Some(event) = reader.poll_event() {
            match event {
                Event::Message { envelope, refused } => messages.push((envelope, refused, Vec::new())),
                Event::Data(text) => messages.last_mut().unwrap().2.extend_from_slice(&text),
                Event::MessageEnd => ended += 1,
            }
        }
    }
    let count = reader.finish()?;
    assert_eq!((count as usize, ended), (messages.len(), messages.len()));
    Ok(messages)
}

fn read(batch: &str) -> Result<Messages, BatchError> {
    read_in(&[batch.as_bytes()])
}

fn envelope(sender: &str, recipients: &[&str]) -> Envelope {
    let recipients = recipients.iter().map(|text| Address::parse(text).unwrap()).collect();
    Envelope { sender: Sender::parse(sender).unwrap(), recipients }
}

const TWO: &str = "HELO leaf\nMAIL FROM:<joe@leaf>\nRCPT TO:<a!b!bill>\nRCPT TO:<bob>\nDATA\n..dot\ntext\n.\n\
                   MAIL FROM:<>\nRCPT TO:<postmaster>\nDATA\n.\nQUIT\n";

#[test]
fn a_batch_is_unpacked() {
    let messages = read(TWO).unwrap();
    assert_eq!(messages[0], (envelope("joe@leaf", &["a!b!bill", "bob"]), vec![], b".dot\ntext\n".to_vec()));
    assert_eq!(messages[1], (envelope("<>", &["postmaster"]), vec![], vec![]));
}

#[test]
fn greeting_and_farewell_may_be_missing() {
    assert_eq!(read("MAIL FROM:<a>\nRCPT TO:<b>\nDATA\nx\n.\n").unwrap().len(), 1);
    assert_eq!(read("MAIL FROM:<a>\nRCPT TO:<b>\nDATA\nx\n.\nQUIT").unwrap().len(), 1);
    assert_eq!(read("").unwrap().len(), 0);
    assert_eq!(read(&format!("{TWO}{TWO}")).unwrap().len(), 4);
    assert_eq!(
        read("EHLO x\nTICK 1\nNOOP\nMAIL FROM:<a>\nRSET\nMAIL FROM:<c>\nRCPT TO:<b>\nDATA\n.\n\n")
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn crlf_of_the_first_line_holds_for_all() {
    let crlf = TWO.replace('\n', "\r\n");
    assert_eq!(read(&crlf).unwrap(), read(TWO).unwrap());
    assert_eq!(
        read(&crlf.replacen("RCPT TO:<bob>\r\n", "RCPT TO:<bob>\n", 1)),
        Err(BatchError::LineEnd { line: 4 })
    );
    assert_eq!(read(&TWO.replacen("DATA\n", "DATA\r\n", 1)), Err(BatchError::LineEnd { line: 5 }));
    let lone = read(&crlf.replacen("text\r\n", "text\n", 1));
    assert!(matches!(lone, Err(BatchError::LoneEnd { lone: LoneEnd::Lf, .. })));
    // In a batch with LF, CR is text; a dot and CR end nothing.
    let text = "MAIL FROM:<a>\nRCPT TO:<b>\nDATA\nx\r\n.\r\ny\n.\n";
    assert_eq!(read(text).unwrap()[0].2, b"x\r\n\r\ny\n");
}

#[test]
fn a_batch_that_breaks_off_is_no_batch() {
    // Every proper beginning of a batch is whole only where no message is open.
    let good_ends: Vec<usize> = (0..=TWO.len()).filter(|&cut| read(&TWO[..cut]).is_ok()).collect();
    for cut in 0..TWO.len() {
        let open = TWO[..cut].matches("MAIL").count() > TWO[..cut].matches("\n.\n").count();
        if open {
            assert!(!good_ends.contains(&cut), "cut at {cut} was taken");
        }
    }
    assert!(good_ends.contains(&(TWO.find("MAIL FROM:<>").unwrap())));
    assert_eq!(read("MAIL FROM:<a>\nRCPT TO:<b>\nDATA\nx\n"), Err(BatchError::CutInData { line: 4 }));
    assert_eq!(read("MAIL FROM:<a>\nRCPT TO:<b>\nDATA\nx\n."), Err(BatchError::CutInData { line: 4 }));
    assert_eq!(read("MAIL FROM:<a>\nRCPT TO:<b>\n"), Err(BatchError::CutInEnvelope { line: 2 }));
}

#[test]
fn a_bad_recipient_stands_beside_the_good_ones() {
    let messages = read("MAIL FROM:<a>\nRCPT TO:<b>\nRCPT TO:<|sh>\nDATA\n.\n").unwrap();
    assert_eq!(messages[0].0, envelope("a", &["b"]));
    assert_eq!(messages[0].1[0].text, "|sh");
    let messages = read("MAIL FROM:<a>\nRCPT TO:<|sh>\nDATA\n.\n").unwrap();
    assert!(messages[0].0.recipients.is_empty());
}

#[test]
fn what_breaks_the_rules_is_named_with_its_line() {
    let order = |line, verb| Err(BatchError::Order { line, verb });
    assert_eq!(read("RCPT TO:<b>\n"), order(1, "RCPT"));
    assert_eq!(read("DATA\n"), order(1, "DATA"));
    assert_eq!(read("MAIL FROM:<a>\nDATA\n"), order(2, "DATA"));
    assert_eq!(read("MAIL FROM:<a>\nMAIL FROM:<b>\n"), order(2, "MAIL"));
    assert_eq!(read("MAIL FROM:<a>\nRCPT TO:<b>\nQUIT\n"), order(3, "QUIT"));
    assert_eq!(read("HELO x\nBDAT 10\n"), order(2, "BDAT"));
    assert!(matches!(read("\nhello\n"), Err(BatchError::Command { line: 2, .. })));
    assert!(matches!(read("MAIL FROM:<a b>\n"), Err(BatchError::Command { line: 1, .. })));
    assert!(matches!(read(&"x".repeat(3000)), Err(BatchError::LineTooLong { line: 1, .. })));
    let endless = format!("MAIL FROM:<a>\n{}", "RCPT TO:<b>\n".repeat(10_001));
    assert_eq!(read(&endless), Err(BatchError::TooManyRecipients { line: 10_002, limit: 10_000 }));
}

#[test]
fn after_an_error_nothing_more_is_read() {
    let mut reader = Reader::new(Settings::default());
    let error = reader.push(b"nonsense\n").unwrap_err();
    assert_eq!(reader.push(TWO.as_bytes()), Err(error.clone()));
    assert_eq!(reader.poll_event(), None);
    assert_eq!(reader.finish(), Err(error));
}

fn written(messages: &[(Envelope, Vec<u8>)], ends: Ends) -> Vec<u8> {
    let mut out = Vec::new();
    let writer = Writer::new("leaf.example", ends, &mut out);
    for (envelope, text) in messages {
        let mut body = writer.message(envelope, &mut out);
        body.push(text, &mut out);
        body.finish(&mut out);
    }
    writer.finish(&mut out);
    out
}

#[test]
fn five_hundred_recipients_fit_in_one_message() {
    let recipients: Vec<String> = (0..500).map(|n| format!("user{n}@polux.example")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let sent = envelope("joe", &recipients);
    let batch = written(&[(sent.clone(), b"hello\n".to_vec())], Ends::Lf);
    assert_eq!(read_in(&[&batch]).unwrap()[0].0, sent);
}

/// What some program takes for the end of a message.
const ENDINGS: [&str; 12] = [
    "\r\n.\r\n",
    "\n.\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r",
    "\r\n.\r",
    "\r.\r\n",
    "\r\n.\r\r\n",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\n.\r",
    "\r\r\n.\n",
];

/// Behind a false end, commands that would be a second message to who believes it.
fn smuggling(ending: &str, line_end: &str) -> String {
    let lines = ["MAIL FROM:<root@bank>", "RCPT TO:<joe>", "DATA", "pay", ".", "QUIT", ""];
    let first = ["MAIL FROM:<a>", "RCPT TO:<b>", "DATA", "text"].join(line_end);
    format!("{first}{ending}{}", lines.join(line_end))
}

#[test]
fn no_false_end_of_a_message_lets_another_in() {
    for ending in ENDINGS {
        let is_true = ending == "\r\n.\r\n";
        match read(&smuggling(ending, "\r\n")) {
            Ok(messages) if is_true => assert_eq!(messages.len(), 2),
            // With a NUL the lines are whole, and the false end is text.
            Ok(messages) => {
                assert_eq!(messages.len(), 1, "{ending:?}");
                assert!(ending.contains('\0') && messages[0].2.ends_with(b"pay\n"), "{ending:?}");
            }
            Err(error) => {
                assert!(!is_true && matches!(error, BatchError::LoneEnd { .. }), "{ending:?}: {error}")
            }
        }
        // Where lines end with LF, a CR is text like any other.
        let messages = read(&smuggling(ending, "\n")).unwrap();
        assert_eq!(messages.len(), if ending.ends_with("\n.\n") { 2 } else { 1 }, "{ending:?}");
    }
}

#[test]
fn no_text_of_ours_ends_its_message_for_whoever_reads_it() {
    for ending in ENDINGS {
        let text = smuggling(ending, "\n").into_bytes();
        for ends in [Ends::Lf, Ends::Crlf] {
            let batch = written(&[(envelope("a", &["b"]), text.clone())], ends);
            assert_eq!(read_in(&[&batch]).unwrap().len(), 1, "{ending:?} {ends:?}");
            // Nor for one that takes LF and CRLF alike.
            let ends_of_any_kind = batch
                .split(|byte| *byte == b'\n')
                .filter(|line| line.strip_suffix(b"\r").unwrap_or(line) == b".")
                .count();
            let lone_cr = ends == Ends::Lf && ending.contains(".\r");
            assert!(ends_of_any_kind == 1 || lone_cr, "{ending:?} {ends:?}: {ends_of_any_kind}");
        }
    }
}

/// As Exim writes them with `use_bsmtp`, and takes them with `-bS`; and as old batchers did.
#[test]
fn batches_of_other_programs_are_read() {
    let exim = "MAIL FROM:<ann@leaf.example> SIZE=1400\nRCPT TO:<bob@polux.example>\nDATA\nx\n.\n";
    let smail = "HELO leaf.uucp\nTICK 1\nVERB\nMAIL FROM:<ann>\nRCPT TO:<bob>\nDATA\nx\n.\nTICK 2\nRSET\n\
                 MAIL FROM:<eve>\nRCPT TO:<joe>\nDATA\ny\n.\nQUIT\n";
    let greeting_each = format!("HELO a\n{exim}HELO b\n{exim}RSET\nQUIT\n");
    let lower = "helo leaf\nmail from: ann@leaf\nrcpt to: bob\ndata\nx\n.\nquit\n";
    let framed = |text: &str| text.replace('\n', "\r\n");
    for (batch, count) in [(exim, 1), (smail, 2), (&greeting_each, 2), (lower, 1)] {
        assert_eq!(read(batch).unwrap().len(), count, "{batch}");
        assert_eq!(read(&framed(batch)).unwrap(), read(batch).unwrap(), "{batch}");
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(
        messages in proptest::collection::vec(
            (proptest::option::of("[a-z]{1,8}(@[a-z]{1,8})?"), proptest::collection::vec("[a-z]{1,4}![a-z]{1,8}", 1..4),
             proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'\n'), Just(0u8), any::<u8>()], 0..60)), 0..4),
        crlf in any::<bool>(),
        piece in 1usize..50,
    ) {
        let ends = if crlf { Ends::Crlf } else { Ends::Lf };
        let messages: Vec<(Envelope, Vec<u8>)> = messages.into_iter().map(|(sender, recipients, mut text)| {
            text.retain(|&b| !crlf || b != b'\r');
            if !text.is_empty() && !text.ends_with(b"\n") { text.push(b'\n') }
            let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
            (envelope(sender.as_deref().unwrap_or(""), &recipients), text)
        }).collect();
        let batch = written(&messages, ends);
        for wrapper in Wrapper::ALL {
            let mut packer = Packer::new(wrapper).unwrap();
            let mut packed = Vec::new();
            batch.chunks(piece).for_each(|piece| packer.push(piece, &mut packed).unwrap());
            packer.finish(&mut packed).unwrap();
            let mut unwrapper = Unwrapper::new(Limits::default());
            let mut unpacked = Vec::new();
            for mut rest in packed.chunks(piece) {
                while unwrapper.step(&mut rest, &mut unpacked).unwrap() {}
            }
            unwrapper.finish(&mut unpacked).unwrap();
            let pieces: Vec<&[u8]> = unpacked.chunks(piece).collect();
            let read: Vec<_> = read_in(&pieces).unwrap().into_iter().map(|(e, _, text)| (e, text)).collect();
            prop_assert_eq!(&read, &messages);
        }
    }

    #[test]
    fn any_bytes_end_in_an_answer(input in proptest::collection::vec(prop_oneof![
        Just(b"MAIL FROM:<a>\n".to_vec()), Just(b"RCPT TO:<b>\n".to_vec()), Just(b"DATA\n".to_vec()),
        Just(b".\n".to_vec()), Just(b"\r\n".to_vec()), proptest::collection::vec(any::<u8>(), 0..20)], 0..12)) {
        let whole = input.concat();
        let pieces: Vec<&[u8]> = input.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(read_in(&pieces).is_ok(), read_in(&[&whole]).is_ok());
    }
}
