//! The only reader of clocks, and the only place that waits for time to pass.
//!
//! Machines are handed an `Instant`; schedules are handed a [`Timestamp`]. Everything else asks here, so
//! that the one exception to the ban on reading clocks stands in one file.

use jiff::Timestamp;
use std::time::{Duration, Instant};

/// The monotonic clock: for timers and timeouts.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the monotonic clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock: for schedules, trace headers and records.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the wall clock")]
pub fn wall() -> Timestamp {
    Timestamp::now()
}

/// Waits.
#[expect(clippy::disallowed_methods, reason = "this is the one place that sleeps")]
pub async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Waits until an instant; without one, for ever.
#[expect(clippy::disallowed_methods, reason = "this is the one place that sleeps")]
pub async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

/// Waits for `work`, but no longer than `limit`; `None` when the time was up first, even if `work` always has something to do.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}
