//! The checksum of `f` and `y`: sixteen bits, turned by one and added to, byte by byte. Taylor UUCP manual, section
//! "UUCP `f' Protocol".

/// What it begins with.
pub const START: u16 = 0xffff;

/// The sum of what `sum` is of and these bytes.
pub fn sum(sum: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(sum, |sum, byte| sum.rotate_left(1).wrapping_add(u16::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_turned_and_added_to() {
        assert_eq!(sum(START, &[]), 0xffff);
        assert_eq!(sum(START, &[1]), 0);
        assert_eq!(sum(START, &[0x81, 0x10]), 0x110);
        assert_eq!(sum(sum(START, b"in two"), b" pieces"), sum(START, b"in two pieces"));
    }
}
