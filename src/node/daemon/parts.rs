//! Keeps the parts of the daemon running: each is a task of its own, and one that panics is started again after a
//! while, for the others must not suffer.

use crate::clock;
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info};

/// The rest before a part is started again; doubled each time.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The running parts.
pub struct Parts {
    tasks: JoinSet<&'static str>,
    stop: watch::Receiver<bool>,
    first_rest: Duration,
}

impl Parts {
    /// `stop` becomes true when all parts are to end.
    pub fn new(stop: watch::Receiver<bool>) -> Parts {
        Parts { tasks: JoinSet::new(), stop, first_rest: FIRST_REST }
    }

    /// Starts a part. `start` makes it anew whenever it has died; it ends by itself when `stop` becomes true.
    pub fn start<F, Part>(&mut self, name: &'static str, mut start: F)
    where
        F: FnMut(watch::Receiver<bool>) -> Part + Send + 'static,
        Part: Future<Output = ()> + Send + 'static,
    {
        let mut stop = self.stop.clone();
        let mut rest = self.first_rest;
        self.tasks.spawn(async move {
            loop {
                let ended = tokio::spawn(start(stop.clone())).await;
                if *stop.borrow() {
                    return name;
                }
                match ended {
                    Ok(()) => error!(part = name, "ended by itself"),
                    Err(panic) => error!(part = name, %panic, "died"),
                }
                tokio::select! {
                    () = clock::sleep(rest) => {}
                    _ = stop.wait_for(|stop| *stop) => return name,
                }
                rest = (rest * 2).min(LONGEST_REST);
                info!(part = name, "is started again");
            }
        });
    }

    /// Waits until all have ended.
    pub async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_part_that_panics_is_started_again_and_all_end_when_told() {
        let (stop, stopping) = watch::channel(false);
        let mut parts = Parts::new(stopping);
        parts.first_rest = Duration::from_millis(1);
        let starts = Arc::new(AtomicU32::new(0));
        let (running, mut runs) = tokio::sync::mpsc::channel(1);
        let counter = starts.clone();
        parts.start("a part", move |mut stop| {
            let (counter, running) = (counter.clone(), running.clone());
            async move {
                assert!(counter.fetch_add(1, Ordering::Relaxed) > 1, "a part dies");
                running.send(()).await.unwrap();
                let _ = stop.wait_for(|stop| *stop).await;
            }
        });
        runs.recv().await.unwrap();
        assert_eq!(starts.load(Ordering::Relaxed), 3);
        stop.send(true).unwrap();
        parts.ended().await;
    }
}
