//! Passwords held against their hashes (Argon2id, as `uugate password` makes them), one at a time in the whole process.
//!
//! One hash takes about 19 MiB and some hundredths of a second of a processor, by intent. Who guesses at every door of
//! the node at once gets no more of the machine than one of them.

use crate::clock;
use crate::observe::Secret;
use argon2::password_hash::phc::Output;
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Held by whoever computes a hash.
static TURN: Semaphore = Semaphore::const_new(1);

/// A hash of nothing that anybody knows, with the parameters of `uugate`'s own hashes: a name that does not exist takes as
/// long as one that does.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm8$CPOlYMlQwZZlTZ4hCXDxwBDBEG0GLnsu4rQA8vHoLm0";

/// Whether a password is that of one of these hashes; those of a name that does not exist are none. `None` if that could not
/// be found out within `limit`. Hashing takes long, so it is done aside.
pub async fn check(mut hashes: Vec<String>, password: Secret, limit: Duration) -> Option<bool> {
    let known = !hashes.is_empty();
    if !known {
        hashes.push(NOBODY.to_owned());
    }
    let checking = async {
        // An error: it was closed, which nobody does.
        let turn = TURN.acquire().await.ok()?;
        let verify = move || {
            let right = hashes.iter().any(|hash| fits(hash, password.expose().as_bytes()) == Some(true));
            // Whoever has given up waiting must not let in the next one before this is over.
            drop(turn);
            right
        };
        Some(tokio::task::spawn_blocking(verify).await.unwrap_or(false))
    };
    let checked = clock::within(limit, checking).await.flatten();
    if checked.is_none() {
        tracing::error!("a password was not checked in time: the machine is too busy");
    }
    Some(checked? && known)
}

/// Blocks that are reserved for a hash at least: 33 MiB, of which what is not used costs nothing.
///
/// What Argon2 fills (19 MiB, usually) has to go back to the system at once, or a node would hold it for ever after the
/// first login. The C library gives back what it has mapped for one allocation alone; but it maps so only what is larger
/// than anything that was freed before, unless that was over 32 MiB (mallopt(3), `M_MMAP_THRESHOLD`).
const RESERVED: usize = 33 * 1024 * 1024 / Block::SIZE;

/// Whether this is the password of a hash; `None` if the hash cannot be computed.
fn fits(hash: &str, password: &[u8]) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let (salt, wanted) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let count = params.block_count();
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(count.max(RESERVED)).ok()?;
    blocks.resize(count, Block::new());
    let mut output = vec![0; wanted.len()];
    let argon = Argon2::new(algorithm, version, params);
    argon.hash_password_into_with_memory(password, salt, &mut output, &mut blocks).ok()?;
    // Compared in a time that tells nothing.
    Some(Output::new(&output).ok()? == *wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordHasher;

    const LONG: Duration = Duration::from_secs(60);

    fn hashed(password: &str) -> String {
        let params = Params::new(64, 1, 1, None).unwrap();
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon.hash_password_with_salt(password.as_bytes(), b"saltsaltsalt").unwrap().to_string()
    }

    #[test]
    fn the_hash_of_nobody_can_be_verified_against() {
        assert_eq!(fits(NOBODY, b""), Some(false));
    }

    #[test]
    fn a_password_fits_its_own_hash_alone() {
        let hash = hashed("geheim");
        assert_eq!(fits(&hash, b"geheim"), Some(true));
        assert_eq!(fits(&hash, b"Geheim"), Some(false));
        assert_eq!(fits("$argon2id$v=19$m=64,t=1,p=1$c2FsdA", b"geheim"), None);
        assert_eq!(fits("", b""), None);
    }

    /// One test, for the turn is one for the whole process.
    #[tokio::test]
    async fn one_at_a_time_is_checked_and_nobody_waits_for_ever() {
        let password = || Secret::new("geheim");
        assert_eq!(check(vec![hashed("other"), hashed("geheim")], password(), LONG).await, Some(true));
        assert_eq!(check(vec![hashed("other")], password(), LONG).await, Some(false));
        assert_eq!(check(Vec::new(), password(), LONG).await, Some(false));
        let turn = TURN.acquire().await.unwrap();
        assert_eq!(check(vec![hashed("geheim")], password(), Duration::from_millis(1)).await, None);
        drop(turn);
        assert_eq!(check(vec![hashed("geheim")], password(), LONG).await, Some(true));
    }
}
