//! What a peer may put here and fetch from here. Names are judged as text: where they lead on disk is judged again
//! by whoever opens them.
//!
//! The default is that of the manual, "Miscellaneous Security": files go to and come from the public directory, nowhere
//! else. Commands are not judged here: whatever is sent for execution is taken whole, and what may not run is kept in
//! quarantine by `execute` with a notice to its requestor. So nothing is lost that the other end has let go of.

/// What one peer may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// It may send: files into the public directory, and commands with what they work on. Default: yes.
    pub put: bool,
    /// It may ask for files of the public directory. Default: yes.
    pub fetch: bool,
    /// The largest file taken from it, in bytes. Default: 1 GiB.
    pub largest: u64,
}

impl Default for Permissions {
    fn default() -> Permissions {
        Permissions { put: true, fetch: true, largest: 1 << 30 }
    }
}

/// The longest path that is taken from a peer, in bytes.
pub const LONGEST_PATH: usize = 1024;
/// The longest name of a spool file, in bytes; old packages keep to 14.
const LONGEST_SPOOL_NAME: usize = 64;

/// A path below the public directory, written `~/a/b`, from a name of a peer. A name that ends in `/` (or is the public
/// directory itself) gets the last part of `from`. `None`: it leads elsewhere.
///
/// `public` is the absolute path of the public directory: a peer may name it so.
pub fn public_path(name: &str, from: Option<&str>, public: &str) -> Option<String> {
    let below = match name.strip_prefix("~/") {
        Some(below) => below,
        None if name == "~" => "",
        None => {
            let below = name.strip_prefix(public.trim_end_matches('/'))?;
            // Only a whole part counts, and "/" alone is not a public directory.
            below.strip_prefix('/').filter(|_| public.len() > 1)?
        }
    };
    let mut parts: Vec<&str> = below.split('/').collect();
    if parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
        parts.push(from?.rsplit('/').next()?);
    }
    let sound = |part: &&str| !matches!(*part, "" | "." | "..") && !part.chars().any(char::is_control);
    let path = format!("~/{}", parts.join("/"));
    (parts.iter().all(sound) && path.len() <= LONGEST_PATH).then_some(path)
}

/// What a spool name of a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpoolName {
    Data,
    Execution,
}

/// Whether a name is one of a spool file: `D.` or `X.` and then letters, digits and `. _ -`. `None`: it is not.
pub fn spool_name(name: &str) -> Option<SpoolName> {
    let kind = match name.get(..2)? {
        "D." => SpoolName::Data,
        "X." => SpoolName::Execution,
        _ => return None,
    };
    let rest = name.get(2..)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let sound = !rest.is_empty()
        && name.len() <= LONGEST_SPOOL_NAME
        && rest.bytes().all(plain)
        && !rest.contains("..");
    sound.then_some(kind)
}

/// Whether other systems may take a name for that of a file in their spool, where no file of a user's may go: an `X.` is carried
/// out in the name of whoever it says.
pub fn goes_to_spool(name: &str) -> bool {
    ["C.", "D.", "X."].iter().any(|kind| name.starts_with(kind)) && !name.contains('/')
}

/// Whether TEMP names a real file in the peer's spool, so that it stands for the same bytes in another call. `D.0` is
/// the dummy of the manual ("The S Command").
pub fn real_temp(temp: &str) -> bool {
    temp != "D.0" && spool_name(temp) == Some(SpoolName::Data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "/var/spool/uucppublic";

    fn path(name: &str) -> Option<String> {
        public_path(name, Some("/home/jan/plan"), PUBLIC)
    }

    #[test]
    fn a_name_below_the_public_directory_is_taken() {
        assert_eq!(path("~/x").as_deref(), Some("~/x"));
        assert_eq!(path("~/in/x").as_deref(), Some("~/in/x"));
        assert_eq!(path("~/").as_deref(), Some("~/plan"));
        assert_eq!(path("~/in/").as_deref(), Some("~/in/plan"));
        assert_eq!(path("/var/spool/uucppublic/x").as_deref(), Some("~/x"));
        assert_eq!(path("~/x..y").as_deref(), Some("~/x..y"));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not() {
        for name in [
            "/etc/passwd",
            "etc",
            "~root/x",
            "~/../x",
            "~/a/../../x",
            "~//etc/x",
            "~/a//b",
            "~/./x",
            "~/..",
            "~/a\nb",
            "~/a\u{7f}",
            "/var/spool/uucppublic",
            "/var/spool/uucppublicx/y",
            "/var/spool/uucppublic/../x",
            "//var/spool/uucppublic/x",
            "",
            "~~/x",
            "D.x",
        ] {
            assert_eq!(path(name), None, "{name:?}");
        }
        assert_eq!(public_path("~/", Some("/home/jan/.."), PUBLIC), None);
        assert_eq!(public_path("~/", Some("/home/jan/"), PUBLIC), None);
        assert_eq!(public_path("/etc/passwd", None, "/"), None);
        assert_eq!(path(&format!("~/{}", "x".repeat(2000))), None);
    }

    #[test]
    fn spool_names_have_no_paths_in_them() {
        assert_eq!(spool_name("D.alphaN0002"), Some(SpoolName::Data));
        assert_eq!(spool_name("X.alphaN0002"), Some(SpoolName::Execution));
        for name in ["D.", "C.x", "D./x", "D.a/b", "D..x/..", "D...", "d.x", "D.\n", "D.é", "", "D"] {
            assert_eq!(spool_name(name), None, "{name:?}");
        }
        assert!(real_temp("D.0001") && !real_temp("D.0") && !real_temp("X.0001"));
    }
}
