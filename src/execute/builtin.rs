//! The allow-list. A pure function.

use crate::post::batch::wrapper::takes_batch;

/// A command that is part of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BuiltIn {
    Rmail,
    /// A batch, by whatever name: its content tells how it is packed.
    Rsmtp,
}

/// What stands behind a name; `None`: it may not be run. Only the exact name counts: a path to a program of that
/// name could be another program.
pub(super) fn builtin(program: &str) -> Option<BuiltIn> {
    match program {
        "rmail" => Some(BuiltIn::Rmail),
        batch if takes_batch(batch) => Some(BuiltIn::Rsmtp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_name_is_allowed() {
        assert_eq!(builtin("rmail"), Some(BuiltIn::Rmail));
        for batch in ["rsmtp", "rcsmtp", "rgsmtp", "rzsmtp", "bsmtp", "cbsmtp", "crsmtp", "rbsmtp", "rfsmtp"]
        {
            assert_eq!(builtin(batch), Some(BuiltIn::Rsmtp), "{batch}");
        }
        for program in [
            "/bin/rmail",
            "./rmail",
            "RMAIL",
            "rmail ",
            "",
            "sh",
            "uucp",
            "rmail;sh",
            "rmail\0",
            "xsmtp",
            "rgsmtp -x",
        ] {
            assert_eq!(builtin(program), None, "{program:?}");
        }
    }
}
