//! Getting from a connection to the handshake: the login chat of the caller, the prompt of the called.

use super::CallError;
use super::settings::{Account, Dialogue, Node};
use crate::clock;
use crate::observe::Secret;
use crate::password;
use crate::wire::chat::{Chat, ChatError, Event, LoginEvent, LoginPrompt};
use crate::wire::line::Beside;
use crate::wire::record::drive::Recorded;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a break is: about a quarter of a second (the manual, "Chat Scripts").
const BREAK: Duration = Duration::from_millis(250);

/// Runs the login chat to its end; gives back what came in behind it.
pub async fn chat<S>(stream: &mut Recorded<S>, dialogue: &Dialogue) -> Result<Vec<u8>, CallError>
where
    S: AsyncRead + AsyncWrite + Beside + Unpin,
{
    let Dialogue { script, settings, values } = dialogue.clone();
    let mut chat = Chat::new(script, settings, values, clock::now());
    loop {
        chat.handle_carrier(clock::now(), stream.inner().has_carrier());
        let mut out = Vec::new();
        if chat.poll_transmit(&mut out) {
            write(stream, &out, WRITE).await?;
        }
        match chat.poll_event() {
            Some(Event::Done) => return Ok(chat.take_rest()),
            Some(Event::Failed(error)) => return Err(error.into()),
            // Where there is no such thing, what a script sends one for it tries again by itself.
            Some(Event::Break) => match stream.inner().send_break(BREAK).await {
                Ok(sent) => tracing::debug!(sent, "a break"),
                Err(error) => return Err(CallError::CarrierLost { why: error.to_string() }),
            },
            None => match read(stream, chat.poll_timeout()).await? {
                Some(bytes) => chat.handle_input(clock::now(), &bytes),
                None => chat.handle_timeout(clock::now()),
            },
        }
    }
}

/// Asks for name and password until they are right; gives back the login name, and what came in behind it. `wrong` counts the
/// logins that were not, however it ends.
pub async fn prompt<S>(stream: &mut S, node: &Node, wrong: &mut u32) -> Result<(String, Vec<u8>), CallError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut prompt = LoginPrompt::new(node.prompt.clone(), clock::now());
    let mut failed = None;
    loop {
        *wrong = prompt.failures();
        let mut out = Vec::new();
        if prompt.poll_transmit(&mut out) {
            write(stream, &out, node.prompt.timeout).await?;
        }
        if let Some(mut error) = failed.take() {
            if let ChatError::LoginRefused { name, .. } = &mut error {
                name.take_if(|name| accounts(node, name).next().is_none());
            }
            return Err(CallError::Chat(error));
        }
        match prompt.poll_event() {
            Some(LoginEvent::Accepted { name }) => return Ok((name, prompt.take_rest())),
            Some(LoginEvent::Failed(error)) => failed = Some(error),
            Some(LoginEvent::Check { name, password }) => {
                let right = check(node, &name, password).await.ok_or(ChatError::LoginTimedOut)?;
                prompt.verdict(clock::now(), right);
            }
            None => match read(stream, prompt.poll_timeout()).await? {
                Some(bytes) => prompt.handle_input(clock::now(), &bytes),
                None => prompt.handle_timeout(clock::now()),
            },
        }
    }
}

/// The accounts of this name: systems may share one.
fn accounts<'a>(node: &'a Node, name: &'a str) -> impl Iterator<Item = &'a Account> {
    node.systems
        .values()
        .filter_map(|system| system.login.as_ref())
        .filter(move |account| account.name == name)
}

/// Whether some system has this account; `None` if that could not be found out in time.
async fn check(node: &Node, name: &str, given: Secret) -> Option<bool> {
    let mut hashes: Vec<String> = accounts(node, name).map(|account| account.password_hash.clone()).collect();
    hashes.dedup();
    password::check(hashes, given, node.prompt.timeout).await
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
    use crate::wire::call::{System, UntilCut};
    use crate::wire::chat;
    use crate::wire::line::LineError;
    use crate::wire::record::drive::Recorder;
    use crate::wire::record::{Head, Prelude};
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::io::ReadBuf;

    #[tokio::test]
    async fn a_caller_that_never_reads_is_let_go() {
        let name: SystemName = "polux".parse().unwrap();
        let mut node = Node::new(name, "/nonexistent".into());
        node.prompt.timeout = Duration::from_millis(10);
        // Room for less than the prompt.
        let (mut ours, theirs) = tokio::io::duplex(2);
        let ended = prompt(&mut ours, &node, &mut 0).await;
        assert!(matches!(ended, Err(CallError::CarrierLost { .. })), "{ended:?}");
        drop(theirs);
    }

    #[tokio::test]
    async fn what_may_be_a_password_is_told_to_nobody() {
        let mut node = Node::new("polux".parse().unwrap(), "/nonexistent".into());
        node.prompt.attempts = 1;
        let login = Some(Account { name: "Uleaf".to_owned(), password_hash: String::new() });
        node.systems.insert("leaf".parse().unwrap(), System { login, ..System::default() });
        for (entry, shown) in [("geheim", "not known here"), ("Uleaf", "Uleaf")] {
            let (mut ours, mut theirs) = tokio::io::duplex(1024);
            theirs.write_all(format!("{entry}\rwrong\r").as_bytes()).await.unwrap();
            let refused = prompt(&mut ours, &node, &mut 0).await.expect_err("it is wrong").to_string();
            assert!(refused.ends_with(shown) && !refused.contains("geheim"), "{refused}");
        }
    }

    #[test]
    fn a_password_that_cannot_be_checked_holds_no_line() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
        runtime.unwrap().block_on(async {
            let (go_on, busy) = std::sync::mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || busy.recv());
            let mut node = Node::new("polux".parse().unwrap(), "/nonexistent".into());
            node.prompt.timeout = Duration::from_millis(200);
            let (mut ours, mut theirs) = tokio::io::duplex(1024);
            theirs.write_all(b"Uleaf\rwrong\r").await.unwrap();
            let mut wrong = 0;
            let ended = clock::within(Duration::from_secs(30), prompt(&mut ours, &node, &mut wrong)).await;
            let error = ended.expect("it takes far too long").expect_err("nobody was let in");
            assert!(matches!(error, CallError::Chat(ChatError::LoginTimedOut)), "{error}");
            assert_eq!(wrong, 0, "the caller has done nothing wrong");
            go_on.send(()).unwrap();
        });
    }

    /// A line with a break and a carrier signal.
    struct Port {
        stream: tokio::io::DuplexStream,
        carrier: Option<bool>,
        breaks: tokio::sync::mpsc::UnboundedSender<Duration>,
    }

    impl Beside for Port {
        async fn send_break(&mut self, length: Duration) -> Result<bool, LineError> {
            Ok(self.breaks.send(length).is_ok())
        }

        fn has_carrier(&mut self) -> Option<bool> {
            self.carrier
        }
    }

    impl AsyncRead for Port {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Port {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_write(cx, bytes)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn dialogue(script: &str) -> Dialogue {
        let settings = chat::Settings { timeout: Duration::from_millis(20), ..chat::Settings::login() };
        let values = chat::Values { login: Some("Uleaf".to_owned()), ..chat::Values::default() };
        Dialogue { script: chat::Script::parse(script, chat::Kind::Login).unwrap(), settings, values }
    }

    fn unrecorded() -> Recorder {
        Recorder::start(None, &Head::default(), &Prelude::default())
    }

    #[tokio::test]
    async fn a_getty_at_another_speed_gets_its_break() {
        let (stream, mut getty) = tokio::io::duplex(1024);
        let (breaks, mut counted) = tokio::sync::mpsc::unbounded_channel();
        let port = Port { stream, carrier: Some(true), breaks };
        let mut stream = Recorded::new(UntilCut::new(port, "", std::future::pending()), unrecorded());
        let chatting = dialogue(r"ogin:-BREAK-ogin: \m\L");
        let waking = async {
            assert_eq!(counted.recv().await, Some(BREAK));
            getty.write_all(b"login: ").await.unwrap();
            let mut said = [0; 6];
            getty.read_exact(&mut said).await.unwrap();
            assert_eq!(&said, b"Uleaf\r");
        };
        let (ended, ()) = tokio::join!(super::chat(&mut stream, &chatting), waking);
        ended.unwrap();
        assert!(counted.try_recv().is_err(), "one is enough");
    }

    #[tokio::test]
    async fn a_script_that_needs_the_carrier_ends_without_one() {
        let (stream, _getty) = tokio::io::duplex(1024);
        let (breaks, _counted) = tokio::sync::mpsc::unbounded_channel();
        let port = Port { stream, carrier: Some(false), breaks };
        let mut stream = Recorded::new(port, unrecorded());
        let ended = super::chat(&mut stream, &dialogue("\"\" \\m ogin: \\L")).await;
        assert!(matches!(ended, Err(CallError::Chat(ChatError::CarrierLost { .. }))), "{ended:?}");
    }
}
