//! The allow-list. A pure function.

/// A command that is part of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BuiltIn {
    Rmail,
    Rsmtp,
}

/// What stands behind a name; `None`: it may not be run. Only the exact name counts: a path to a program of that
/// name could be another program.
pub(super) fn builtin(program: &str) -> Option<BuiltIn> {
    match program {
        "rmail" => Some(BuiltIn::Rmail),
        "rsmtp" => Some(BuiltIn::Rsmtp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_name_is_allowed() {
        assert_eq!(builtin("rmail"), Some(BuiltIn::Rmail));
        assert_eq!(builtin("rsmtp"), Some(BuiltIn::Rsmtp));
        for program in ["/bin/rmail", "./rmail", "RMAIL", "rmail ", "", "sh", "uucp", "rmail;sh", "rmail\0"] {
            assert_eq!(builtin(program), None, "{program:?}");
        }
    }
}
