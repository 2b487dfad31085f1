//! Getting from a connection to the handshake: the login chat of the caller, the prompt of the called.

use super::CallError;
use super::settings::{Dialogue, Node};
use crate::clock;
use crate::wire::chat::{Chat, Event, LoginEvent, LoginPrompt, Secret};
use argon2::{Argon2, PasswordHash, PasswordVerifier};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Runs the login chat to its end; gives back what came in behind it.
pub async fn chat<S>(stream: &mut S, dialogue: &Dialogue) -> Result<Vec<u8>, CallError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Dialogue { script, settings, values } = dialogue.clone();
    let mut chat = Chat::new(script, settings, values, clock::now());
    loop {
        let mut out = Vec::new();
        if chat.poll_transmit(&mut out) {
            write(stream, &out, WRITE).await?;
        }
        match chat.poll_event() {
            Some(Event::Done) => return Ok(chat.take_rest()),
            Some(Event::Failed(error)) => return Err(error.into()),
            // A stream has no break; what a script sends one for, it tries again by itself.
            Some(Event::Break) => {}
            None => match read(stream, chat.poll_timeout()).await? {
                Some(bytes) => chat.handle_input(clock::now(), &bytes),
                None => chat.handle_timeout(clock::now()),
            },
        }
    }
}

/// Asks for name and password until they are right; gives back the login name, and what came in behind it.
pub async fn prompt<S>(stream: &mut S, node: &Node) -> Result<(String, Vec<u8>), CallError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut prompt = LoginPrompt::new(node.prompt.clone(), clock::now());
    let mut failed = None;
    loop {
        let mut out = Vec::new();
        if prompt.poll_transmit(&mut out) {
            write(stream, &out, node.prompt.timeout).await?;
        }
        if let Some(error) = failed.take() {
            return Err(CallError::Chat(error));
        }
        match prompt.poll_event() {
            Some(LoginEvent::Accepted { name }) => return Ok((name, prompt.take_rest())),
            Some(LoginEvent::Failed(error)) => failed = Some(error),
            Some(LoginEvent::Check { name, password }) => {
                let right = check(node, &name, password).await;
                prompt.verdict(clock::now(), right);
            }
            None => match read(stream, prompt.poll_timeout()).await? {
                Some(bytes) => prompt.handle_input(clock::now(), &bytes),
                None => prompt.handle_timeout(clock::now()),
            },
        }
    }
}

/// A hash of nothing that anybody knows, with the parameters of `uugate`'s own hashes: a name that does not exist takes as
/// long as one that does.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm8$CPOlYMlQwZZlTZ4hCXDxwBDBEG0GLnsu4rQA8vHoLm0";

/// Whether some system has this account. Hashing takes its time, so it is done aside.
async fn check(node: &Node, name: &str, password: Secret) -> bool {
    // Systems may share a login.
    let accounts = node.systems.values().filter_map(|system| system.login.as_ref());
    let mut hashes: Vec<String> =
        accounts.filter(|login| login.name == name).map(|login| login.password_hash.clone()).collect();
    hashes.dedup();
    let known = !hashes.is_empty();
    if !known {
        hashes.push(NOBODY.to_owned());
    }
    let verify = move || {
        let fits = |hash: &String| match PasswordHash::new(hash) {
            Ok(hash) => Argon2::default().verify_password(password.reveal().as_bytes(), &hash).is_ok(),
            Err(_) => false,
        };
        hashes.iter().any(fits)
    };
    let right = tokio::task::spawn_blocking(verify).await.unwrap_or(false);
    right && known
}

/// How long the line may take over one string of a login chat: the manual, "Miscellaneous Chat", waits 60 s for one.
const WRITE: Duration = Duration::from_secs(60);

/// Says something, which is little. Whoever never reads would otherwise keep the line for itself.
async fn write<S>(stream: &mut S, bytes: &[u8], limit: Duration) -> Result<(), CallError>
where
    S: AsyncWrite + Unpin,
{
    match clock::within(limit, stream.write_all(bytes)).await {
        Some(written) => written.map_err(lost),
        None => Err(CallError::CarrierLost { why: "the line takes nothing".to_owned() }),
    }
}

/// What comes next; `None`: the time is over.
async fn read<S>(stream: &mut S, until: Option<Instant>) -> Result<Option<Vec<u8>>, CallError>
where
    S: AsyncRead + Unpin,
{
    let mut input = vec![0; 1024];
    tokio::select! {
        count = stream.read(&mut input) => match count.map_err(lost)? {
            0 => Err(CallError::CarrierLost { why: "the other end hung up during the login".to_owned() }),
            count => {
                input.truncate(count);
                Ok(Some(input))
            }
        },
        () = clock::sleep_until(until) => Ok(None),
    }
}

fn lost(error: io::Error) -> CallError {
    CallError::CarrierLost { why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::SystemName;

    #[tokio::test]
    async fn a_caller_that_never_reads_is_let_go() {
        let name: SystemName = "polux".parse().unwrap();
        let mut node = Node::new(name, "/nonexistent".into());
        node.prompt.timeout = Duration::from_millis(10);
        // Room for less than the prompt.
        let (mut ours, theirs) = tokio::io::duplex(2);
        let ended = prompt(&mut ours, &node).await;
        assert!(matches!(ended, Err(CallError::CarrierLost { .. })), "{ended:?}");
        drop(theirs);
    }

    #[test]
    fn the_hash_of_nobody_can_be_verified_against() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        assert!(Argon2::default().verify_password(b"", &hash).is_err());
    }
}
