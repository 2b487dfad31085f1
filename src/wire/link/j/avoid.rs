//! Which characters a line does not carry, and how the two ends tell each other: `^`, `\ooo` for each, `~`.

/// A set of characters; printable ones can never be in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Avoided([bool; 256]);

/// The longest text of a set: all characters that are not printable.
pub const LONGEST: usize = 2 + 4 * (256 - 95);

impl Avoided {
    pub fn new(characters: &[u8]) -> Avoided {
        let mut avoided = Avoided([false; 256]);
        for character in characters.iter().filter(|byte| !is_printable(**byte)) {
            if let Some(place) = avoided.0.get_mut(usize::from(*character)) {
                *place = true;
            }
        }
        avoided
    }

    pub fn has(&self, character: u8) -> bool {
        self.0.get(usize::from(character)).copied().unwrap_or(false)
    }

    /// What both avoid.
    pub fn and(&self, other: &Avoided) -> Avoided {
        Avoided::new(&(0..=u8::MAX).filter(|byte| self.has(*byte) || other.has(*byte)).collect::<Vec<_>>())
    }

    /// As it is told to the peer.
    pub fn print(&self) -> Vec<u8> {
        let all = (0..=u8::MAX).filter(|byte| self.has(*byte)).map(|byte| format!("\\{byte:03o}"));
        format!("^{}~", all.collect::<String>()).into_bytes()
    }

    /// The first such text in what came, and where it ends.
    pub fn find(bytes: &[u8]) -> Option<(Avoided, usize)> {
        let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'^').map(|(at, _)| at + 1);
        starts.into_iter().find_map(|start| {
            let (avoided, length) = Avoided::parse(bytes.get(start..)?)?;
            Some((avoided, start + length))
        })
    }

    /// What stands behind `^`, and its length with the `~`.
    fn parse(text: &[u8]) -> Option<(Avoided, usize)> {
        let end = text.iter().take(LONGEST).position(|byte| *byte == b'~')?;
        let characters: Option<Vec<u8>> = text
            .get(..end)?
            .chunks(4)
            .map(|escape| match *escape {
                [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => {
                    Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
                }
                _ => None,
            })
            .collect();
        Some((Avoided::new(&characters?), end + 1))
    }
}

impl std::fmt::Debug for Avoided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.print()))
    }
}

fn is_printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_told_as_the_manual_says() {
        let usual = Avoided::new(&[0x11, 0x13, b'x']);
        assert_eq!(usual.print(), b"^\\021\\023~");
        assert_eq!(Avoided::find(b"noise^^\\021\\023~^\x20"), Some((usual.clone(), 16)));
        assert_eq!(Avoided::find(b"^~"), Some((Avoided::new(&[]), 2)));
        for broken in [&b"^\\021\\023"[..], b"^\\021\\02~", b"\\021~", b"^\\421~", b""] {
            assert_eq!(Avoided::find(broken), None, "{broken:?}");
        }
        let all = Avoided::new(&(0..=255).collect::<Vec<_>>());
        assert_eq!(all.print().len(), LONGEST);
        assert_eq!(Avoided::find(&all.print()), Some((all.clone(), LONGEST)));
        assert_eq!(usual.and(&all), all);
    }
}
