//! The one thread that writes: it takes what is queued, runs it in one transaction, and answers after the commit.

use super::SpoolError;
use super::store::Store;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Verbs in one transaction (design: the spool).
const BATCH_VERBS: usize = 256;
/// Bytes of bodies in one transaction (design: the spool).
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Length of the log of writes, in bytes, from which on the checkpointer is to work; and from which on it is behind, so that
/// the writer does it before it goes on.
const LOG_LONG: u64 = 4 * 1024 * 1024;
const LOG_MOST: u64 = 16 * 1024 * 1024;
/// Verbs that may wait for the writer; more wait with their callers.
const QUEUED: usize = 1024;

/// Told how the commit went.
type Answer = Box<dyn FnOnce(Result<(), SpoolError>) + Send>;
/// Given the store in a transaction, or why there is none.
type Work = Box<dyn FnOnce(Result<&mut Store, SpoolError>) -> Answer + Send>;

enum Request {
    Verb { work: Work, bytes: usize, durable: bool },
    Close(oneshot::Sender<()>),
}

/// A commit or an fsync failed, or a verb panicked: nobody knows what is on disk until the spool is opened anew.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the spool can no longer be trusted: {0}")]
struct Fatal(String);

/// The way to the writer.
#[derive(Debug, Clone)]
pub struct Writer {
    requests: mpsc::Sender<Request>,
    pub changes: watch::Receiver<u64>,
}

impl Writer {
    /// Starts the thread. It ends when it is closed, or when nobody can reach it any more.
    pub fn start(store: Store) -> Result<Writer, SpoolError> {
        let (requests, queue) = mpsc::channel(QUEUED);
        let (changed, changes) = watch::channel(store.changes());
        let ends_process = store.database().is_some();
        std::thread::Builder::new().name("spool".into()).spawn(move || {
            let served = std::panic::catch_unwind(AssertUnwindSafe(|| serve(store, queue, &changed)));
            let fatal = match served {
                Ok(Ok(())) => return,
                Ok(Err(fatal)) => fatal,
                Err(_) => Fatal("its writer panicked".into()),
            };
            tracing::error!("{fatal}");
            if ends_process {
                end_process(&fatal);
            }
        })?;
        Ok(Writer { requests, changes })
    }

    /// Runs one verb and gives its answer once it is durable. `bytes`: how many it carries.
    pub async fn verb<T: Send + 'static>(
        &self,
        bytes: usize,
        verb: impl FnOnce(&mut Store) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        self.enqueue(bytes, verb).await?.await.map_err(|_| SpoolError::Closed)?
    }

    /// The same for what a power cut may take back without harm: it is durable with the next verb that has to be. The end of
    /// this process takes nothing back.
    pub async fn soon<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Store) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        self.send(0, false, verb).await?.await.map_err(|_| SpoolError::Closed)?
    }

    /// Queues one verb; its answer comes once it is durable.
    pub async fn enqueue<T: Send + 'static>(
        &self,
        bytes: usize,
        verb: impl FnOnce(&mut Store) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, SpoolError>>, SpoolError> {
        self.send(bytes, true, verb).await
    }

    async fn send<T: Send + 'static>(
        &self,
        bytes: usize,
        durable: bool,
        verb: impl FnOnce(&mut Store) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, SpoolError>>, SpoolError> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |store| {
            let result = store.and_then(|store| store.verb(verb));
            Box::new(move |committed| {
                // Nobody listens any more: the caller has gone, and what was asked is done all the same.
                let _ = reply.send(committed.and(result));
            })
        });
        let sent = self.requests.send(Request::Verb { work, bytes, durable }).await;
        sent.map_err(|_| SpoolError::Closed)?;
        Ok(answer)
    }

    /// Queues one verb without waiting, for whoever cannot: its answer goes to the log.
    pub fn enqueue_at_once(
        &self,
        verb: impl FnOnce(&mut Store) -> Result<(), SpoolError> + Send + 'static,
    ) -> Result<(), SpoolError> {
        let work: Work = Box::new(move |store| {
            let result = store.and_then(|store| store.verb(verb));
            Box::new(move |committed| {
                if let Err(error) = committed.and(result) {
                    tracing::debug!(%error, "what nobody waited for was not done");
                }
            })
        });
        self.requests.try_send(Request::Verb { work, bytes: 0, durable: true }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SpoolError::Busy,
            mpsc::error::TrySendError::Closed(_) => SpoolError::Closed,
        })
    }

    /// Lets the writer finish what is queued, and waits until it has closed the store.
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.requests.send(Request::Close(reply)).await.is_ok() {
            // An error means that it ended in another way.
            let _ = closed.await;
        }
    }
}

fn serve(
    mut store: Store,
    mut queue: mpsc::Receiver<Request>,
    changed: &watch::Sender<u64>,
) -> Result<(), Fatal> {
    let checkpointer = store.database().map(Checkpointer::start);
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut durable = false;
        let mut closing = None;
        while let Some(request) = next {
            match request {
                Request::Verb { work, bytes: more, durable: now } => {
                    bytes += more;
                    durable |= now;
                    batch.push(work);
                }
                Request::Close(reply) => {
                    closing = Some(reply);
                    queue.close();
                }
            }
            let full = batch.len() >= BATCH_VERBS || bytes >= BATCH_BYTES;
            next = if full { None } else { queue.try_recv().ok() };
        }
        run_all(&mut store, batch, durable)?;
        changed.send_if_modified(|count| std::mem::replace(count, store.changes()) != store.changes());
        match (store.log_length(), &checkpointer) {
            (length, _) if length > LOG_MOST => store.empty_log(),
            (length, Some(checkpointer)) if length > LOG_LONG => checkpointer.wake(),
            _ => {}
        }
        if let Some(reply) = closing {
            // What was queued behind the request is done as well.
            let rest = std::iter::from_fn(|| queue.try_recv().ok());
            let works = rest.filter_map(|request| match request {
                Request::Verb { work, .. } => Some(work),
                Request::Close(_) => None,
            });
            run_all(&mut store, works.collect(), true)?;
            drop(checkpointer);
            drop(store);
            let _ = reply.send(());
            return Ok(());
        }
    }
    Ok(())
}

fn run_all(store: &mut Store, batch: Vec<Work>, durable: bool) -> Result<(), Fatal> {
    let mut batch = batch.into_iter().peekable();
    while batch.peek().is_some() {
        run(store, &mut batch, durable)?;
    }
    Ok(())
}

/// One transaction for as many of the batch as go into it: all, unless an error ends it before.
fn run(store: &mut Store, batch: &mut impl Iterator<Item = Work>, durable: bool) -> Result<(), Fatal> {
    if let Err(error) = store.begin(durable) {
        let error = forgivable(error)?;
        // Nothing was begun, so nothing is lost; who asked may ask again.
        batch.for_each(|work| work(Err(error.clone()))(Ok(())));
        return Ok(());
    }
    let mut answers = Vec::new();
    for work in batch {
        answers.push(work(Ok(store)));
        if let Some(error) = store.broken() {
            // SQLite gave the whole transaction up: whoever was in it is told so.
            answers.into_iter().for_each(|answer| answer(Err(error.clone())));
            return Ok(());
        }
    }
    let committed = match store.commit() {
        Ok(()) => Ok(()),
        Err(error) => Err(forgivable(error)?),
    };
    answers.into_iter().for_each(|answer| answer(committed.clone()));
    Ok(())
}

/// Busy, full and short leave the database as it was; after anything else, a sync that failed above all, it is unknown
/// what a commit has left.
fn forgivable(error: SpoolError) -> Result<SpoolError, Fatal> {
    match error {
        SpoolError::Busy | SpoolError::Full(_) | SpoolError::Short(_) => Ok(error),
        error => Err(Fatal(error.to_string())),
    }
}

/// The service manager starts the process again, and opening the spool finds out what is there.
fn end_process(fatal: &Fatal) -> ! {
    // A log may not have been set up, or may be on the same disk.
    eprintln!("uugate: {fatal}");
    std::process::abort()
}

/// Moves what was written from the log into the database, beside the writer.
#[derive(Debug)]
struct Checkpointer {
    bell: std::sync::mpsc::SyncSender<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Checkpointer {
    fn start(database: PathBuf) -> Checkpointer {
        let (bell, rung) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("spool-checkpoint".into()).spawn(move || {
            let connection = rusqlite::Connection::open(&database).and_then(|connection| {
                connection.busy_timeout(Duration::from_secs(1))?;
                Ok(connection)
            });
            let connection = match connection {
                Ok(connection) => connection,
                Err(error) => {
                    tracing::warn!(%error, "no checkpoints beside the writer; it makes them itself");
                    return;
                }
            };
            while rung.recv().is_ok() {
                let row = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                    Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
                });
                match row {
                    Ok((pages, moved)) => tracing::debug!(pages, moved, "checkpoint"),
                    Err(error) => tracing::warn!(%error, "checkpoint failed; the log grows"),
                }
            }
        });
        Checkpointer { bell, thread: thread.ok() }
    }

    /// A bell that rings already need not be rung again.
    fn wake(&self) {
        let _ = self.bell.try_send(());
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        let (silent, _) = std::sync::mpsc::sync_channel(1);
        self.bell = silent;
        if let Some(thread) = self.thread.take() {
            // A panic in it was logged by its hook.
            let _ = thread.join();
        }
    }
}
