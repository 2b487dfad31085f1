//! Serves one SMTP connection: joins the server machine to a stream and to whoever takes the mail.

use super::{Event, MailFrom, Refusal, Server, Settings, SmtpError};
use crate::clock;
use crate::post::address::Address;
use std::future::Future;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Takes mail in. Calls come in the order of a conversation: `sender`, `recipient` at least once, `begin`, `write` any
/// number of times, `finish`; at any point `abandon`, after which only `sender` comes. After an `Err` of `sender`,
/// `begin`, `write` or `finish` the message is forgotten: `abandon` is not called, and `sender` comes next.
pub trait Acceptor: Send {
    /// A message is offered.
    fn sender(&mut self, mail: MailFrom) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// One of its recipients.
    fn recipient(&mut self, recipient: Address) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// The text comes next, for the recipients that were accepted.
    fn begin(&mut self) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// More of the text, with LF line ends.
    fn write(&mut self, text: Vec<u8>) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// The text is complete. `Ok`, with the id told to the client, only once the message is durable.
    fn finish(&mut self) -> impl Future<Output = Result<String, Refusal>> + Send;
    /// The message will not come.
    fn abandon(&mut self) -> impl Future<Output = ()> + Send;
}

/// Bytes read at a time: what one message's text is handed on in.
const READ_SIZE: usize = 16 * 1024;

/// Serves a connection to its end: QUIT, the client's going, a limit, or `stop`. Returns how many messages were kept.
pub async fn serve<S, A>(
    mut stream: S,
    settings: Settings,
    acceptor: &mut A,
    stop: impl Future<Output = ()>,
) -> Result<u64, SmtpError>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Acceptor,
{
    let patience = settings.idle_max;
    let mut server = Server::new(settings, clock::now());
    let mut stop = std::pin::pin!(stop);
    let mut kept = 0;
    let mut buffer = vec![0; READ_SIZE];
    loop {
        while let Some(event) = server.poll_event() {
            kept += u64::from(answer(&mut server, acceptor, event).await);
        }
        while let Some(bytes) = server.poll_transmit() {
            if let Err(error) = send(&mut stream, &bytes, patience).await {
                server.handle_gone();
                drain(&mut server, acceptor).await;
                return Err(error);
            }
        }
        if server.is_closed() {
            // The client may have gone first; everything that matters was said.
            let _ = stream.shutdown().await;
            return Ok(kept);
        }
        tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(0) => server.handle_gone(),
                Ok(length) => server.handle_input(clock::now(), buffer.get(..length).unwrap_or_default()),
                Err(error) => {
                    server.handle_gone();
                    drain(&mut server, acceptor).await;
                    return Err(error.into());
                }
            },
            () = clock::sleep_until(server.poll_timeout()) => server.handle_timeout(clock::now()),
            () = &mut stop => server.shut_down(),
        }
    }
}

/// Carries out one event; true if it kept a message.
async fn answer<A: Acceptor>(server: &mut Server, acceptor: &mut A, event: Event) -> bool {
    let answered = match event {
        Event::Sender(mail) => acceptor.sender(mail).await,
        Event::Recipient(recipient) => acceptor.recipient(recipient).await,
        Event::Begin => acceptor.begin().await,
        Event::Data(text) => {
            // Nothing to say while the text goes on well.
            if let Err(refusal) = acceptor.write(text).await {
                server.refuse(clock::now(), refusal);
            }
            return false;
        }
        Event::End => {
            let finished = acceptor.finish().await;
            let kept = finished.is_ok();
            match finished {
                Ok(id) => server.kept(clock::now(), &id),
                Err(refusal) => server.refuse(clock::now(), refusal),
            }
            return kept;
        }
        Event::Abandoned => {
            acceptor.abandon().await;
            return false;
        }
    };
    match answered {
        Ok(()) => server.accept(clock::now()),
        Err(refusal) => server.refuse(clock::now(), refusal),
    }
    false
}

/// Tells the acceptor what is left to tell after the connection is lost.
async fn drain<A: Acceptor>(server: &mut Server, acceptor: &mut A) {
    while let Some(event) = server.poll_event() {
        answer(server, acceptor, event).await;
    }
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    patience: Duration,
) -> Result<(), SmtpError> {
    tokio::select! {
        sent = stream.write_all(bytes) => Ok(sent?),
        () = clock::sleep(patience) => Err(SmtpError::Stalled),
    }
}
