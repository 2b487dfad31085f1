//! Talks to one server: joins the client machine to a stream, and to whoever has the messages.

use super::{Answer, Client, ClientError, Event, Offer, Settings};
use crate::clock;
use crate::fault::Fault;
use std::future::Future;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes read at a time.
const READ_SIZE: usize = 4 * 1024;

/// A connection, of whatever kind.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Secures a connection, or says why that cannot be done.
pub trait Secure: Sync {
    fn secure(&self, stream: Box<dyn Stream>)
    -> impl Future<Output = Result<Box<dyn Stream>, String>> + Send;
}

/// The text of a message.
pub trait Text: Send {
    /// The next piece, with LF line ends, of at most 64 KiB; nothing at the end.
    fn next_piece(&mut self) -> impl Future<Output = Result<Vec<u8>, Fault>> + Send;
}

/// A connection that is ready for a message.
pub struct Session<'s, S> {
    /// None after an attempt to secure it that failed.
    stream: Option<Box<dyn Stream>>,
    client: Client,
    secure: &'s S,
    outgoing: Outgoing,
}

/// What is to be sent.
enum Outgoing {
    Nothing,
    Bytes(Vec<u8>, usize),
    /// All is written; what the layers below hold back is not.
    Flush,
    /// The server takes nothing any more. It may have said why.
    Broken,
}

impl<'s, S: Secure> Session<'s, S> {
    /// Hears the server's greeting, secures the connection and logs in, as the settings want it.
    pub async fn open(
        stream: Box<dyn Stream>,
        settings: Settings,
        secure: &'s S,
    ) -> Result<Session<'s, S>, ClientError> {
        let client = Client::new(settings, clock::now());
        let mut session = Session { stream: Some(stream), client, secure, outgoing: Outgoing::Nothing };
        loop {
            match session.next_event().await {
                Event::Ready => return Ok(session),
                Event::Failed(error) => return Err(error),
                Event::StartTls => session.start_tls().await,
                Event::Text | Event::Ended(_) | Event::Closed => {}
            }
        }
    }

    /// Sends one message. What was answered for each recipient, and, if the connection is of no more use, why; those without an
    /// answer may be offered again.
    pub async fn send(
        &mut self,
        offer: Offer,
        text: &mut impl Text,
    ) -> (Vec<Option<Answer>>, Option<ClientError>) {
        let mut answers = vec![None; offer.recipients.len()];
        self.client.offer(clock::now(), offer);
        loop {
            match self.next_event().await {
                Event::Ready => return (answers, None),
                Event::Failed(error) => return (answers, Some(error)),
                Event::Ended(ended) => answers = ended,
                Event::Text => match text.next_piece().await {
                    Ok(piece) if piece.is_empty() => self.client.finish(clock::now()),
                    Ok(piece) => self.client.write(clock::now(), &piece),
                    Err(fault) => self.client.give_up(ClientError::Text(fault)),
                },
                Event::StartTls | Event::Closed => {}
            }
        }
    }

    /// Says goodbye.
    pub async fn quit(mut self) {
        self.client.quit(clock::now());
        while !self.client.is_closed() {
            self.next_event().await;
        }
    }

    async fn start_tls(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        match self.secure.secure(stream).await {
            Ok(stream) => {
                self.stream = Some(stream);
                self.client.secured(clock::now());
            }
            Err(why) => self.client.not_secured(why),
        }
    }

    async fn next_event(&mut self) -> Event {
        let mut buffer = [0; READ_SIZE];
        loop {
            if let Some(event) = self.client.poll_event() {
                return event;
            }
            if matches!(self.outgoing, Outgoing::Nothing)
                && let Some(bytes) = self.client.poll_transmit()
            {
                self.outgoing = Outgoing::Bytes(bytes, 0);
            }
            let Some(stream) = &mut self.stream else {
                self.client.handle_gone();
                continue;
            };
            let (mut reader, mut writer) = tokio::io::split(stream);
            tokio::select! {
                read = reader.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => self.client.handle_gone(),
                    Ok(length) => {
                        self.client.handle_input(clock::now(), buffer.get(..length).unwrap_or_default());
                    }
                },
                true = self.outgoing.step(&mut writer) => self.client.handle_sent(clock::now()),
                () = clock::sleep_until(self.client.poll_timeout()) => self.client.handle_timeout(clock::now()),
            }
        }
    }
}

impl Outgoing {
    /// Sends on, as far as the stream takes it; true once all is sent. Whatever it has done stands if it is dropped.
    async fn step(&mut self, stream: &mut (impl AsyncWrite + Unpin)) -> bool {
        loop {
            *self = match self {
                Outgoing::Nothing | Outgoing::Broken => return std::future::pending().await,
                Outgoing::Bytes(bytes, sent) => {
                    let rest = bytes.get(*sent..).unwrap_or_default();
                    match stream.write(rest).await {
                        Ok(0) | Err(_) => Outgoing::Broken,
                        Ok(count) if count < rest.len() => {
                            *sent += count;
                            continue;
                        }
                        Ok(_) => Outgoing::Flush,
                    }
                }
                Outgoing::Flush => match stream.flush().await {
                    Err(_) => Outgoing::Broken,
                    Ok(()) => {
                        *self = Outgoing::Nothing;
                        return true;
                    }
                },
            };
        }
    }
}
