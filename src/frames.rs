//! How messages cross the unix sockets of this house: that of the commands and that of the agent. Pure: bytes in,
//! frames out.
//!
//! ```text
//! +------+------------------+---------+
//! | kind | length, 4 octets | content |
//! |      | most significant |         |
//! |      | first            |         |
//! +------+------------------+---------+
//! kind 'J': JSON, up to 1 MiB     'B': bytes of a body, 1 to 64 KiB     'E': end of the body, empty
//! ```
//!
//! Who asks sends one 'J' with the request, then, if the request has one, a body: any number of 'B' and an 'E'. Who is
//! asked answers in the same way.

/// The longest JSON message, in bytes. A page of 1 000 queue entries fits.
pub const LONGEST_MESSAGE: usize = 1 << 20;
/// The most bytes of a body in one frame: what the spool takes at once.
pub const LONGEST_CHUNK: usize = 64 * 1024;
/// Kind and length.
pub const HEADER: usize = 5;

/// The other end sent something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes")]
    Length(usize),
    #[error("something that is no frame")]
    NoFrame,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Message(Vec<u8>),
    Bytes(Vec<u8>),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Message,
    Bytes,
    End,
}

/// Reads the header of a frame: what comes and how long it is.
pub fn parse_header(header: [u8; HEADER]) -> Result<(Kind, usize), FrameError> {
    let [kind, a, b, c, d] = header;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    match (kind, length) {
        (b'J', 1..=LONGEST_MESSAGE) => Ok((Kind::Message, length)),
        (b'B', 1..=LONGEST_CHUNK) => Ok((Kind::Bytes, length)),
        (b'E', 0) => Ok((Kind::End, 0)),
        (b'J' | b'B' | b'E', _) => Err(FrameError::Length(length)),
        _ => Err(FrameError::NoFrame),
    }
}

/// Puts header and content together.
pub fn assemble(kind: Kind, content: Vec<u8>) -> Frame {
    match kind {
        Kind::Message => Frame::Message(content),
        Kind::Bytes => Frame::Bytes(content),
        Kind::End => Frame::End,
    }
}

/// The header for content of this kind. The caller keeps to the limits.
pub fn header(kind: Kind, length: usize) -> [u8; HEADER] {
    let letter = match kind {
        Kind::Message => b'J',
        Kind::Bytes => b'B',
        Kind::End => b'E',
    };
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [letter, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_frames_within_their_limits_are_read() {
        for kind in [Kind::Message, Kind::Bytes] {
            assert_eq!(parse_header(header(kind, 77)).unwrap(), (kind, 77));
            assert!(parse_header(header(kind, 0)).is_err());
        }
        assert_eq!(parse_header(header(Kind::End, 0)).unwrap(), (Kind::End, 0));
        assert!(parse_header(header(Kind::End, 1)).is_err());
        assert!(parse_header(header(Kind::Bytes, LONGEST_CHUNK + 1)).is_err());
        assert!(parse_header(header(Kind::Message, LONGEST_MESSAGE + 1)).is_err());
        assert!(parse_header(*b"GET /").is_err());
        assert!(parse_header([b'J', 0xff, 0xff, 0xff, 0xff]).is_err());
    }
}
