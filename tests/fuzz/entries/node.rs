//! Configuration, control socket, and the small formats of the field.

use jiff::{Timestamp, tz::TimeZone};
use std::path::Path;
use uugate::frames;
use uugate::job::{Command, XFile};
use uugate::node::config::Config;
use uugate::schedule::Windows;

/// The text of a configuration file: whatever is found wrong in it can be shown, and shows no secret.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    // Files that it names are looked for in a folder that is not there.
    let (config, findings) = Config::read(Path::new("/nonexistent/uugate.toml"), text);
    assert_eq!(config.is_some(), findings.errors() == 0);
    for finding in findings.sorted() {
        findings.place(finding.span.start);
    }
    let _ = findings.render(false);
}

/// Frames of the control socket.
pub fn control_frame(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((header, content)) = rest.split_first_chunk() {
        let Ok((kind, length)) = frames::parse_header(*header) else { return };
        assert!(length <= frames::LONGEST_MESSAGE);
        assert_eq!(frames::header(kind, length), *header);
        let Some((content, behind)) = content.split_at_checked(length) else { return };
        if kind == frames::Kind::Message {
            let _ = serde_json::from_slice::<uugate::node::verbs::Request>(content);
        }
        rest = behind;
    }
}

/// Foreign bytes, shown.
pub fn printable(bytes: &[u8]) {
    let shown = uugate::observe::printable(bytes, 100);
    assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    assert!(shown.len() <= 100 * 4 + 40);
}

/// Time strings; their windows open and close.
pub fn time_string(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Windows>() {
        Ok(windows) => {
            let from = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
            match windows.next_open(&from) {
                Some(open) => assert!(windows.open_at(&open) && open >= from),
                None => assert!(!windows.open_at(&from)),
            }
        }
        Err(error) => assert!(text.get(error.at..).is_some()),
    }
}

/// What a peer wants to have executed: what parses, prints and parses to the same, and no word of it can pass for two.
pub fn command_line(bytes: &[u8]) {
    let Ok(command) = Command::parse(&String::from_utf8_lossy(bytes)) else { return };
    let shown = command.to_string();
    assert_eq!(Command::parse(&shown).as_ref(), Ok(&command));
    assert!(!shown.chars().any(char::is_control));
    assert_eq!(shown.split(' ').count(), 1 + command.arguments.len());
}

/// Execution files: what parses, prints and parses to the same.
pub fn x_file(bytes: &[u8]) {
    let Ok(file) = XFile::parse(bytes) else { return };
    let again = XFile::parse(file.print().as_bytes());
    assert_eq!(again.as_ref(), Ok(&file));
    assert!(file.input.is_none_or(|name| !name.contains(['/', '\0'])));
}
