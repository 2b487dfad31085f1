//! How one side of one option comes to be on or off: RFC 1143, "The Q method", without its queue, for we ask once and
//! never change our mind.

/// Whether a side does what an option says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    No,
    Yes,
    /// We asked for it, and it is for the other side to say.
    Asked,
}

/// What is to be said to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it is an answer, or says what is so already. Answering those is how two sides never end.
    None,
    Agree,
    Refuse,
}

impl Side {
    /// The other side says that it shall be on, or off.
    pub fn hear(&mut self, on: bool, agreeable: bool) -> Change {
        match (*self, on) {
            (Side::No, true) if agreeable => {
                *self = Side::Yes;
                Change::Agree
            }
            (Side::No, true) => Change::Refuse,
            (Side::Yes, false) => {
                *self = Side::No;
                Change::Refuse
            }
            (Side::Asked, on) => {
                *self = if on { Side::Yes } else { Side::No };
                Change::None
            }
            (Side::Yes, true) | (Side::No, false) => Change::None,
        }
    }
}
