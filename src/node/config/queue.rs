//! `[queue]`: when senders are told what becomes of their mail, and how much.

use super::section::Section;
use super::units::duration;
use jiff::SignedDuration;

#[derive(Debug, Clone)]
pub struct Queue {
    /// After this a sender hears that it takes longer. Default 4 h.
    pub warn_after: SignedDuration,
    /// After this mail is sent back that is tried again and again; that for a system has `bounce-after` there. Default 4 days.
    pub bounce_after: SignedDuration,
    /// Reports to one address in an hour. Default 60.
    pub reports_per_hour: u32,
    /// Postmaster gets a copy of every report of a failure, with the header of the message alone. Default no.
    pub postmaster_copies: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            warn_after: SignedDuration::from_hours(4),
            bounce_after: SignedDuration::from_hours(4 * 24),
            reports_per_hour: 60,
            postmaster_copies: false,
        }
    }
}

pub fn read(section: &mut Section<'_>) -> Queue {
    let usual = Queue::default();
    let queue = Queue {
        warn_after: section.value("warn-after", wait).unwrap_or(usual.warn_after),
        bounce_after: section.value("bounce-after", wait).unwrap_or(usual.bounce_after),
        reports_per_hour: section.count("reports-per-hour", 1..=100_000).unwrap_or(usual.reports_per_hour),
        postmaster_copies: section.boolean("postmaster-copies").unwrap_or(usual.postmaster_copies),
    };
    if section.has("warn-after") && queue.warn_after >= queue.bounce_after {
        section.doubtful(
            "warn-after",
            "mail is sent back before its sender is warned, so nobody is",
            "write a time that is shorter than bounce-after",
        );
    }
    queue
}

/// How long somebody waits to be told.
pub(super) fn wait(text: &str) -> Result<SignedDuration, String> {
    match SignedDuration::try_from(duration(text)?) {
        Ok(wait) if wait >= SignedDuration::from_mins(1) => Ok(wait),
        _ => Err("write \"1 min\" or more".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, titles};
    use jiff::SignedDuration;

    const SITE: &str = "[node]\nname = \"barberouge\"\n[queue]\nwarn-after = \"2 h\"\nbounce-after = \"2 days\"\n\
        postmaster-copies = true\n[[system]]\nname = \"polux\"\nbounce-after = \"14 days\"\n[[system]]\nname = \"sun\"\n";

    #[test]
    fn a_site_and_a_system_say_how_patient_they_are() {
        let (config, findings) = read(SITE);
        assert_eq!(findings.render(false), "");
        let settings = config.unwrap().queue_settings();
        let patience = &settings.patience;
        let hours = SignedDuration::from_hours;
        assert_eq!((patience.warn, patience.give_up), (hours(2), hours(48)));
        let of = |name: &str| patience.links[&name.parse().unwrap()].give_up;
        assert_eq!((of("polux"), of("sun")), (hours(14 * 24), hours(7 * 24)));
        assert!(settings.postmaster_copies);
    }

    #[test]
    fn a_warning_comes_before_the_bounce() {
        let late = SITE.replace("\"2 h\"", "\"3 days\"");
        assert_eq!(
            titles(&read(&late).1),
            ["4:14 mail is sent back before its sender is warned, so nobody is"]
        );
        let short = SITE.replace("\"2 h\"", "\"1 s\"");
        assert_eq!(titles(&read(&short).1), ["4:14 wrong `warn-after` in [queue]"]);
    }
}
