//! How times, sizes and speeds are written: a number and its unit, `15 min`, `1 MiB`, `57600 bit/s`.
//!
//! A reader gives the value or what to write instead.

use std::time::Duration;

/// Splits `15 min` into its number and its unit.
fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit.trim()))
}

/// A time: `ms`, `s`, `min`, `h`, `days`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let hint = "write a number and its unit: ms, s, min, h or days, as \"15 min\"";
    let (number, unit) = split(text).ok_or(hint)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "min" => 60 * 1000,
        "h" => 3600 * 1000,
        "day" | "days" => 24 * 3600 * 1000,
        _ => return Err(hint.into()),
    };
    let total = number.checked_mul(milliseconds).filter(|total| *total <= 100 * 366 * 24 * 3600 * 1000);
    total.map(Duration::from_millis).ok_or_else(|| "the longest time is 100 years".into())
}

/// A number of bytes: `B`, `KiB`, `MiB`, `GiB`.
pub fn size(text: &str) -> Result<u64, String> {
    let hint = "write a number and its unit: B, KiB, MiB or GiB, as \"10 MiB\"";
    let (number, unit) = split(text).ok_or(hint)?;
    let bytes: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(hint.into()),
    };
    number.checked_mul(bytes).filter(|size| *size <= 1 << 50).ok_or_else(|| "that is too much".into())
}

/// A speed: `bit/s` or `kbit/s`.
pub fn speed(text: &str) -> Result<u32, String> {
    let hint = "write a number and its unit: bit/s or kbit/s, as \"57600 bit/s\"";
    let (number, unit) = split(text).ok_or(hint)?;
    let bits: u64 = match unit {
        "bit/s" => 1,
        "kbit/s" => 1000,
        _ => return Err(hint.into()),
    };
    let speed = number.checked_mul(bits).and_then(|speed| u32::try_from(speed).ok());
    speed.filter(|speed| *speed > 0).ok_or_else(|| hint.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_needs_its_unit() {
        assert_eq!(duration("15 min"), Ok(Duration::from_secs(900)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        assert!(duration("15").is_err() && duration("min").is_err() && duration("-1 s").is_err());
        assert!(duration("99999999999999999999 s").is_err() && duration("9999999999999999 days").is_err());
        assert_eq!(size("1 MiB"), Ok(1 << 20));
        assert!(size("1 MB").is_err() && size("").is_err());
        assert_eq!(speed("57600 bit/s"), Ok(57600));
        assert_eq!(speed("33.6 kbit/s").ok(), None);
        assert!(speed("0 bit/s").is_err() && speed("57600").is_err());
    }
}
