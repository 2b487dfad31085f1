use super::*;
use proptest::prelude::*;

fn packed(wrapper: Wrapper, pieces: &[&[u8]]) -> Vec<u8> {
    let mut packer = Packer::new(wrapper).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        packer.push(piece, &mut out).unwrap();
    }
    packer.finish(&mut out).unwrap();
    out
}

/// Unpacks in pieces; never more at once than is promised.
fn unpacked(bytes: &[u8], piece: usize, limits: Limits) -> Result<Vec<u8>, UnwrapError> {
    let mut unwrapper = Unwrapper::new(limits);
    let mut all = Vec::new();
    let mut out = Vec::new();
    for mut rest in bytes.chunks(piece.max(1)) {
        while unwrapper.step(&mut rest, &mut out)? {
            assert!(out.len() <= 2 * unwrap::PIECE + 16, "{} bytes at once", out.len());
            all.append(&mut out);
        }
        assert!(rest.is_empty());
    }
    unwrapper.finish(&mut all)?;
    Ok(all)
}

fn unwrap(bytes: &[u8]) -> Result<Vec<u8>, UnwrapError> {
    unpacked(bytes, 4096, Limits::default())
}

/// Text with much in common and much that is new, longer than any table: xorshift, so that each run has the same.
fn text(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = Vec::new();
    while text.len() < length {
        let word = next();
        match word % 5 {
            0 => text.extend_from_slice(format!("{word:x} ").as_bytes()),
            1 => text.push((word >> 8) as u8),
            _ => text.extend_from_slice(b"the mail of the other day came by the line "),
        }
    }
    text.truncate(length);
    text
}

#[test]
fn every_wrapper_gives_back_what_was_put_in() {
    for length in [0, 1, 5, 6, 7, 300, 5_000, 70_000, 2_000_000] {
        let text = text(length);
        for wrapper in Wrapper::ALL {
            let bytes = packed(wrapper, &[&text]);
            assert_eq!(unwrap(&bytes).unwrap(), text, "{wrapper:?}, {length} bytes");
            if length > 5_000 && wrapper != Wrapper::Plain {
                assert!(bytes.len() < length / 2, "{wrapper:?}: {} of {length}", bytes.len());
            }
        }
    }
}

#[test]
fn a_table_that_fits_no_more_is_emptied() {
    // Two texts that have nothing in common: with the strings of the first alone the second would grow.
    let first: Vec<u8> = text(600_000).into_iter().map(|byte| byte & 0x7f).collect();
    let second: Vec<u8> = text(600_000).into_iter().map(|byte| !byte).collect();
    let both = packed(Wrapper::Compress, &[&first, &second]);
    let apart = packed(Wrapper::Compress, &[&first]).len() + packed(Wrapper::Compress, &[&second]).len();
    assert!(both.len() < apart * 11 / 10, "{} beside {apart}", both.len());
    assert_eq!(unwrap(&both).unwrap(), [first, second].concat());
}

#[test]
fn the_content_tells_and_not_the_name() {
    assert_eq!(unwrap(b"HELO x\n").unwrap(), b"HELO x\n");
    assert_eq!(unwrap(b"QUIT").unwrap(), b"QUIT");
    assert_eq!(unwrap(b"BZh91AY&SY"), Err(UnwrapError::NotRead("bzip2")));
    assert_eq!(unwrap(b"\xfd7zXZ\0rest"), Err(UnwrapError::NotRead("xz")));
    assert_eq!(unwrap(b"\x1f\x9f1"), Err(UnwrapError::NotRead("freeze")));
    // One wrapper is taken off, and what is in it is not looked into.
    let twice = packed(Wrapper::Gzip, &[&packed(Wrapper::Compress, &[b"HELO x\n"])]);
    assert!(unwrap(&twice).unwrap().starts_with(&lzw::MAGIC));
}

#[test]
fn several_members_are_one_text() {
    for wrapper in [Wrapper::Gzip, Wrapper::Zstd] {
        let members = [packed(wrapper, &[b"HELO x\n"]), packed(wrapper, &[b"QUIT\n"])].concat();
        for piece in [1, 3, 4096] {
            let text = unpacked(&members, piece, Limits::default()).unwrap();
            assert_eq!(text, b"HELO x\nQUIT\n", "{wrapper:?}");
        }
        let rest = [members, b"and more".to_vec()].concat();
        assert!(matches!(unwrap(&rest), Err(UnwrapError::Damaged { .. })), "{wrapper:?}");
    }
}

#[test]
fn what_breaks_off_is_not_taken_for_whole() {
    for wrapper in [Wrapper::Gzip, Wrapper::Zstd] {
        let whole = packed(wrapper, &[&text(3_000)]);
        for cut in 6..whole.len() {
            assert!(unwrap(&whole[..cut]).is_err(), "{wrapper:?} cut at {cut}");
        }
    }
    assert_eq!(unwrap(b"\x1f\x9d"), Err(UnwrapError::Cut("compress")));
}

#[test]
fn damage_to_any_byte_is_found_where_there_is_a_checksum() {
    for wrapper in [Wrapper::Gzip, Wrapper::Zstd] {
        let whole = packed(wrapper, &[&text(3_000)]);
        // Of the header some bytes are about the file alone.
        for at in 18..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            assert!(unwrap(&bytes).is_err(), "{wrapper:?} at {at}");
        }
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    for wrapper in [Wrapper::Compress, Wrapper::Gzip, Wrapper::Zstd] {
        let bomb = packed(wrapper, &[&vec![b'a'; 64 * 1024 * 1024]]);
        assert_eq!(unwrap(&bomb), Err(UnwrapError::Bomb(200)), "{wrapper:?}");
        let large = Limits { size: 3_000_000, ratio: u64::MAX };
        assert_eq!(unpacked(&bomb, 4096, large), Err(UnwrapError::TooLarge(3_000_000)), "{wrapper:?}");
    }
    let long = Limits { size: 10, ..Limits::default() };
    assert_eq!(unpacked(&[b'a'; 11], 4, long), Err(UnwrapError::TooLarge(10)));
}

#[test]
fn a_block_that_says_it_is_huge_is_not_believed() {
    // A frame with a window of 2 GiB.
    assert!(matches!(unwrap(b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"), Err(UnwrapError::Damaged { .. })));
}

#[test]
fn codes_that_cannot_be_are_refused() {
    let damaged = |bytes: &[u8]| matches!(unwrap(bytes), Err(UnwrapError::Damaged { form: "compress", .. }));
    // Codes of 8 and of 17 bits, and flags that nobody has given a meaning.
    assert!(damaged(b"\x1f\x9d\x88abcd") && damaged(b"\x1f\x9d\x91abcd") && damaged(b"\x1f\x9d\xb0abcd"));
    // The first code is 511; then 'a', and a number that is two ahead.
    assert!(damaged(b"\x1f\x9d\x90\xff\xff\xff"));
    assert!(damaged(b"\x1f\x9d\x90\x61\x04\x02\x00"));
    // Without block mode 256 is a number like others: the string 'a' 'a', which is just being added.
    assert_eq!(unwrap(b"\x1f\x9d\x10\x61\x00\x02").unwrap(), b"aaa");
}

proptest! {
    #[test]
    fn hostile_bytes_come_back_however_they_are_cut(
        text in proptest::collection::vec(prop_oneof![
            Just(b'.'), Just(b'\n'), Just(b'\r'), Just(0u8), Just(0x1fu8), Just(0x9du8), any::<u8>()], 0..3000),
        repeat in 1usize..30,
        cut in 1usize..5000,
        piece in 1usize..5000,
    ) {
        let text = text.repeat(repeat);
        for wrapper in [Wrapper::Compress, Wrapper::Gzip, Wrapper::Zstd] {
            let pieces: Vec<&[u8]> = text.chunks(cut).collect();
            let bytes = packed(wrapper, &pieces);
            let limits = Limits { ratio: u64::MAX, ..Limits::default() };
            prop_assert_eq!(unpacked(&bytes, piece, limits), Ok(text.clone()));
        }
    }

    #[test]
    fn any_bytes_end_in_an_answer(
        magic in proptest::sample::select(vec![
            &b"\x1f\x9d\x90"[..], b"\x1f\x9d\x10", b"\x1f\x9d\x8a", b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"\x28\xb5\x2f\xfd", b""]),
        rest in proptest::collection::vec(any::<u8>(), 0..400),
        piece in 1usize..50,
    ) {
        let bytes = [magic, &rest].concat();
        // Where a ratio is passed depends on the pieces.
        let limits = Limits { size: 1 << 20, ratio: u64::MAX };
        let whole = unpacked(&bytes, bytes.len(), limits);
        let cut = unpacked(&bytes, piece, limits);
        prop_assert_eq!(whole.is_ok(), cut.is_ok());
        if let (Ok(whole), Ok(cut)) = (whole, cut) { prop_assert_eq!(whole, cut) }
    }
}
