//! Mail as people write it: English prose, no passage twice.

use std::collections::BTreeSet;
use std::process::Command;

/// So many letters of about 2.5 KiB, each a piece of the manual of UUCP, which comes with the Debian package `uucp`.
pub fn letters(count: usize) -> Vec<String> {
    let command = "gzip -dc /usr/share/info/uucp.info-[1-9].gz";
    let text = Command::new("sh").args(["-c", command]).output().expect("gzip runs").stdout;
    let text = String::from_utf8_lossy(&text);
    let mut seen = BTreeSet::new();
    let mut passages = text.split("\n\n").filter(|passage| {
        // Menus, indices and the beginnings of nodes are no prose.
        let is_prose = passage.len() > 80 && !passage.contains('\u{1f}') && !passage.contains("\n* ");
        is_prose && seen.insert(passage.trim().to_owned())
    });
    let letters: Vec<String> = (0..count)
        .map(|number| {
            let mut letter = format!(
                "From: Ann Author <ann@alpha.uucp>\nTo: ann@beta.uucp\nSubject: letter {number}\n\
                 Date: Sat, 28 Nov 2026 10:{:02}:{:02} +0000\nMessage-Id: <{:x}.{number}@alpha.uucp>\n\n",
                number / 60 % 60,
                number % 60,
                (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            );
            while letter.len() < 2500 {
                letter += passages.next().expect("the manual is long enough");
                letter += "\n\n";
            }
            letter
        })
        .collect();
    letters
}

/// The same letters as one batch, as a program hands them in.
pub fn as_batch(letters: &[String]) -> String {
    let mut batch = "HELO alpha\n".to_owned();
    for letter in letters {
        batch += "MAIL FROM:<ann>\nRCPT TO:<ann@beta.uucp>\nDATA\n";
        for line in letter.lines() {
            batch += if line.starts_with('.') { "." } else { "" };
            batch += line;
            batch += "\n";
        }
        batch += ".\n";
    }
    batch + "QUIT\n"
}
