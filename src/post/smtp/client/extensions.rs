//! What a server offers: the lines of its answer to EHLO.

/// Extensions that are used here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    pub pipelining: bool,
    /// SIZE; with the largest message, in bytes, if the server has such a limit.
    pub size: Option<Option<u64>>,
    pub eight_bit: bool,
    pub dsn: bool,
    pub start_tls: bool,
    pub auth_plain: bool,
    pub auth_login: bool,
}

impl Extensions {
    /// `lines` are those of the answer; the first one is a greeting.
    pub fn parse(lines: &[String]) -> Extensions {
        let mut found = Extensions::default();
        for line in lines.iter().skip(1) {
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "PIPELINING" => found.pipelining = true,
                // 0, or nothing: no limit is known.
                "SIZE" => {
                    let limit = words.next().and_then(|limit| limit.parse().ok());
                    found.size = Some(limit.filter(|limit| *limit > 0));
                }
                "8BITMIME" => found.eight_bit = true,
                "DSN" => found.dsn = true,
                "STARTTLS" => found.start_tls = true,
                // `AUTH=` is how it was written before RFC 2554.
                "AUTH" => {
                    for mechanism in words {
                        found.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                        found.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The limit on messages, if it is less than `size` bytes.
    pub fn too_small_for(&self, size: u64) -> Option<u64> {
        self.size.flatten().filter(|limit| *limit < size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_offers_is_read_in_every_case_and_form() {
        let lines =
            ["mx STARTTLS", "pipelining", "SIZE 1000", "8bitmime", "Auth=login", "AUTH plain cram-md5", "X"];
        let found = Extensions::parse(&lines.map(str::to_owned));
        let expected = Extensions {
            pipelining: true,
            size: Some(Some(1000)),
            eight_bit: true,
            auth_plain: true,
            auth_login: true,
            ..Extensions::default()
        };
        assert_eq!(found, expected);
        assert_eq!((found.too_small_for(1000), found.too_small_for(1001)), (None, Some(1000)));
        for unlimited in ["SIZE", "SIZE 0", "SIZE many"] {
            let found = Extensions::parse(&["mx", unlimited].map(str::to_owned));
            assert_eq!((found.size, found.too_small_for(u64::MAX)), (Some(None), None), "{unlimited}");
        }
    }
}
