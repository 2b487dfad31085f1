//! What a neighbour may ask of us, and in whose calls our own work goes to it: keys of a `[[system]]`, with the names and
//! meanings of Taylor UUCP (the manual, "File Transfer Control").

use super::section::Section;

/// All are permitted unless something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfers {
    /// It may ask for files.
    pub send_request: bool,
    /// It may send: files, and commands with what they work on, mail among them.
    pub receive_request: bool,
    /// Our work goes to it in calls that we place.
    pub call: bool,
    /// Our work goes to it in calls that it places.
    pub called: bool,
}

pub fn read(section: &mut Section<'_>) -> Transfers {
    let (send_request, receive_request) = pair(section, "request", "send-request", "receive-request");
    let (call, called) = pair(section, "transfer", "call-transfer", "called-transfer");
    if !call && !called {
        let key = if section.has("transfer") { "transfer" } else { "called-transfer" };
        section.doubtful(
            key,
            "nothing that waits for this system would ever be sent",
            "permit it in calls of ours (call-transfer) or of its own (called-transfer)",
        );
    }
    Transfers { send_request, receive_request, call, called }
}

/// Two keys, and one that stands for both.
fn pair(
    section: &mut Section<'_>,
    both: &'static str,
    one: &'static str,
    other: &'static str,
) -> (bool, bool) {
    let all = section.boolean(both);
    let parts = (section.boolean(one), section.boolean(other));
    if section.has(both) && (section.has(one) || section.has(other)) {
        let key = if section.has(one) { one } else { other };
        section.wrong(
            key,
            format!("`{both}` says it already"),
            format!("leave out `{both}`, and write `{one}` and `{other}`"),
        );
    }
    let usual = all.unwrap_or(true);
    (parts.0.unwrap_or(usual), parts.1.unwrap_or(usual))
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;
    use std::path::Path;

    /// What a system with these lines may do, or what is wrong with them.
    fn system(lines: &str) -> Result<Transfers, String> {
        let line = "[[line]]\nname = \"net\"\ntype = \"tcp\"\n";
        let text =
            format!("[node]\nname = \"x\"\n{line}[[system]]\nname = \"polux\"\nline = \"net\"\n{lines}");
        let (config, findings) = Config::read(Path::new("/tmp/site/uugate.toml"), text);
        let said = findings.render(false);
        match config.filter(|_| said.is_empty()) {
            Some(config) => Ok(config.systems[0].transfers),
            None => Err(said),
        }
    }

    const ALL: Transfers = Transfers { send_request: true, receive_request: true, call: true, called: true };

    #[test]
    fn all_is_permitted_but_what_is_not() {
        for (lines, transfers) in [
            ("", ALL),
            ("send-request = false", Transfers { send_request: false, ..ALL }),
            ("receive-request = false", Transfers { receive_request: false, ..ALL }),
            ("request = false", Transfers { send_request: false, receive_request: false, ..ALL }),
            ("call-transfer = false", Transfers { call: false, ..ALL }),
            ("called-transfer = false", Transfers { called: false, ..ALL }),
            ("transfer = true", ALL),
        ] {
            assert_eq!(system(lines), Ok(transfers), "{lines}");
        }
    }

    #[test]
    fn what_says_a_thing_twice_or_sends_nothing_ever_is_found() {
        for (lines, title) in [
            ("request = false\nsend-request = true", "`request` says it already"),
            ("transfer = true\ncalled-transfer = false", "`transfer` says it already"),
            ("transfer = false", "nothing that waits for this system would ever be sent"),
            ("call-transfer = false\ncalled-transfer = false", "nothing that waits for this system"),
            ("request = \"no\"", "`request` in [[system]] is a string"),
        ] {
            let said = system(lines).unwrap_err();
            assert!(said.contains(title), "{lines}: {said}");
        }
    }
}
