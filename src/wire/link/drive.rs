//! Couples a packet protocol with a stream of bytes: the part of the session's driver that waits.

use super::awake::Awake;
use super::write_ahead::WriteAhead;
use super::{Channel, Counters, Event, Link};
use crate::clock;
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes are read at once: what a pipe holds.
const READ: usize = 64 * 1024;

/// How long the last packets may take to be written once the protocol has ended.
const LAST_WRITE: Duration = Duration::from_secs(10);

/// How many bytes are taken in, at most, while other things are waited for, before what they mean is looked at: about a window
/// of `i`. They keep a slow line going for seconds; and a fast one brings little of a file whose beginning is here already.
const MOST_UNTAKEN: usize = 16 * 1024;

/// Why the stream under a link cannot go on. What ails the protocol itself comes as [`Event::Failed`].
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    #[error("the connection was closed in the middle of the session")]
    HungUp,
    #[error("reading from the line: {0}")]
    Read(#[source] io::Error),
    #[error("writing to the line: {0}")]
    Write(#[source] io::Error),
}

impl ToFault for PumpError {
    fn fault(&self) -> Fault {
        Fault {
            stage: Stage::Carrier,
            whose: Whose::Line,
            retry: Retry::Later,
            message: self.to_string(),
            advice: "the next call goes on where this one stopped".into(),
        }
    }
}

/// What [`LinkPump::next_or_room`] woke up for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wake {
    Event(Event),
    /// There is room for file data.
    Room,
}

/// A link and its stream. The verbs of [`Link`] are here without the time.
///
/// A stream that reads its end out of the bytes themselves (the words of a modem) says
/// [`io::ErrorKind::ConnectionAborted`] and can be read on: when all of them belong to whole packets, it was wrong.
///
/// Bytes move only inside [`LinkPump::next`], [`LinkPump::next_or_room`] and [`LinkPump::meanwhile`]; the first two may be
/// dropped at any await and called again.
pub struct LinkPump<S> {
    link: Box<dyn Link>,
    stream: S,
    /// Taken from the machine, not taken by the stream yet; `written` of it is gone.
    out: Vec<u8>,
    written: usize,
    ahead: WriteAhead,
    input: Box<[u8]>,
    /// The last event, kept until what the machine still had to say is written.
    last: Option<(Event, Instant)>,
    write_error: Option<io::Error>,
    /// The stream said that it had come to its end, though its bytes were packets; it says so once, if it is wrong.
    disbelieved: bool,
    /// Follows what the machine sends last.
    behind: Option<Vec<u8>>,
    /// Went wrong while something else was waited for, and is not told yet.
    failed: Option<PumpError>,
    /// Bytes that came since the machine last had no event.
    untaken: usize,
    awake: Awake,
}

/// What the stream did.
enum Moved {
    Read(usize),
    Wrote,
}

impl<S: AsyncRead + AsyncWrite + Unpin> LinkPump<S> {
    /// Starts the protocol. `early` is what the peer sent right behind the handshake.
    pub fn start(link: Box<dyn Link>, stream: S, early: &[u8]) -> Self {
        let mut pump = LinkPump {
            link,
            stream,
            out: Vec::new(),
            written: 0,
            ahead: WriteAhead::new(),
            input: vec![0; READ].into_boxed_slice(),
            last: None,
            write_error: None,
            disbelieved: false,
            behind: None,
            failed: None,
            untaken: 0,
            awake: Awake::default(),
        };
        let now = clock::now();
        pump.link.start(now);
        if !early.is_empty() {
            pump.link.handle_input(now, early);
        }
        pump
    }

    /// The next event. After `Closed` or `Failed` use [`LinkPump::into_parts`].
    pub async fn next(&mut self) -> Result<Event, PumpError> {
        loop {
            if let Wake::Event(event) = self.step(usize::MAX).await? {
                return Ok(event);
            }
        }
    }

    /// The next event, or [`Wake::Room`] as soon as [`Link::room`] is at least `wanted` (bytes, at least 1).
    pub async fn next_or_room(&mut self, wanted: usize) -> Result<Wake, PumpError> {
        self.step(wanted.max(1)).await
    }

    /// Waits for `work`, and keeps the protocol going meanwhile: the peer is answered, so that a slow disk does not look like a
    /// dead line to it. What happens comes out of [`LinkPump::next`] afterwards. When much has come, the
    /// peer has to wait as well.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        while self.untaken < MOST_UNTAKEN && self.failed.is_none() && self.last.is_none() {
            self.say(clock::now()).await;
            tokio::select! {
                biased;
                done = &mut work => return done,
                moved = self.move_bytes() => self.failed = moved.err(),
            }
        }
        work.await
    }

    /// The next event, if it is there already, and not the end.
    pub fn ready(&mut self) -> Option<Event> {
        if self.last.is_some() {
            return None;
        }
        let Some(event) = self.link.poll_event() else {
            self.untaken = 0;
            return None;
        };
        match event {
            event @ (Event::Closed | Event::Failed(_)) => {
                self.last = Some((event, clock::now() + LAST_WRITE));
                None
            }
            event => Some(event),
        }
    }

    /// Once the machine has been closed: `bytes` go right behind the last that it has to send.
    pub fn send_behind(&mut self, bytes: Vec<u8>) {
        self.behind = Some(bytes);
    }

    /// What was to go behind the last packet, if the machine ended before that was out.
    pub fn take_behind(&mut self) -> Option<Vec<u8>> {
        self.behind.take()
    }

    /// The stream, and the bytes that came after the last packet.
    pub fn into_parts(mut self) -> (S, Vec<u8>) {
        (self.stream, self.link.take_rest())
    }

    async fn step(&mut self, wanted: usize) -> Result<Wake, PumpError> {
        loop {
            let now = clock::now();
            self.say(now).await;
            let said = self.pending().is_empty() || self.write_error.is_some();
            if let Some((event, _)) = self.last.take_if(|(_, until)| said || *until <= now) {
                return Ok(Wake::Event(event));
            }
            if self.last.is_none() {
                match self.link.poll_event() {
                    Some(event @ (Event::Closed | Event::Failed(_))) => {
                        self.last = Some((event, now + LAST_WRITE));
                        continue;
                    }
                    Some(event) => return Ok(Wake::Event(event)),
                    None => {
                        self.untaken = 0;
                        if self.link.room() >= wanted {
                            return Ok(Wake::Room);
                        }
                    }
                }
                if let Some(error) = self.failed.take() {
                    return Err(error);
                }
            }
            let untaken = self.untaken;
            match self.awake.until(now) {
                Some(until) => self.move_bytes_awake(until).await?,
                None => self.move_bytes().await?,
            }
            self.awake.waited(clock::now().saturating_duration_since(now), self.untaken - untaken);
        }
    }

    /// As [`LinkPump::move_bytes`], but the stream is asked again and again until then, instead of waited for.
    async fn move_bytes_awake(&mut self, until: Instant) -> Result<(), PumpError> {
        while clock::now() < until {
            let moved = poll_fn(|context| match self.poll_stream(context) {
                Poll::Ready(moved) => Poll::Ready(Some(moved)),
                Poll::Pending => Poll::Ready(None),
            });
            if let Some(moved) = moved.await {
                self.moved(moved?);
                self.handle_timers();
                return Ok(());
            }
            // Our own other threads go first: the disk's among them.
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
        self.move_bytes().await
    }

    /// Waits until the stream has moved something, or a deadline has come, and tells the machine.
    async fn move_bytes(&mut self) -> Result<(), PumpError> {
        let deadline = match &self.last {
            Some((_, until)) => Some(*until),
            None => self.link.poll_timeout(),
        };
        // The stream first: what the machine waited for may be there, and no timer is wound up for nothing.
        tokio::select! {
            biased;
            moved = poll_fn(|context| self.poll_stream(context)) => self.moved(moved?),
            () = clock::sleep_until(deadline) => {}
        }
        self.handle_timers();
        Ok(())
    }

    fn moved(&mut self, moved: Moved) {
        if let Moved::Read(count) = moved {
            let bytes = self.input.get(..count).unwrap_or_default();
            self.link.handle_input(clock::now(), bytes);
            self.untaken = self.untaken.saturating_add(count);
        }
    }

    fn handle_timers(&mut self) {
        let now = clock::now();
        if self.last.is_none() && self.link.poll_timeout().is_some_and(|at| at <= now) {
            self.link.handle_timeout(now);
        }
    }

    fn pending(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    /// Hands the stream what the machine has to say, as far as it takes that without waiting: before anything else is done, for
    /// the peer may wait for it.
    async fn say(&mut self, now: Instant) {
        poll_fn(|context| {
            loop {
                self.fill(now);
                if self.pending().is_empty()
                    || self.write_error.is_some()
                    || self.poll_write(context).is_pending()
                {
                    return Poll::Ready(());
                }
            }
        })
        .await;
    }

    /// Takes from the machine what may be written ahead.
    fn fill(&mut self, now: Instant) {
        if !self.pending().is_empty() {
            return;
        }
        self.out.clear();
        self.written = 0;
        self.link.poll_transmit(now, self.ahead.bytes(), &mut self.out);
        if let Some(bytes) = self.behind.take_if(|_| self.link.all_sent()) {
            self.out.extend(bytes);
        }
    }

    /// Writes what the stream takes of what waits for it, or keeps the error. Never flushes: on a serial line that would wait, on
    /// the spot, for the last byte to leave.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.ahead.offered(clock::now());
        let bytes = self.out.get(self.written..).unwrap_or_default();
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(Ok(count)) if count > 0 => {
                self.written += count;
                if self.written == self.out.len() {
                    self.ahead.taken(clock::now(), self.out.len());
                }
                return Poll::Ready(());
            }
            Poll::Ready(Ok(_)) => self.write_error = Some(io::ErrorKind::WriteZero.into()),
            // What the peer said before it left may still be read.
            Poll::Ready(Err(error)) => self.write_error = Some(error),
            Poll::Pending => self.ahead.waits(),
        }
        Poll::Pending
    }

    /// Writes and reads, whichever the stream is ready for. A stream that takes no more must not keep us from reading, for the
    /// peer may be waiting for the same.
    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<Result<Moved, PumpError>> {
        if self.write_error.is_none() && !self.pending().is_empty() && self.poll_write(context).is_ready() {
            return Poll::Ready(Ok(Moved::Wrote));
        }
        if self.last.is_some() {
            return match &self.write_error {
                Some(_) => Poll::Ready(Ok(Moved::Wrote)),
                None => Poll::Pending,
            };
        }
        let mut buffer = ReadBuf::new(&mut self.input);
        match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) => match (buffer.filled().len(), self.write_error.take()) {
                (0, Some(error)) => Poll::Ready(Err(PumpError::Write(error))),
                (0, None) => Poll::Ready(Err(PumpError::HungUp)),
                (count, error) => {
                    self.write_error = error;
                    self.disbelieved = false;
                    Poll::Ready(Ok(Moved::Read(count)))
                }
            },
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {
                match self.link.in_whole_packets() && !std::mem::replace(&mut self.disbelieved, true) {
                    true => self.poll_stream(context),
                    false => Poll::Ready(Err(PumpError::HungUp)),
                }
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(PumpError::Read(error))),
            Poll::Pending => match self.write_error.take() {
                Some(error) => Poll::Ready(Err(PumpError::Write(error))),
                None => Poll::Pending,
            },
        }
    }

    /// The machine itself, for verbs that are given the time. Its events are taken by [`LinkPump::next`] alone.
    pub fn link(&mut self) -> &mut dyn Link {
        &mut *self.link
    }

    pub fn send_command(&mut self, channel: Channel, text: &[u8]) {
        self.link.send_command(clock::now(), channel, text);
    }

    pub fn send_data(&mut self, channel: Channel, position: u64, bytes: &[u8]) {
        self.link.send_data(clock::now(), channel, position, bytes);
    }

    pub fn close(&mut self) {
        self.link.close(clock::now());
    }

    /// Nothing waits to be written or acknowledged.
    pub fn idle(&self) -> bool {
        self.link.idle() && self.pending().is_empty()
    }

    pub fn counters(&self) -> Counters {
        self.link.counters()
    }
}
