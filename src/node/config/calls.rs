//! What a call carries, and what goes first: keys of systems, one of them of lines too.

use super::section::Section;
use super::units::size;
use crate::schedule::{SizeLimits, Sizes, Timetables, Windows};
use crate::spool::Order;

/// `order`: what goes first among jobs of one grade.
pub fn order(section: &mut Section<'_>) -> Option<Order> {
    section.value("order", |text| match text {
        "first-come" => Ok(Order::Age),
        "smallest-first" => Ok(Order::Size),
        _ => Err("write \"first-come\" or \"smallest-first\"".into()),
    })
}

/// The largest files by the hours of the week, with the names of Taylor UUCP.
pub fn sizes(section: &mut Section<'_>, tables: &Timetables) -> Sizes {
    let mut limits =
        |key| SizeLimits::new(section.list(key, |text| size_at_hours(text, tables)).unwrap_or_default());
    Sizes {
        call_local: limits("call-local-size"),
        call_remote: limits("call-remote-size"),
        called_local: limits("called-local-size"),
        called_remote: limits("called-remote-size"),
    }
}

/// A size and the hours that it is for; without hours, it is for all.
fn size_at_hours(text: &str, tables: &Timetables) -> Result<(u64, Windows), String> {
    let hint = "write a size and the hours that it is for, as \"100 KiB Wk0800-1800\"";
    if let Ok(bytes) = size(text) {
        return Ok((bytes, Windows::any()));
    }
    let (bytes, hours) = text.trim_end().rsplit_once(' ').ok_or(hint)?;
    Ok((size(bytes).map_err(|_| hint)?, tables.read(hours).map_err(|_| hint)?))
}
