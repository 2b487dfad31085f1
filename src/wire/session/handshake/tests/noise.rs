//! Two uugates on a line that spoils what they say.

use super::*;

/// What stands for the packet protocol, each way.
const PACKET: &[u8] = b"\x07\0packet";

/// One end, and how far it is.
struct End {
    handshake: Handshake,
    /// How often a caller was to be looked up.
    checks: u32,
    agreed: Option<Agreement>,
    said: Vec<u8>,
    begun: bool,
}

impl End {
    fn new(handshake: Handshake) -> End {
        let handshake = handshake.on_a_noisy_line(true);
        End { handshake, checks: 0, agreed: None, said: Vec::new(), begun: false }
    }

    /// What it says now; behind its handshake a packet.
    fn work(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        loop {
            said.extend(self.handshake.poll_transmit().unwrap_or_default());
            match self.handshake.poll_event() {
                Some(Event::Check(_)) => {
                    self.checks += 1;
                    self.handshake.admit(leaf("gi"));
                    continue;
                }
                Some(Event::Ahead(_)) => {}
                Some(Event::Agreed(agreement)) => self.agreed = Some(agreement),
                Some(other) => panic!("{other:?}"),
                None => break,
            }
            said.extend(self.handshake.poll_transmit().unwrap_or_default());
            if !std::mem::replace(&mut self.begun, true) {
                said.extend(PACKET);
            }
        }
        self.said.extend_from_slice(&said);
        said
    }

    fn hear(&mut self, now: Instant, bytes: &[u8]) {
        for piece in bytes.chunks(5) {
            if self.agreed.is_none() {
                self.handshake.handle_input(now, piece);
            }
        }
    }
}

/// Passes what is said, but for the bits that this spoils of all that go this way.
struct Way {
    spoiled: Vec<usize>,
    bytes: usize,
}

impl Way {
    fn carry(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for bit in &self.spoiled {
            if let Some(byte) = (bit / 8).checked_sub(self.bytes).and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        self.bytes += bytes.len();
        bytes
    }
}

/// A call of leaf with polux on which these bits are spoiled, there and back. How long it took until both agreed.
fn shake(ahead: bool, there: &[usize], back: &[usize]) -> (End, End, Duration) {
    let begin = start();
    let caller = caller();
    let mut near = End::new(if ahead { caller.choosing_ahead() } else { caller });
    let mut far = End::new(Handshake::called(begin, name("polux"), TIME));
    let mut forth = Way { spoiled: there.to_vec(), bytes: 0 };
    let mut backwards = Way { spoiled: back.to_vec(), bytes: 0 };
    let mut now = begin;
    loop {
        let (said, answered) = (forth.carry(near.work()), backwards.carry(far.work()));
        if near.agreed.is_some() && far.agreed.is_some() {
            return (near, far, now - begin);
        }
        let quiet = said.is_empty() && answered.is_empty();
        far.hear(now, &said);
        near.hear(now, &answered);
        if quiet {
            now = [&near, &far]
                .into_iter()
                .filter(|end| end.agreed.is_none())
                .filter_map(|end| end.handshake.poll_timeout())
                .min()
                .unwrap();
            for end in [&mut near, &mut far] {
                if end.handshake.poll_timeout().is_some_and(|at| at <= now) {
                    end.handshake.handle_timeout(now);
                }
            }
        }
    }
}

/// What a whole handshake says, in bits.
fn bits(ahead: bool) -> (usize, usize) {
    let (near, far, time) = shake(ahead, &[], &[]);
    assert_eq!(time, Duration::ZERO);
    let length = |end: &End| (end.said.len() - PACKET.len()) * 8;
    (length(&near), length(&far))
}

/// Both took each other for what they are, and the caller was looked up once.
fn assert_agreed((near, far, time): (End, End, Duration), most: Duration, case: &str) {
    let (ours, theirs) = (near.agreed.unwrap(), far.agreed.unwrap());
    for (agreed, peer) in [(&ours, "polux"), (&theirs, "leaf")] {
        assert_eq!((agreed.protocol, agreed.features), ('i', Features::OURS), "{case}");
        assert_eq!((agreed.peer.as_str(), agreed.worst, agreed.limit), (peer, None, None), "{case}");
        assert!(agreed.knows_already, "{case}");
    }
    assert_eq!(far.checks, 1, "{case}");
    assert!(time <= most, "{case}: {time:?}");
}

/// Whether it makes an end of the message out of what stands between a name and its seal: who says a name alone is an old system,
/// and taken for that.
fn cuts_the_name(bit: usize) -> bool {
    let name = message("Sleaf").len() - 1;
    [name, name + 1].map(|at| at * 8 + 5).contains(&bit)
}

#[test]
fn no_bit_that_is_spoiled_ends_a_call_or_makes_another_of_it() {
    for ahead in [false, true] {
        let (there, back) = bits(ahead);
        let once = Duration::from_secs(10);
        for bit in (0..there).filter(|bit| !cuts_the_name(*bit)) {
            assert_agreed(shake(ahead, &[bit], &[]), once, &format!("{ahead}, there {bit}"));
        }
        for bit in 0..back {
            assert_agreed(shake(ahead, &[], &[bit]), once, &format!("{ahead}, back {bit}"));
        }
    }
}

proptest! {
    /// A bit of each turn, also of what is said again.
    #[test]
    fn a_turn_that_is_spoiled_twice_is_said_a_third_time(
        ahead: bool, there: u16, back: u16, again: u16,
    ) {
        let (there, back, again) = (usize::from(there), usize::from(back), usize::from(again));
        let name = bits(ahead).0;
        let greeting = message("Shere=polux").len() * 8;
        prop_assume!(!cuts_the_name(there % name));
        // The greeting, the greeting said again (twice the same name would be that of another system), and the answer.
        let (first, second) = (back % greeting, (back + 1 + again % (greeting - 1)) % greeting);
        assert_agreed(shake(ahead, &[there % name], &[first, greeting + second]), Duration::from_secs(30), "twice");
    }
}

#[test]
fn a_stranger_does_not_have_more_said_again_than_a_few_words() {
    let now = start();
    let mut called = Handshake::called(now, name("polux"), TIME).on_a_noisy_line(true);
    let greeting = called.poll_transmit().unwrap();
    let mut said = Vec::new();
    for _ in 0..100 {
        called.handle_input(now, b"\x10Sleaf -#0000\0");
        said.extend(called.poll_transmit().unwrap_or_default());
    }
    assert_eq!(said, greeting.repeat(3));
    assert_eq!(called.poll_timeout(), called.deadline());
    // Whatever was said before, it can still say who it is.
    called.handle_input(now, &message(&seal::sealed("Sleaf -R -N02047")));
    assert!(matches!(called.poll_event(), Some(Event::Check(_))));
    called.admit(leaf("gi"));
    let answer = called.poll_transmit().unwrap();
    let mut said = Vec::new();
    for _ in 0..100 {
        called.handle_input(now, &message(&seal::sealed("Sleaf -R -N02047")));
        assert!(called.poll_event().is_none(), "it is looked up once");
        said.extend(called.poll_transmit().unwrap_or_default());
    }
    assert_eq!(said, answer.repeat(3));

    let mut caller = caller().on_a_noisy_line(true).counting();
    caller.handle_input(now, b"\x10Shere=polux\0");
    assert!(matches!(caller.poll_event(), Some(Event::Greeted)));
    caller.introduce(Some(17));
    let name = caller.poll_transmit().unwrap();
    let mut said = Vec::new();
    for _ in 0..100 {
        caller.handle_input(now, b"\x10Shere=polux\0");
        assert!(caller.poll_event().is_none(), "the call is counted once");
        said.extend(caller.poll_transmit().unwrap_or_default());
    }
    assert_eq!(said, name.repeat(3));
}

#[test]
fn on_a_line_that_spoils_nothing_nothing_is_said_again_by_the_clock() {
    for (noisy, times) in [(false, 0), (true, 3)] {
        let mut called = Handshake::called(start(), name("polux"), TIME).on_a_noisy_line(noisy);
        let greeting = called.poll_transmit().unwrap();
        let mut said = Vec::new();
        while called.poll_timeout() != called.deadline() {
            called.handle_timeout(called.poll_timeout().unwrap());
            said.extend(called.poll_transmit().unwrap_or_default());
        }
        assert_eq!(said, greeting.repeat(times));
    }
}

#[test]
fn another_system_is_told_from_a_name_that_noise_has_changed() {
    let wrong = |handshake: &mut Handshake| match failure(handshake) {
        SessionError::WrongSystem { found, .. } => found,
        other => panic!("{other:?}"),
    };
    let now = start();
    let asked = || caller().on_a_noisy_line(true);
    // Twice the same is no noise.
    let mut handshake = asked();
    handshake.handle_input(now, b"\x10Shere=castor\0");
    assert!(handshake.poll_event().is_none());
    handshake.handle_input(now, b"\x10Shere=castor\0");
    assert_eq!(wrong(&mut handshake), "castor");
    // Nor is one that is not said again.
    let mut handshake = asked();
    let whole = handshake.deadline();
    handshake.handle_input(now, b"\x10Shere=castor\0");
    assert!(handshake.deadline() < whole);
    handshake.handle_timeout(handshake.deadline().unwrap());
    assert_eq!(wrong(&mut handshake), "castor");
    let mut handshake = asked();
    handshake.handle_input(now, b"\x10Shere=castor\0");
    assert!(matches!(handshake.hung_up(), Some(SessionError::WrongSystem { .. })));
    let mut handshake = asked();
    handshake.handle_input(now, b"\x10Shere=pomux\0\x10Shere=polux\0");
    assert_eq!(said(&mut handshake), "<Sleaf -R -N02047>");
}

#[test]
fn a_stranger_under_a_whole_seal_is_refused_and_a_name_under_a_broken_one_is_asked_for_again() {
    let mut called = Handshake::called(start(), name("polux"), TIME).on_a_noisy_line(true);
    said(&mut called);
    let whole = seal::sealed("Sleaf -R -N02047");
    called.handle_input(start(), &message(&whole.replace("leaf", "lead")));
    assert!(called.poll_event().is_none());
    assert_eq!(said(&mut called), "<Shere=polux>");
    called.handle_input(start(), &message(&seal::sealed("Slead -R -N02047")));
    assert!(matches!(called.poll_event(), Some(Event::Check(who)) if who.name == "lead"));
    called.deny(Denial::Unknown);
    assert_eq!(called.poll_transmit().unwrap(), message(&seal::sealed("RYou are unknown to me")));
}
