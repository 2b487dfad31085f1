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

    /// Starts a part that works by the configuration. When that changes, the part ends what it does and is made anew.
    pub fn start_configured<C, Part>(
        &mut self,
        name: &'static str,
        current: &watch::Receiver<C>,
        make: impl Fn(C, watch::Receiver<bool>) -> Part + Clone + Send + 'static,
    ) where
        C: Clone + Send + Sync + 'static,
        Part: Future<Output = ()> + Send + 'static,
    {
        let current = current.clone();
        self.start(name, move |mut stop| {
            let (mut current, make) = (current.clone(), make.clone());
            async move {
                loop {
                    let (end, ending) = watch::channel(false);
                    let configured = current.borrow_and_update().clone();
                    let part = make(configured, ending);
                    tokio::pin!(part);
                    let changed = tokio::select! {
                        () = &mut part => return,
                        _ = current.changed() => true,
                        _ = stop.wait_for(|stop| *stop) => false,
                    };
                    let _ = end.send(true);
                    part.await;
                    if !changed {
                        return;
                    }
                }
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

    #[tokio::test]
    async fn a_part_is_made_anew_when_the_configuration_changes() {
        let (stop, stopping) = watch::channel(false);
        let (configure, current) = watch::channel("first");
        let mut parts = Parts::new(stopping);
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        parts.start_configured("a part", &current, move |config, mut stop| {
            let tell = tell.clone();
            async move {
                tell.send(format!("{config} begins")).unwrap();
                let _ = stop.wait_for(|stop| *stop).await;
                tell.send(format!("{config} ends")).unwrap();
            }
        });
        assert_eq!(told.recv().await.unwrap(), "first begins");
        configure.send("second").unwrap();
        assert_eq!(told.recv().await.unwrap(), "first ends");
        assert_eq!(told.recv().await.unwrap(), "second begins");
        stop.send(true).unwrap();
        parts.ended().await;
        assert_eq!(told.recv().await.unwrap(), "second ends");
    }
}
