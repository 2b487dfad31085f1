//! `[mail]`: limits on mail, however it comes in.

use super::section::Section;
use super::units::size;

#[derive(Debug, Clone)]
pub struct Mail {
    /// The largest message, in bytes; SIZE tells it to SMTP clients. Default 50 MiB.
    pub max_message_size: u64,
    /// Recipients of one message. RFC 5321, 4.5.3.1.8 asks for 100 at least. Default 1000.
    pub max_recipients: u32,
    /// What one batch may hold, in bytes, when it is unpacked. Default 1 GiB.
    pub max_batch_size: u64,
}

impl Default for Mail {
    fn default() -> Self {
        Mail { max_message_size: 50 << 20, max_recipients: 1000, max_batch_size: 1 << 30 }
    }
}

pub fn read(section: &mut Section<'_>) -> Mail {
    let usual = Mail::default();
    Mail {
        max_message_size: section.value("max-message-size", size).unwrap_or(usual.max_message_size),
        max_recipients: section.count("max-recipients", 100..=100_000).unwrap_or(usual.max_recipients),
        max_batch_size: section.value("max-batch-size", size).unwrap_or(usual.max_batch_size),
    }
}
