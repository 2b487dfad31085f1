//! Kinds of peers, as data: what is taken for granted of a program, and what is said to it, where its handshake does not
//! show it. A machine reads the fields and never the name.
//!
//! Sources: the manual, "The Initial Handshake" (options, who cuts and who restarts), "g Protocol", "Big G Protocol" and
//! "v Protocol" (windows and packets); `docs/peers.md` says it in words.

use super::Features;
use super::features::Told;

/// What is known of a kind of peer.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: &'static str,
    /// What we tell it that we can do, behind `-N` and `ROKN`; `None`: it knows of no such number.
    pub ours: Option<Features>,
    /// `-R` is said to it.
    pub says_restart: bool,
    /// `-U` is said to it: the largest file that we take.
    pub says_limit: bool,
    /// `-p` and `-vgrade=` are said to it, if the call is for some grades.
    pub says_grade: bool,
    /// What it can do; `None`: what it shows.
    pub features: Option<Features>,
    /// What it may send by g before an acknowledgement; `None`: much, if it shows any feature.
    pub packets: Option<Packets>,
    /// The protocols to use with it, best first; empty: all that the line is fit for.
    pub protocols: &'static str,
    /// It knows systems by so many characters of their names; `None`: by all.
    pub name_length: Option<usize>,
}

/// What the other end may send before an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packets {
    /// Packets, 1 to 7.
    pub window: u8,
    /// Bytes of data in each: a power of two, 32 to 4096.
    pub size: u16,
}

impl Packets {
    /// Old systems die of more (the manual, "g Protocol").
    pub const OLD: Packets = Packets { window: 3, size: 64 };
    /// A full window of the small packets, which younger ones are fixed at.
    pub const SMALL: Packets = Packets { window: 7, size: 64 };
    /// Under the 16 KiB in flight that Taylor UUCP bears.
    pub const USUAL: Packets = Packets { window: 7, size: 2048 };
}

impl Profile {
    /// Nothing is known: what it shows counts.
    pub const SHOWN: Profile = Profile {
        name: "",
        ours: Some(Features::OURS),
        says_restart: true,
        says_limit: false,
        says_grade: true,
        features: None,
        packets: None,
        protocols: "",
        name_length: None,
    };

    /// The first systems: a name and perhaps a number, 7 characters, g.
    const V7: Profile = Profile {
        name: "v7",
        ours: None,
        says_restart: false,
        says_grade: false,
        features: Some(Features::NONE),
        packets: Some(Packets::OLD),
        protocols: "g",
        name_length: Some(7),
        ..Profile::SHOWN
    };

    /// By name.
    pub const ALL: [Profile; 6] = [
        Profile { name: "taylor", ours: Some(Features::TAYLOR), ..Profile::SHOWN },
        // HoneyDanBer.
        Profile {
            name: "hdb",
            says_grade: true,
            packets: Some(Packets::SMALL),
            protocols: "eg",
            ..Profile::V7
        },
        // System V Release 4: sizes behind a dummy, restart, -U; its g is fixed at 64 bytes, G is for larger ones.
        Profile {
            name: "svr4",
            ours: None,
            says_limit: true,
            features: Some(Features::SVR4),
            packets: Some(Packets::SMALL),
            protocols: "eGg",
            name_length: Some(14),
            ..Profile::SHOWN
        },
        Profile { name: "bsd", says_grade: true, protocols: "tfg", name_length: Some(14), ..Profile::V7 },
        Profile::V7,
        // UUPC/extended: v, and g in small packets.
        Profile {
            name: "uupc",
            ours: Some(Features::TAYLOR),
            packets: Some(Packets::SMALL),
            protocols: "vgG",
            ..Profile::SHOWN
        },
    ];

    pub fn named(name: &str) -> Option<&'static Profile> {
        const ALL: &[Profile] = &Profile::ALL;
        ALL.iter().find(|profile| profile.name == name)
    }

    /// What both ends can do, by what the peer has told and whether it has said `-R`.
    pub fn agree(&self, told: Told, restart: bool) -> Features {
        let theirs = self.features.unwrap_or(match told {
            Told::Nothing if restart => Features::RESTART,
            told => told.features(),
        });
        Features::OURS.agree(theirs).within(self.ours)
    }

    /// Whether it knows the answer "received before" (SN8, EN8): Taylor UUCP's own, which numbers its features.
    pub fn knows_already(&self, told: Told, agreed: Features) -> bool {
        self.ours.is_some() && matches!(told, Told::Number(_)) && agreed.has(Features::RESTART)
    }

    /// A name as the peer knows it.
    pub fn cut<'a>(&self, name: &'a str) -> &'a str {
        // Names of systems are ASCII.
        self.name_length.and_then(|length| name.get(..length)).unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_is_found_by_its_name() {
        for profile in &Profile::ALL {
            assert_eq!(Profile::named(profile.name), Some(profile));
        }
        assert_eq!((Profile::named(""), Profile::named("uugate")), (None, None));
    }

    #[test]
    fn what_is_known_of_a_peer_counts_before_what_it_shows() {
        let agreed =
            |name: &str, told, restart| Profile::named(name).unwrap().agree(told, restart).to_string();
        let number = Told::Number(Features::OURS);
        assert_eq!(agreed("taylor", number, true), "047");
        assert_eq!(agreed("taylor", Told::Unnumbered, true), "011");
        assert_eq!(agreed("taylor", Told::Nothing, true), "02");
        assert_eq!(agreed("svr4", Told::Nothing, false), "023");
        for old in ["hdb", "bsd", "v7"] {
            assert_eq!(agreed(old, number, true), "00", "{old}");
        }
        assert_eq!(Profile::SHOWN.agree(number, true), Features::OURS);
    }

    #[test]
    fn received_before_is_said_to_who_numbers_its_features_alone() {
        let knows = |profile: &Profile, told| profile.knows_already(told, profile.agree(told, true));
        let number = Told::Number(Features::TAYLOR);
        assert!(knows(&Profile::SHOWN, number));
        assert!(!knows(&Profile::SHOWN, Told::Nothing) && !knows(&Profile::SHOWN, Told::Unnumbered));
        assert!(!knows(Profile::named("svr4").unwrap(), number));
    }

    #[test]
    fn names_are_cut_as_the_peer_cuts_them() {
        let cut = |name: &str| Profile::named(name).unwrap().cut("barberouge-on-sea");
        assert_eq!(
            (cut("v7"), cut("svr4"), cut("taylor")),
            ("barbero", "barberouge-on-", "barberouge-on-sea")
        );
        assert_eq!(Profile::V7.cut("leaf"), "leaf");
    }
}
