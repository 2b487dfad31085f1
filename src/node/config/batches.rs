//! `batch-...` of a `[[system]]`: how batches of mail for it are made.

use super::section::Section;
use super::units::{duration, size};
use crate::post::batch::Wrapper;
use crate::post::delivery::batches::Terms;
use std::time::Duration;

/// A batch of less would hold no message.
const LEAST: u64 = 1024;
/// A batch of which more is lost with a call than comes through.
const MOST: u64 = 1 << 30;

pub fn read(section: &mut Section<'_>) -> Terms {
    let usual = Terms::default();
    Terms {
        wrapper: section.value("batch-compress", wrapper).unwrap_or(usual.wrapper),
        bytes: section.value("batch-size", batch_size).unwrap_or(usual.bytes),
        messages: section.count("batch-messages", 1..=10_000).map_or(usual.messages, u64::from),
        age: section.value("batch-age", age).unwrap_or(usual.age),
    }
}

fn wrapper(text: &str) -> Result<Wrapper, String> {
    Wrapper::named(text).ok_or_else(|| {
        let names = Wrapper::ALL.map(|wrapper| format!("{:?}", wrapper.name()));
        format!(
            "write one of {}; the system must have the command for it (docs/batches.md)",
            names.join(", ")
        )
    })
}

fn batch_size(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if (LEAST..=MOST).contains(&bytes) { Ok(bytes) } else { Err("write \"1 KiB\" to \"1 GiB\"".into()) }
}

fn age(text: &str) -> Result<Duration, String> {
    let age = duration(text)?;
    if age.is_zero() {
        Err("write \"1 min\" or more; batch-messages = 1 makes each mail a batch".into())
    } else {
        Ok(age)
    }
}
