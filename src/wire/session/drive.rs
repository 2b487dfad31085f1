//! Runs a session over a stream and a store: commands, farewell.

use super::handshake::drive::{Answering, Opening};
use super::message::{Heard, MessageReader, message};
use super::{
    Ask, Ending, Expansion, JobKey, Machine, Offer, OutgoingJob, Progress, Refusal, Reply, SessionError,
    Slot, Step, Tally, Verdict,
};
use crate::clock;
use crate::job::{Digest, Grade};
use crate::wire::link::drive::{LinkPump, PumpError, Wake};
use crate::wire::link::{self, Counters, Link};
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Where progress goes. Whoever is told must not wait: a call waits for nobody.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<dyn Fn(Progress) + Send + Sync>>);

impl Watch {
    pub fn new(told: impl Fn(Progress) + Send + Sync + 'static) -> Watch {
        Watch(Some(Arc::new(told)))
    }

    /// Nobody watches.
    pub fn nobody() -> Watch {
        Watch(None)
    }

    pub fn tell(&self, progress: Progress) {
        if let Some(told) = &self.0 {
            told(progress);
        }
    }
}

/// Why the store cannot go on, and with it the session.
pub type Failure = String;

/// What became of a file that came whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    Kept,
    /// It could not be put in its place, and never can.
    Never,
    /// It is not what its digest says, and forgotten.
    Damaged,
}

/// A file that a peer fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    pub digest: Option<Digest>,
}

/// What a session needs of whoever keeps jobs and files. The verbs are those of [`Ask`], with their promises.
pub trait Store: Send {
    fn next_job(
        &mut self,
        worst: Option<Grade>,
    ) -> impl Future<Output = Result<Option<OutgoingJob>, Failure>> + Send;
    fn read(
        &mut self,
        job: JobKey,
        offset: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<u8>, Failure>> + Send;
    /// On disk when it returns, unless it may come to the peer again without harm; a deferred job is not given again in this
    /// session.
    fn settle(&mut self, job: JobKey, ending: Ending) -> impl Future<Output = Result<(), Failure>> + Send;
    fn offer(&mut self, slot: Slot, offer: Offer) -> impl Future<Output = Result<Verdict, Failure>> + Send;
    fn write(&mut self, slot: Slot, bytes: Vec<u8>) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Forgets what was written into a slot that began with nothing.
    fn rewind(&mut self, slot: Slot) -> impl Future<Output = Result<(), Failure>> + Send;
    /// On disk when it returns, if it is kept.
    fn commit(&mut self, slot: Slot) -> impl Future<Output = Result<Committed, Failure>> + Send;
    fn drop_slot(&mut self, slot: Slot) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Opens a file of the public directory; or why it cannot be had.
    fn open(
        &mut self,
        slot: Slot,
        path: String,
        digested: bool,
    ) -> impl Future<Output = Result<Result<Opened, Refusal>, Failure>> + Send;
    fn read_opened(
        &mut self,
        slot: Slot,
        offset: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<u8>, Failure>> + Send;
    /// On disk when it returns; false: there are none, or it may not have them.
    fn expand(&mut self, expansion: Expansion) -> impl Future<Output = Result<bool, Failure>> + Send;
    fn waiting(
        &mut self,
        worst: Option<Grade>,
    ) -> impl Future<Output = Result<Option<Grade>, Failure>> + Send;
    fn heard(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

async fn carry_out(store: &mut impl Store, ask: Ask) -> Reply {
    let result = match ask {
        Ask::NextJob { worst } => store.next_job(worst).await.map(|job| Reply::Job(job.map(Box::new))),
        Ask::Read { job, offset, limit } => store.read(job, offset, limit).await.map(Reply::Bytes),
        Ask::Settle { job, ending } => store.settle(job, ending).await.map(|()| Reply::Done),
        Ask::Offer { slot, offer } => store.offer(slot, *offer).await.map(Reply::Verdict),
        Ask::Write { slot, bytes } => store.write(slot, bytes).await.map(|()| Reply::Done),
        Ask::Rewind { slot } => store.rewind(slot).await.map(|()| Reply::Done),
        Ask::Commit { slot } => store.commit(slot).await.map(|committed| match committed {
            Committed::Kept => Reply::Done,
            Committed::Never => Reply::Unkept,
            Committed::Damaged => Reply::Damaged,
        }),
        Ask::Drop { slot } => store.drop_slot(slot).await.map(|()| Reply::Done),
        Ask::Open { slot, path, digested } => {
            store.open(slot, path, digested).await.map(|opened| match opened {
                Ok(Opened { size, mode, digest }) => Reply::Opened { size, mode, digest },
                Err(why) => Reply::Verdict(Verdict::Refuse(why)),
            })
        }
        Ask::ReadOpened { slot, offset, limit } => {
            store.read_opened(slot, offset, limit).await.map(Reply::Bytes)
        }
        Ask::Expand(expansion) => store.expand(expansion).await.map(Reply::Expanded),
        Ask::Waiting { worst } => store.waiting(worst).await.map(Reply::Waiting),
        Ask::Heard => store.heard().await.map(|()| Reply::Done),
    };
    result.unwrap_or_else(Reply::Failed)
}

/// How a session went.
#[derive(Debug)]
pub struct Ended {
    pub result: Result<(), SessionError>,
    pub tally: Tally,
    pub counters: Counters,
}

/// Runs the commands of a session to their end, and says farewell. `idle`: how long nothing at all may come while
/// nothing of ours is under way.
pub async fn run<S>(
    mut machine: Machine,
    link: Box<dyn Link>,
    stream: S,
    mut opening: Opening,
    store: &mut impl Store,
    watch: &Watch,
    idle: Duration,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stream = Answering::new(stream, &mut opening);
    let mut pump = LinkPump::start(link, stream, &opening.agreement.rest);
    // How long to wait for whatever comes next.
    let time = |machine: &Machine| {
        let left = |end: Instant| end.saturating_duration_since(clock::now());
        machine.poll_timeout().map_or(idle, |end| idle.min(left(end)))
    };
    let mut parting = Some(parting_message(opening.agreement.caller));
    let result = loop {
        let step = machine.step(clock::now(), pump.link());
        // The final handshake may follow what is said already, as Taylor UUCP has it: nothing of the other end need be
        // awaited, which is a whole way along the line less, twice.
        if let Some(message) = parting.take_if(|_| machine.hang_up_agreed()) {
            pump.send_behind(message);
        }
        while let Some(progress) = machine.poll_progress() {
            watch.tell(progress);
        }
        let wake = match step {
            Step::Ask(ask) => {
                let reply = pump.meanwhile(carry_out(store, ask)).await;
                machine.reply(clock::now(), pump.link(), reply);
                continue;
            }
            Step::Over(result) => break result,
            Step::Wait => clock::within(time(&machine), pump.next()).await.map(|next| next.map(Wake::Event)),
            Step::WaitForRoom => clock::within(time(&machine), pump.next_or_room(1)).await,
        };
        match wake {
            Some(Ok(Wake::Event(event))) => {
                let now = clock::now();
                machine.handle_event(now, pump.link(), event);
                while machine.takes_more()
                    && let Some(event) = pump.ready()
                {
                    machine.handle_event(now, pump.link(), event);
                }
            }
            Some(Ok(Wake::Room)) => {}
            Some(Err(_)) if machine.hang_up_agreed() => break Ok(()),
            Some(Err(error)) => break Err(why_lost(error)),
            // The next step says so.
            None if time(&machine).is_zero() => {}
            None if pump.idle() => break Err(SessionError::Idle(idle.as_secs())),
            None => {}
        }
    };
    let ended = Ended { result, tally: machine.tally(), counters: pump.counters() };
    // What ends here is not the peer's failure: it is told that the session is over, and not left to find out.
    let in_order = match &ended.result {
        Ok(()) => true,
        Err(SessionError::Store(_) | SessionError::TooLong(_)) => {
            clock::within(CLOSING, closed(&mut pump)).await == Some(true)
        }
        Err(_) => false,
    };
    if in_order {
        let parting = parting.or_else(|| pump.take_behind());
        let (stream, rest) = pump.into_parts();
        farewell(stream, &rest, parting).await;
    }
    ended
}

/// What a stream failed of: the handshake that was read from it, or the line.
fn why_lost(error: PumpError) -> SessionError {
    let lost = SessionError::Lost(error.to_string());
    match error {
        PumpError::Read(error) => error.downcast().unwrap_or(lost),
        _ => lost,
    }
}

/// How long a link may take to be closed in the middle of the session; then the line is hung up all the same.
const CLOSING: Duration = Duration::from_secs(10);

/// Closes the protocol in the middle of the session; false if the line went first.
async fn closed<S: AsyncRead + AsyncWrite + Unpin>(pump: &mut LinkPump<S>) -> bool {
    pump.close();
    loop {
        match pump.next().await {
            Ok(link::Event::Closed) => return true,
            Ok(link::Event::Failed(_)) | Err(_) => return false,
            // What is still under way is of no use any more.
            Ok(_) => {}
        }
    }
}

/// How long the other end may take over its farewell. It "has no real purpose" (the manual, "The Final Handshake").
const FAREWELL: Duration = Duration::from_secs(3);

fn parting_message(caller: bool) -> Vec<u8> {
    message(if caller { "OOOOOO" } else { "OOOOOOO" })
}

/// The final handshake; `parting` is what is still to be said. Whatever goes wrong in it is of no consequence.
async fn farewell<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, rest: &[u8], parting: Option<Vec<u8>>) {
    let exchange = async {
        stream.write_all(&parting.unwrap_or_default()).await?;
        let mut reader = MessageReader::new();
        reader.feed(rest);
        let mut input = vec![0; 1024];
        loop {
            while let Some(heard) = reader.next_heard() {
                if matches!(heard, Heard::Message(text) if text.starts_with("OOOOOO")) {
                    return io::Result::Ok(());
                }
            }
            match stream.read(&mut input).await? {
                0 => return Ok(()),
                count => reader.feed(input.get(..count).unwrap_or_default()),
            }
        }
    };
    let _ = clock::within(FAREWELL, exchange).await;
}
