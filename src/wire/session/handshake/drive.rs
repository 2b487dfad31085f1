//! Runs a handshake over a stream, as far as the session may begin; and the rest of it under a session that has.

use super::super::{Denial, Failure, SessionError};
use super::{Admission, Agreement, Event, Handshake, Introduction};
use crate::clock;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// What a handshake needs of whoever knows the systems. A trait, not async closures, so that the whole of a call can be
/// a task.
pub trait Gate: Send {
    /// Decides on a caller by what it says of itself: who it is and what protocols it is offered.
    fn check(&mut self, caller: Introduction) -> impl Future<Output = Result<Admission, Denial>> + Send;
    /// The number of a call of ours; on disk when it returns.
    fn number(&mut self) -> impl Future<Output = Result<u32, Failure>> + Send;
}

/// A session that may begin.
#[derive(Debug)]
pub struct Opening {
    pub agreement: Agreement,
    /// The handshake, if the other end still has to answer it, or may say something of it again.
    unanswered: Option<Handshake>,
}

/// Runs a handshake as far as a session may begin. `early` is what came behind the login.
pub async fn shake<S>(
    stream: &mut S,
    mut handshake: Handshake,
    early: &[u8],
    gate: &mut impl Gate,
) -> Result<Opening, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    handshake.handle_input(clock::now(), early);
    let mut input = vec![0; 4096];
    let mut failed = None;
    // A handshake that is over has no deadline any more, but what it said last has to be written by then too.
    let deadline = handshake.deadline();
    loop {
        while let Some(bytes) = handshake.poll_transmit() {
            // Little enough for any buffer; but a line that takes nothing must not hold us beyond the deadline.
            tokio::select! {
                written = stream.write_all(&bytes) => written.map_err(lost)?,
                () = clock::sleep_until(deadline) => {
                    return Err(failed.unwrap_or(SessionError::Handshake("the line takes nothing")));
                }
            }
        }
        if let Some(error) = failed.take() {
            return Err(error);
        }
        match handshake.poll_event() {
            Some(Event::Ahead(agreement)) => {
                return Ok(Opening { agreement, unanswered: Some(handshake) });
            }
            Some(Event::Agreed(agreement)) => return Ok(Opening { agreement, unanswered: None }),
            // What was said last (a refusal) is to reach the other end first.
            Some(Event::Failed(error)) => failed = Some(error),
            Some(Event::Greeted) => match gate.number().await {
                Ok(number) => handshake.introduce(Some(number)),
                Err(failure) => return Err(SessionError::Store(failure)),
            },
            Some(Event::Check(caller)) => match gate.check(caller).await {
                Ok(admission) => handshake.admit(admission),
                Err(denial) => handshake.deny(denial),
            },
            None => tokio::select! {
                read = stream.read(&mut input) => match read.map_err(lost)? {
                    0 => return Err(handshake.hung_up().unwrap_or_else(hung_up)),
                    count => handshake.handle_input(clock::now(), input.get(..count).unwrap_or_default()),
                },
                () = clock::sleep_until(handshake.poll_timeout()) => handshake.handle_timeout(clock::now()),
            },
        }
    }
}

fn lost(error: io::Error) -> SessionError {
    SessionError::Lost(error.to_string())
}

fn hung_up() -> SessionError {
    SessionError::Lost("the other end hung up during the handshake".to_owned())
}

/// A stream on which the session has begun, perhaps before the other end has answered: what comes is the handshake's until
/// that is over. Why it failed, if it does, is the source of the error that reading ends with.
///
/// What the handshake has to say again goes out between any two bytes of the session: that costs a packet at most, which is sent
/// again.
pub struct Answering<S> {
    stream: S,
    unanswered: Option<Handshake>,
    /// When the handshake has to be over: noise may have spoiled an answer that is not said again.
    late: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// What is to be said again.
    again: Vec<u8>,
    /// Came behind the handshake, and is not given yet.
    rest: Vec<u8>,
}

impl<S> Answering<S> {
    pub fn new(stream: S, opening: &mut Opening) -> Answering<S> {
        let unanswered = opening.unanswered.take();
        let late = Box::pin(clock::sleep_until(unanswered.as_ref().and_then(Handshake::deadline)));
        Answering { stream, unanswered, late, again: Vec::new(), rest: Vec::new() }
    }
}

impl<S: AsyncWrite + Unpin> Answering<S> {
    /// Writes all that is to be said again.
    fn poll_again(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.again.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, &self.again))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.again.drain(..count);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Answering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            // A stream that takes nothing is asked again when it does; what it fails of, reading tells.
            let _ = self.poll_again(context);
            let Answering { stream, unanswered, late, again, rest } = &mut *self;
            let Some(handshake) = unanswered else { break };
            if late.as_mut().poll(context).is_ready() {
                handshake.handle_timeout(clock::now());
            }
            // Some of it may have come with the greeting.
            match handshake.poll_event() {
                Some(Event::Agreed(agreement)) => {
                    *unanswered = None;
                    *rest = agreement.rest;
                    break;
                }
                Some(Event::Failed(error)) => {
                    *unanswered = None;
                    return Poll::Ready(Err(io::Error::other(error)));
                }
                Some(Event::Greeted | Event::Check(_) | Event::Ahead(_)) | None => {}
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut *stream).poll_read(context, buffer))
                .map_err(|error| io::Error::other(lost(error)))?;
            let heard = buffer.filled().get(before..).unwrap_or_default().to_vec();
            if heard.is_empty() {
                return Poll::Ready(Err(io::Error::other(handshake.hung_up().unwrap_or_else(hung_up))));
            }
            buffer.set_filled(before);
            handshake.handle_input(clock::now(), &heard);
            again.extend(handshake.poll_transmit().unwrap_or_default());
        }
        // It may be more than the buffer takes.
        let Answering { stream, rest, .. } = &mut *self;
        if !rest.is_empty() {
            let count = rest.len().min(buffer.remaining());
            buffer.put_slice(rest.get(..count).unwrap_or_default());
            rest.drain(..count);
            return Poll::Ready(Ok(()));
        }
        Pin::new(stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Answering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_again(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::message::message;
    use super::*;
    use crate::wire::session::seal;
    use std::time::Duration;

    struct Stranger;

    impl Gate for Stranger {
        async fn check(&mut self, _: Introduction) -> Result<Admission, Denial> {
            Err(Denial::Unknown)
        }

        async fn number(&mut self) -> Result<u32, Failure> {
            Err("nobody counts".to_owned())
        }
    }

    #[tokio::test]
    async fn a_refused_caller_that_never_reads_is_let_go() {
        let now = clock::now();
        let handshake = Handshake::called(now, "polux".parse().unwrap(), Duration::from_millis(50));
        // Room for the greeting, but not for the refusal.
        let (mut ours, mut theirs) = tokio::io::duplex(message("Shere=polux").len());
        theirs.write_all(b"\x10Sleaf\0").await.unwrap();
        let ended = shake(&mut ours, handshake, b"", &mut Stranger).await;
        assert!(ended.is_err(), "{ended:?}");
    }

    /// A call of ours that begins before it is answered; the other end, and what it says at first.
    async fn ahead(
        time: Duration,
        said: &[u8],
    ) -> (Answering<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, polux) = ("barberouge".parse().unwrap(), "polux".parse().unwrap());
        let handshake = Handshake::caller(clock::now(), ours, polux, "i", time).choosing_ahead();
        let (mut near, mut far) = tokio::io::duplex(64 * 1024);
        far.write_all(said).await.unwrap();
        let mut opening = shake(&mut near, handshake, b"", &mut Stranger).await.unwrap();
        assert!(!opening.agreement.answered);
        (Answering::new(near, &mut opening), far)
    }

    #[tokio::test]
    async fn a_call_that_began_ahead_is_not_answered_for_ever() {
        let (mut stream, _far) = ahead(Duration::from_millis(50), &message("Shere=polux")).await;
        let error = stream.read(&mut [0; 16]).await.unwrap_err();
        assert!(error.downcast::<SessionError>().is_ok());
    }

    #[tokio::test]
    async fn what_was_not_understood_is_said_again_under_the_session() {
        let (mut stream, mut far) = ahead(Duration::from_secs(60), &message("Shere=polux")).await;
        let name = message(&seal::sealed("Sbarberouge -N02047 -ui"));
        let mut heard = vec![0; name.len()];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, name);
        far.write_all(&message("Shere=polux")).await.unwrap();
        let mut packet = [0; 7];
        tokio::select! {
            read = stream.read(&mut packet) => panic!("{read:?}"),
            again = far.read_exact(&mut heard) => assert_eq!((again.unwrap(), &heard), (name.len(), &name)),
        }
        far.write_all(&[message("ROKN02047"), b"\x07packet".to_vec()].concat()).await.unwrap();
        stream.read_exact(&mut packet).await.unwrap();
        assert_eq!(&packet, b"\x07packet");
    }

    #[tokio::test]
    async fn all_that_came_with_the_greeting_is_the_packet_protocols() {
        let packets: Vec<u8> = (0..3000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let said = [message("Shere=polux"), message("ROKN02047"), packets.clone()].concat();
        let (mut stream, mut far) = ahead(Duration::from_secs(60), &said).await;
        far.write_all(b"more").await.unwrap();
        drop(far);
        let (mut read, mut piece) = (Vec::new(), [0; 100]);
        loop {
            match stream.read(&mut piece).await.unwrap() {
                0 => break,
                count => read.extend_from_slice(&piece[..count]),
            }
        }
        assert_eq!(read, [packets.as_slice(), b"more"].concat());
    }
}
