//! Whole calls with each kind of peer, by script: it is called, and it calls. Each brings a message and is brought one.

use super::player::Player;
use super::*;
use crate::wire::link::Role;
use crate::wire::session::Profile;

/// A kind of peer: its profile, and what it says.
struct Kind {
    profile: &'static str,
    letter: char,
    /// The window and the packets that it is told of.
    told: (u8, u16),
    /// The handshake when it is called.
    called: &'static str,
    /// The handshake when it calls.
    calls: &'static str,
    work: &'static Conversation,
}

/// What goes over the packets.
struct Conversation {
    /// When it was called: takes a message, refuses a file, and has a message of its own.
    called: &'static str,
    /// When it has called: the other way round.
    calls: &'static str,
}

/// Pairs of files, no sizes, bare refusals, stale bytes, HY again and again.
const PAIRS: Conversation = Conversation {
    called: "
        packets
        < S D.* D.barbero* jan -C D.* 0666
        > SY
        < file 12
        > CY
        < S D.* X.barbero* jan -C D.X* 0666
        > raw SY^@stale
        < file *
        > CY
        < S /home/jan/plan /etc/plan jan -Cd D.* 0644
        > SN
        < H
        > HN
        > S D.poluxC0001 D.poluxC0001 root -C D.poluxC0001 0600
        < SY
        > text Subject: back^J^Jtext^J
        < CY
        > S D.poluxX0001 X.poluxC0001 root -C D.poluxX0001 0600
        < SY
        > text U root polux^JF D.poluxC0001^JI D.poluxC0001^JC rmail jan^J
        < CY
        > R /etc/passwd /tmp/x root - (null) 666
        < RN2
        > raw H^@passwd /tmp/x root
        < HY
        > HY
        > HY
        close
        > ^POOOOOOO^J
        < ^POOOOOO^@",
    calls: "
        packets
        > S D.poluxC0002 D.poluxC0002 root -C D.poluxC0002 0600
        < SY
        > text Subject: back^J^Jtext^J
        < CY
        > S D.poluxX0002 X.poluxC0002 root -C D.poluxX0002 0600
        < SY
        > text U root polux^JF D.poluxC0002^JI D.poluxC0002^JC rmail jan^J
        < CY
        > H
        < HN
        < S D.* D.barbero* jan -C D.* 0666
        > SY
        < file 12
        > CYM
        < S D.* X.barbero* jan -C D.X* 0666
        > SY
        < file *
        > CY
        < H
        > HN
        > H
        < HY
        > HY
        close
        > ^POOOOOO^J
        < ^POOOOOOO^@",
};

/// Pairs with sizes behind a dummy; too large is 10.
const SVR4: Conversation = Conversation {
    called: "
        packets
        < S D.* D.barbero* jan -C D.* 0666 \"\" dummy 0xc
        > SY 0x0
        < file 12
        > CY
        < S D.* X.barbero* jan -C D.X* 0666 \"\" dummy 0x*
        > SY 0x0
        < file *
        > CY
        < S /home/jan/plan /etc/plan jan -Cd D.* 0644 \"\" dummy 0x4
        > SN10
        < H
        > HN
        > S D.poluxC0001 D.poluxC0001 root -C D.poluxC0001 0600 dummy dummy 0x14
        < SY
        > text Subject: back^J^Jtext^J
        < CY
        > S D.poluxX0001 X.poluxC0001 root -C D.poluxX0001 0600 dummy dummy 0x39
        < SY
        > text U root polux^JF D.poluxC0001^JI D.poluxC0001^JC rmail jan^J^J^J
        < CY
        > H
        < HY
        > HY
        close
        > ^POOOOOOO^@
        < ^POOOOOO^@",
    calls: "
        packets
        > S /tmp/large ~/large root -d D.0 0644 dummy dummy 0x7fffffff
        < SN7
        > S D.poluxC0002 D.poluxC0002 root -C D.poluxC0002 0600 dummy dummy 0x14
        < SY
        > text Subject: back^J^Jtext^J
        < CY
        > S D.poluxX0002 X.poluxC0002 root -C D.poluxX0002 0600 dummy dummy 0x39
        < SY
        > text U root polux^JF D.poluxC0002^JI D.poluxC0002^JC rmail jan^J^J^J
        < CY
        > H
        < HN
        < S D.* D.barbero* jan -C D.* 0666 \"\" dummy 0xc
        > SY 0x0
        < file 12
        > CY
        < S D.* X.barbero* jan -C D.X* 0666 \"\" dummy 0x*
        > SY 0x0
        < file *
        > CY
        < H
        > HY
        < HY
        close
        > ^POOOOOO^@
        < ^POOOOOOO^@",
};

/// E commands.
const EXECUTE: Conversation = Conversation {
    called: "
        packets
        < E D.* D.barbero* jan -C D.* 0666 \"\" 0xc rmail ann
        > EY 0x0
        < file 12
        > CY
        < S /home/jan/plan /etc/plan jan -Cd D.* 0644 \"\" 0x4
        > SN2
        < H
        > HN
        > E D.0001 D.poluxC0001 root -C D.0001 0666 \"\" 0x14 rmail jan
        < EY
        > text Subject: back^J^Jtext^J
        < CY
        > H
        < HY
        > HY
        close
        > ^POOOOOOO^@
        < ^POOOOOO^@",
    calls: "
        packets
        > E D.0002 D.poluxC0002 root -C D.0002 0666 \"\" 0x14 rmail jan
        < EY
        > text Subject: back^J^Jtext^J
        < CY
        > H
        < HN
        < E D.* D.barbero* jan -C D.* 0666 \"\" 0xc rmail ann
        > EY 0x0
        < file 12
        > CY
        < H
        > HY
        < HY
        close
        > ^POOOOOO^@
        < ^POOOOOOO^@",
};

const KINDS: [Kind; 6] = [
    Kind {
        profile: "v7",
        letter: 'g',
        told: (3, 64),
        called: "
            > login: ^J^PShere^J
            < ^PSbarbero -Q1^@
            > ^PROK^J^PPg^J
            < ^PUg^@",
        calls: "
            < ^PShere=barberouge^@
            > ^PSpolux -Q2 -x3^J
            < ^PROK^@
            < ^PPg^@
            > ^PUg^J",
        work: &PAIRS,
    },
    Kind {
        profile: "bsd",
        letter: 'g',
        told: (3, 64),
        called: "
            > ^PShere=polux^M^J
            < ^PSbarberouge -Q1^@
            > ^PROK^M^J^PPtg^M^J
            < ^PUg^@",
        calls: "
            < ^PShere=barberouge^@
            > ^PSpolux -Q2 -pz^M^J
            < ^PROK^@
            < ^PPg^@
            > ^PUg^M^J",
        work: &PAIRS,
    },
    Kind {
        profile: "hdb",
        letter: 'g',
        told: (7, 64),
        called: "
            > ^PShere=polux^@
            < ^PSbarbero -Q1^@
            > ^PROK^@^PPeg^@
            < ^PUg^@",
        calls: "
            < ^PShere=barberouge^@
            > ^PSpolux -Q2 -x9^@
            < ^PROK^@
            < ^PPg^@
            > ^PUg^@",
        work: &PAIRS,
    },
    Kind {
        profile: "svr4",
        letter: 'G',
        told: (7, 64),
        called: "
            > ^PShere=polux^@
            < ^PSbarberouge -R -U0x200000^@
            > ^PROK -R -U0x1000^@^PPeGg^@
            < ^PUG^@",
        calls: "
            < ^PShere=barberouge^@
            > ^PSpolux -Q0 -x0 -R -U0x1000^@
            < ^PROK -R -U0x200000^@
            < ^PPGg^@
            > ^PUG^@",
        work: &SVR4,
    },
    Kind {
        profile: "uupc",
        letter: 'v',
        told: (7, 1024),
        called: "
            > ^PShere=polux^@
            < ^PSbarberouge -R -N047^@
            > ^PROK^@^PPvg^@
            < ^PUv^@",
        calls: "
            < ^PShere=barberouge^@
            > ^PSpolux -pz -vgrade=z^@
            < ^PROK^@
            < ^PPvgG^@
            > ^PUv^@",
        work: &PAIRS,
    },
    Kind {
        profile: "taylor",
        letter: 'g',
        told: (7, 2048),
        called: "
            > ^PShere=polux^@
            < ^PSbarberouge -R -N047^@
            > ^PROKN047^@^PPagGjfvy^@
            < ^PUg^@",
        calls: "
            < ^PShere=barberouge^@
            > ^PSpolux -R -N047^@
            < ^PROKN047^@
            < ^PP*g*^@
            > ^PUg^@",
        work: &EXECUTE,
    },
];

#[tokio::test]
async fn each_kind_of_peer_is_brought_mail_and_brings_it_called_and_calling() {
    for kind in &KINDS {
        let mut us = Site::new("barberouge", "polux");
        us.neighbour().profile = Profile::named(kind.profile).unwrap();
        us.neighbour().sequence = kind.called.contains("-Q");
        let connected = || Connected { qualities: Qualities::SERIAL, ..Connected::default() };
        let watch = Watch::nobody();

        us.mail("ann", b"hello world\n").await;
        us.submit(plan("/etc/plan"), b"plan").await;
        let (ours, theirs) = duplex(4096);
        let polux = name("polux");
        let lease = begin(&us.spool, &us.node, &polux, "modem").await.unwrap();
        let script = [kind.called, kind.work.called].join("\n");
        let (placed, told) = tokio::join!(
            place(ours, &us.node, &polux, lease, connected(), &us.spool, &watch),
            Player::new(theirs).play(&script, kind.letter, Role::Called),
        );
        let placed = placed.record;
        assert_eq!((placed.failure, told.ok()), (None, Some(kind.told)), "{}", kind.profile);
        assert_eq!(placed.jobs_sent, 1, "{}", kind.profile);
        let brought = [("rmail jan".to_owned(), b"Subject: back\n\ntext\n".to_vec())];
        assert_eq!(us.arrived().await, brought, "{}", kind.profile);

        us.mail("ann", b"hello world\n").await;
        let (ours, theirs) = duplex(4096);
        let script = [kind.calls, kind.work.calls].join("\n");
        let (answered, told) = tokio::join!(
            answer(ours, &us.node, Login::Trusted, connected(), &us.spool, &watch),
            Player::new(theirs).play(&script, kind.letter, Role::Caller),
        );
        assert_eq!((answered.record.failure, told.ok()), (None, Some(kind.told)), "{}", kind.profile);
        assert_eq!(answered.record.jobs_sent, 1, "{}", kind.profile);
        assert_eq!(us.arrived().await, brought, "{}", kind.profile);
        // What was refused is kept; nothing else is left.
        assert_eq!(us.waiting().await, 1, "{}", kind.profile);
    }
}
