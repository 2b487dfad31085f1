//! Serves one SMTP connection: joins the server machine to a stream and to whoever takes the mail.

use super::{Event, MailFrom, RcptTo, Refusal, Server, Settings, SmtpError};
use crate::clock;
use crate::observe::Secret;
use crate::tls::TlsServer;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Takes mail in. Calls come in the order of a conversation: `sender`, `recipient` at least once, `begin`, `write` any
/// number of times, `finish`; at any point `abandon`, after which only `sender` comes. After an `Err` of `sender`,
/// `begin`, `write` or `finish` the message is forgotten: `abandon` is not called, and `sender` comes next. The others
/// come whenever no text does.
pub trait Acceptor: Send {
    /// A message is offered.
    fn sender(&mut self, mail: MailFrom) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// One of its recipients.
    fn recipient(&mut self, to: RcptTo) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// The text comes next, for the recipients that were accepted.
    fn begin(&mut self) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// More of the text, with LF line ends.
    fn write(&mut self, text: Vec<u8>) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// The text is complete. `Ok`, with the id told to the client, only once the message is durable.
    fn finish(&mut self) -> impl Future<Output = Result<String, Refusal>> + Send;
    /// The message will not come.
    fn abandon(&mut self) -> impl Future<Output = ()> + Send;
    /// The connection is secured; `names` are those of the client's certificate, which our issuers vouch for.
    fn secured(&mut self, names: Vec<String>);
    /// Who the client claims to be. A wrong password is refused with 535.
    fn login(&mut self, name: String, password: Secret) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// The mail for this node is to be sent on its way; whether there is any.
    fn turn(&mut self, node: String) -> impl Future<Output = Result<bool, Refusal>> + Send;
}

/// Whether a connection is secured.
#[derive(Debug, Clone)]
pub enum Security {
    Never,
    /// When the client says STARTTLS.
    Offered(TlsServer),
    /// Before the first word (RFC 8314, section 3.3).
    FromStart(TlsServer),
}

/// Bytes read at a time: what one message's text is handed on in.
const READ_SIZE: usize = 64 * 1024;

/// Serves a connection to its end: QUIT, the client's going, a limit, or `stop`. Returns how many messages were kept.
/// `peer`: how the client is called in errors. What the settings say of TLS is as `security` has it.
pub async fn serve<S, A>(
    mut stream: S,
    peer: &str,
    settings: Settings,
    security: Security,
    acceptor: &mut A,
    stop: impl Future<Output = ()> + Send,
) -> Result<u64, SmtpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    A: Acceptor,
{
    let patience = settings.idle_max;
    let settings = Settings {
        starttls: matches!(security, Security::Offered(_)),
        secured: matches!(security, Security::FromStart(_)),
        ..settings
    };
    let stop = std::pin::pin!(stop);
    let server = Server::new(settings, clock::now());
    let mut talk = Talk { server, acceptor, stop, patience, kept: 0 };
    // What TLS needs stands apart, so that a session without it holds no room for it.
    match security {
        Security::FromStart(tls) => Box::pin(talk.run_secured(stream, &tls, peer)).await?,
        Security::Offered(tls) => {
            if talk.run(&mut stream).await? == Next::Tls {
                Box::pin(talk.run_secured(stream, &tls, peer)).await?;
            }
        }
        Security::Never => {
            talk.run(&mut stream).await?;
        }
    }
    Ok(talk.kept)
}

/// A connection that is being served.
struct Talk<'a, A, F> {
    server: Server,
    acceptor: &'a mut A,
    stop: Pin<&'a mut F>,
    /// How long the client may leave our answers unread.
    patience: Duration,
    kept: u64,
}

/// What comes after the conversation in clear.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    Tls,
}

impl<A, F> Talk<'_, A, F>
where
    A: Acceptor,
    F: Future<Output = ()> + Send,
{
    async fn run_secured<S>(&mut self, stream: S, tls: &TlsServer, peer: &str) -> Result<(), SmtpError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let (mut stream, names) = tls.answer(stream, peer).await?;
        self.acceptor.secured(names);
        self.server.secured(clock::now());
        self.run(&mut stream).await.map(drop)
    }

    async fn run<S>(&mut self, stream: &mut S) -> Result<Next, SmtpError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let ended = self.converse(stream).await;
        if ended.is_err() {
            self.server.handle_gone();
            self.answer_all().await;
        }
        ended
    }

    async fn converse<S>(&mut self, stream: &mut S) -> Result<Next, SmtpError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        loop {
            let next = self.answer_all().await;
            while let Some(bytes) = self.server.poll_transmit() {
                send(stream, &bytes, self.patience).await?;
            }
            if next == Next::Tls {
                return Ok(next);
            }
            if self.server.is_closed() {
                // The client may have gone first; everything that matters was said.
                let _ = stream.shutdown().await;
                return Ok(Next::Nothing);
            }
            let deadline = self.server.poll_timeout();
            let Talk { server, stop, .. } = self;
            tokio::select! {
                biased;
                () = stop.as_mut() => server.shut_down(),
                () = clock::sleep_until(deadline) => server.handle_timeout(clock::now()),
                read = read(stream, server) => if !read? {
                    server.handle_gone();
                },
            }
        }
    }

    /// Carries out what the machine asks for.
    async fn answer_all(&mut self) -> Next {
        let mut next = Next::Nothing;
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::StartTls => next = Next::Tls,
                event => self.answer(event).await,
            }
        }
        next
    }

    async fn answer(&mut self, event: Event) {
        let Talk { server, acceptor, kept, .. } = self;
        let answered = match event {
            Event::Sender(mail) => acceptor.sender(mail).await,
            Event::Recipient(to) => acceptor.recipient(to).await,
            Event::Begin => acceptor.begin().await,
            Event::Login { name, password } => acceptor.login(name, password).await,
            Event::Data(text) => {
                // Nothing to say while the text goes on well.
                if let Err(refusal) = acceptor.write(text).await {
                    server.refuse(clock::now(), refusal);
                }
                return;
            }
            Event::End => match acceptor.finish().await {
                Ok(id) => {
                    *kept += 1;
                    return server.kept(clock::now(), &id);
                }
                Err(refusal) => Err(refusal),
            },
            Event::Turn(node) => match acceptor.turn(node).await {
                Ok(waiting) => return server.turned(clock::now(), waiting),
                Err(refusal) => Err(refusal),
            },
            Event::Abandoned => return acceptor.abandon().await,
            Event::StartTls => return,
        };
        match answered {
            Ok(()) => server.accept(clock::now()),
            Err(refusal) => server.refuse(clock::now(), refusal),
        }
    }
}

/// Hands on what the client says; false when it has gone. Until it speaks, nothing is held ready for its words.
async fn read<S: AsyncRead + Unpin>(stream: &mut S, server: &mut Server) -> io::Result<bool> {
    poll_fn(|context| {
        let mut space = [const { MaybeUninit::uninit() }; READ_SIZE];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        server.handle_input(clock::now(), buffer.filled());
        Poll::Ready(Ok(!buffer.filled().is_empty()))
    })
    .await
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    patience: Duration,
) -> Result<(), SmtpError> {
    let sending = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    match clock::within(patience, sending).await {
        Some(sent) => Ok(sent?),
        None => Err(SmtpError::Stalled),
    }
}
