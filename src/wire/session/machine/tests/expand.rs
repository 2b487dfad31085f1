//! X both ways: files that are sent by a pattern.

use super::*;
use crate::job::Expand;
use crate::wire::session::Expansion;

fn asked(text: &str) -> (Vec<Said>, Vec<Ask>) {
    let mut end = End::new(false, 1, TAYLOR);
    end.machine = end.machine.also_known_as(["pollux-the-second".parse().unwrap()]);
    end.starts();
    let said = end.hears(ONLY, text);
    assert_eq!(end.hears(ONLY, "S x ~/x jan -C D.1 0666 \"\" 0x1"), [command(ONLY, "SY")], "it goes on");
    (said, end.asked)
}

#[test]
fn what_fits_is_queued_for_the_one_who_asks() {
    for system in ["polux", "pollux-the-second", "pollux-"] {
        let (said, asked) = asked(&format!("X ~/*.txt {system}!/home/jan/in/ jan -d"));
        assert_eq!(said, [command(ONLY, "XY")]);
        let (pattern, to, user) = ("~/*.txt".to_owned(), "/home/jan/in/".to_owned(), "jan".to_owned());
        let expansion = Expansion { pattern, to, user, make_directories: true };
        assert_eq!(asked.first(), Some(&Ask::Expand(expansion)));
    }
    assert_eq!(asked("X ~/*.doc polux!~/in/ jan -d").0, [command(ONLY, "XN")], "there is none");
    let (_, asked) = asked("X /public/*.txt polux! jan -f");
    let Some(Ask::Expand(expansion)) = asked.first() else { panic!("{asked:?}") };
    assert_eq!((&*expansion.pattern, &*expansion.to, expansion.make_directories), ("~/*.txt", "~/", false));
}

#[test]
fn nothing_is_looked_for_outside_or_for_others() {
    for text in [
        "X /etc/* polux!~/in/ jan -d",
        "X ~/../* polux!~/in/ jan -d",
        "X ~root/* polux!~/in/ jan -d",
        "X ~/*.txt leaf!~/in/ jan -d",
        "X ~/*.txt moria!~/in/ jan -d",
        "X ~/*.txt polux!moria!~/in/ jan -d",
        "X ~/*.txt ~/in/ jan -d",
        "X ~/*.txt polux!~/a\\012b jan -dq",
        "X ~/*.txt",
        "X moria!~/*.txt polux!~/in/ jan -d",
        "X ~/*.txt polux!X.leafC0001 jan -d",
    ] {
        let (said, asked) = asked(text);
        assert_eq!(said, [command(ONLY, "XN")], "{text}");
        assert!(!asked.iter().any(|ask| matches!(ask, Ask::Expand(_))), "{text}");
    }
    let mut end = End::new(false, 1, TAYLOR);
    end.machine.judge.permissions.fetch = false;
    end.starts();
    assert_eq!(end.hears(ONLY, "X ~/*.txt polux!~/in/ jan -d"), [command(ONLY, "XN")]);
    assert_eq!(end.asked, []);
}

#[test]
fn what_we_ask_for_is_settled_by_the_answer() {
    for channels in [1, 7] {
        for (answer, done) in [("XY", true), ("XN", false)] {
            let mut end = End::new(true, channels, TAYLOR);
            let (from, to) = ("~/*.txt".to_owned(), "~/in/".to_owned());
            let expand = Expand { from, to, user: "jan".to_owned(), make_directories: true };
            end.queue(1, Work::Expand(expand), 0);
            let channel = if channels == 1 { ONLY } else { Channel::Ours(1) };
            assert_eq!(end.starts(), [command(channel, "X ~/*.txt leaf!~/in/ jan -d")]);
            assert_eq!(end.hears(channel, answer), [command(ONLY, "H")]);
            match (&settled(&end)[..], done) {
                ([Ending::Done], true) | ([Ending::Refused(_)], false) => {}
                (other, _) => panic!("{answer}: {other:?}"),
            }
        }
    }
    let mut end = End::new(true, 1, TAYLOR);
    end.queue(1, mail(), 3000);
    end.starts();
    assert!(matches!(end.data(ONLY, b"XY\0"), Some(Err(SessionError::Misbehaved(_)))), "nobody asked");
}
