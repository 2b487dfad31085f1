//! The transports, by the names that smail gave them.
//!
//! | name | what it does |
//! | --- | --- |
//! | `local`, `pipe`, `file` | into a mailbox, a program, a file here |
//! | `uux` | an `rmail` job for the next call: at most 5 addresses, 200 characters |
//! | `uux-one-addr` | the same with one address a job, in bang form, for 4.1BSD |
//! | `demand` | as `uux`, and the system is called for it |
//! | `uusmtp` | a batch for `rsmtp`, with any number of recipients |
//! | `demand-uusmtp` | as `uusmtp`, and the system is called for it |
//! | `queueonly` | kept until somebody releases it |
//! | `smtp` | by SMTP, to a host or to who takes mail for a domain |
//!
//! What a transport does beyond its name (how many addresses, which grade, how addresses are written) is set for each
//! neighbour: [`super::Neighbour`].

use serde::{Deserialize, Serialize};
use std::fmt;

/// How mail goes on from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Local,
    Pipe,
    File,
    #[default]
    Uux,
    UuxOneAddr,
    Demand,
    Uusmtp,
    DemandUusmtp,
    Queueonly,
    Smtp,
}

impl Transport {
    pub const ALL: [Transport; 10] = [
        Transport::Local,
        Transport::Pipe,
        Transport::File,
        Transport::Uux,
        Transport::UuxOneAddr,
        Transport::Demand,
        Transport::Uusmtp,
        Transport::DemandUusmtp,
        Transport::Queueonly,
        Transport::Smtp,
    ];

    /// The transport of that name; smail's `uux_one_addr` and `demand_uusmtp` are known too.
    pub fn named(name: &str) -> Option<Transport> {
        let name = name.replace('_', "-");
        Transport::ALL.into_iter().find(|transport| transport.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Transport::Local => "local",
            Transport::Pipe => "pipe",
            Transport::File => "file",
            Transport::Uux => "uux",
            Transport::UuxOneAddr => "uux-one-addr",
            Transport::Demand => "demand",
            Transport::Uusmtp => "uusmtp",
            Transport::DemandUusmtp => "demand-uusmtp",
            Transport::Queueonly => "queueonly",
            Transport::Smtp => "smtp",
        }
    }

    /// The word by which the queue knows it: several names share what is done, and differ in the settings.
    pub fn in_queue(self) -> &'static str {
        match self {
            Transport::UuxOneAddr | Transport::Demand => "uux",
            Transport::DemandUusmtp => "uusmtp",
            other => other.name(),
        }
    }

    /// Mail by it becomes a job for a UUCP neighbour.
    pub fn is_uucp(self) -> bool {
        matches!(self.in_queue(), "uux" | "uusmtp")
    }

    /// The neighbour is called as soon as there is mail, as far as hours and budgets allow.
    pub fn is_demand(self) -> bool {
        matches!(self, Transport::Demand | Transport::DemandUusmtp)
    }

    /// Its recipients stand on the command line of `rmail`, which takes plain words alone.
    pub fn is_rmail(self) -> bool {
        self.in_queue() == "uux"
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a held delivery becomes when it is released: its `site` in the queue, `uux polux`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnRelease<'a> {
    pub transport: &'a str,
    pub site: &'a str,
}

impl<'a> OnRelease<'a> {
    /// Reads the `site` of a delivery by `queueonly`.
    pub fn parse(site: &'a str) -> Option<OnRelease<'a>> {
        let (transport, site) = site.split_once(' ')?;
        Some(OnRelease { transport, site })
    }
}

impl fmt::Display for OnRelease<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport, self.site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transport_is_known_by_its_name_and_by_that_of_smail() {
        for transport in Transport::ALL {
            assert_eq!(Transport::named(transport.name()), Some(transport));
            assert_eq!(Transport::named(&transport.name().replace('-', "_")), Some(transport));
            assert_eq!(serde_json::to_value(transport).unwrap(), transport.name());
        }
        assert_eq!(Transport::named("ether"), None);
    }

    #[test]
    fn names_that_do_the_same_share_a_word_in_the_queue() {
        assert_eq!(Transport::Demand.in_queue(), "uux");
        assert_eq!(Transport::DemandUusmtp.in_queue(), "uusmtp");
        assert!(Transport::UuxOneAddr.is_rmail() && !Transport::Uusmtp.is_rmail());
        assert!(!Transport::Queueonly.is_uucp() && !Transport::Smtp.is_uucp());
    }

    #[test]
    fn what_is_held_remembers_its_way() {
        let way = OnRelease { transport: "smtp", site: "[mail.example]:25" };
        assert_eq!(OnRelease::parse(&way.to_string()), Some(way));
        assert_eq!(OnRelease::parse("polux"), None);
    }
}
