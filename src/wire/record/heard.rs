//! The last bytes that came, for the record of a call.

use crate::observe::printable;

/// What is kept, in bytes.
const KEPT: usize = 64;
/// What stands for bytes that are not shown; not how many they were, for that would tell how long a password is.
const HIDDEN: &[u8] = b"***";

#[derive(Debug, Default)]
pub struct Heard {
    bytes: Vec<u8>,
}

impl Heard {
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes.get(bytes.len().saturating_sub(KEPT)..).unwrap_or_default());
        let surplus = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..surplus);
    }

    /// Here came something that is not shown.
    pub fn hide(&mut self) {
        if !self.bytes.ends_with(HIDDEN) {
            self.add(HIDDEN);
        }
    }

    /// Printable; none if nothing came.
    pub fn text(&self) -> Option<String> {
        (!self.bytes.is_empty()).then(|| printable(&self.bytes, KEPT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_kept_and_no_more() {
        let mut heard = Heard::default();
        assert_eq!(heard.text(), None);
        heard.add(&[b'x'; 4096]);
        heard.add(b"Password: ");
        heard.hide();
        heard.hide();
        heard.add(b"\x1b[2J");
        let text = heard.text().unwrap();
        assert_eq!(text, format!(r"{}Password: ***\x1b[2J", "x".repeat(64 - 17)));
    }
}
