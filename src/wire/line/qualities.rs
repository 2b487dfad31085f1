//! What a line is fit for: by these the protocols that may run on it are chosen (the manual, "Protocol Selection":
//! `seven-bit`, `reliable`, `half-duplex` of a port).

/// What the bytes of a line can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Qualities {
    /// The eighth bit of a byte arrives as it was sent.
    pub eight_bit: bool,
    /// XON and XOFF are the line's own, and do not arrive.
    pub xon_xoff: bool,
    /// Nothing is lost or changed on the way: a network, a pipe. Error-correcting modems count only if the configuration
    /// says so, for between modem and computer nothing is checked.
    pub reliable: bool,
    /// Both ends may send at once.
    pub full_duplex: bool,
}

impl Qualities {
    /// A network connection or a pipe.
    pub const STREAM: Qualities =
        Qualities { eight_bit: true, xon_xoff: false, reliable: true, full_duplex: true };
    /// A serial line with eight data bits, and what nothing is known of.
    pub const SERIAL: Qualities = Qualities { reliable: false, ..Qualities::STREAM };

    /// Whether every byte value arrives as it was sent.
    pub fn is_transparent(self) -> bool {
        self.eight_bit && !self.xon_xoff
    }

    /// The same, where the configuration knows better; who says that the eighth bit arrives means every byte.
    pub fn declared(self, declared: Declared) -> Qualities {
        Qualities {
            eight_bit: declared.eight_bit.unwrap_or(self.eight_bit),
            xon_xoff: self.xon_xoff && declared.eight_bit != Some(true),
            reliable: declared.reliable.unwrap_or(self.reliable),
            full_duplex: declared.full_duplex.unwrap_or(self.full_duplex),
        }
    }

    /// The same on a connection between modems, of which it may be known whether they correct errors. Where they do not, nothing is
    /// reliable, for what was declared of the line was said of those that do.
    pub fn on_modems(self, corrected: Option<bool>) -> Qualities {
        Qualities { reliable: self.reliable && corrected != Some(false), ..self }
    }
}

impl Default for Qualities {
    fn default() -> Self {
        Qualities::SERIAL
    }
}

/// What the configuration says of a line; `None`: as its kind has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Declared {
    pub eight_bit: Option<bool>,
    pub reliable: Option<bool>,
    pub full_duplex: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_counts_and_the_kind_says_the_rest() {
        let declared = Declared { reliable: Some(true), ..Declared::default() };
        assert_eq!(Qualities::SERIAL.declared(declared), Qualities::STREAM);
        assert_eq!(Qualities::STREAM.on_modems(Some(false)), Qualities::SERIAL);
        for corrected in [None, Some(true)] {
            assert_eq!(Qualities::STREAM.on_modems(corrected), Qualities::STREAM);
            assert_eq!(
                Qualities::SERIAL.on_modems(corrected),
                Qualities::SERIAL,
                "not unless it is declared"
            );
        }
        let radio = Declared { full_duplex: Some(false), eight_bit: Some(false), reliable: None };
        let qualities = Qualities::STREAM.declared(radio);
        assert_eq!(qualities, Qualities { eight_bit: false, full_duplex: false, ..Qualities::STREAM });
        let stopped = Qualities { xon_xoff: true, ..Qualities::SERIAL };
        assert!(!stopped.is_transparent() && !stopped.declared(Declared::default()).is_transparent());
        let known_better = Declared { eight_bit: Some(true), ..Declared::default() };
        assert!(stopped.declared(known_better).is_transparent());
    }
}
