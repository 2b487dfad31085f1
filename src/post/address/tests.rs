use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn hop(hop: &str, rest: &str) -> Target {
    Target::Hop { hop: hop.to_owned(), rest: parse(rest) }
}

fn at(local: &str, domain: &str) -> Target {
    Target::Domain { local: parse(local), domain: domain.to_owned() }
}

#[test]
fn each_form_asks_for_its_next_step() {
    let target = |text: &str| parse(text).target(Precedence::Domain);
    assert_eq!(target("joe"), Target::User("joe".to_owned()));
    assert_eq!(target("postmaster"), Target::User("postmaster".to_owned()));
    assert_eq!(target("a!b!joe"), hop("a", "b!joe"));
    assert_eq!(target("h!u"), hop("h", "u"));
    assert_eq!(target("joe@host.example"), at("joe", "host.example"));
    assert_eq!(target("joe%host@relay"), at("joe%host", "relay"));
    assert_eq!(target("joe%host"), at("joe", "host"));
    assert_eq!(target("joe%a%b"), at("joe%a", "b"));
    assert_eq!(target("\"joe user\"@host"), at("\"joe user\"", "host"));
    assert_eq!(target("\"joe \\\"user\""), Target::User("joe \"user".to_owned()));
    assert_eq!(target("\"a!b@c%d\""), Target::User("a!b@c%d".to_owned()));
    assert_eq!(target("joe@[127.0.0.1]"), at("joe", "[127.0.0.1]"));
    assert_eq!(target("%"), Target::User("%".to_owned()));
}

#[test]
fn the_setting_decides_which_mark_goes_first() {
    assert_eq!(parse("a!b!c@d").target(Precedence::Domain), at("a!b!c", "d"));
    assert_eq!(parse("a!b!c@d").target(Precedence::Bang), hop("a", "b!c@d"));
}

#[test]
fn a_source_route_is_dropped() {
    assert_eq!(parse("@r:u@h").as_str(), "u@h");
    assert_eq!(parse("@a,@b.example:u@h").as_str(), "u@h");
    assert!(Address::parse("@r").is_err());
    assert!(Address::parse("@a;rm -rf:u@h").is_err());
}

#[test]
fn what_could_pass_for_something_else_is_refused() {
    for bad in [
        "",
        "!",
        "!!",
        ".!",
        "a!",
        "!a",
        "a!!b",
        "@",
        "a@",
        "@a",
        "a@b@c",
        "a@b!c",
        "a@-b",
        "a@b..c",
        "a@.b",
        "a b",
        "-oQ/tmp",
        "a!-oQ",
        "-x@host",
        "\"-x\"@host",
        "\"\\-x\"@host",
        "|sh",
        "a!|sh",
        "\"|sh -c x\"@h",
        "/etc/passwd",
        "a!/etc/passwd",
        "joe\n",
        "joe\0",
        "joe\r\nRCPT TO:<x>",
        "jo\te",
        "josé",
        "<joe>",
        "joe;x",
        "joe(x)",
        "a,b",
        "\"joe",
        "joe\"",
        "\"a\"b\"",
        "\"\"",
        "\"\"@h",
        "x y!joe",
        "$(id)!joe",
        "a@b c",
        "a@[1 2]",
        "a@[]",
        "\"a\\\"",
    ] {
        assert!(Address::parse(bad).is_err(), "{bad:?} was taken");
    }
}

#[test]
fn an_eight_bit_address_is_refused_in_its_own_words() {
    for text in ["jos\u{e9}@host.example", "\"jos\u{e9}\"@host", "joe@h\u{f6}st.example"] {
        assert_eq!(Address::parse(text), Err(AddressError::NotAscii(text.to_owned())));
    }
}

#[test]
fn ten_thousand_bangs_are_refused_at_once() {
    assert_eq!(Address::parse(&"a!".repeat(10_000)), Err(AddressError::TooLong { limit: ADDRESS_MAX }));
    assert!(Address::parse(&format!("{}joe", "a!".repeat(200))).is_ok());
}

#[test]
fn only_plain_words_go_on_a_command_line() {
    for good in ["joe", "a!b!joe", "o'brien@host.example", "u%h@r", "joe+tag@host"] {
        assert!(parse(good).is_command_word(), "{good}");
    }
    for bad in ["\"joe user\"@host", "jo`id`@host", "a$b@host", "a&b@host", "a|b@host"] {
        assert!(!parse(bad).is_command_word(), "{bad}");
    }
}

#[test]
fn a_reply_goes_back_through_the_system_it_came_by() {
    assert_eq!(parse("b!joe").through("a").unwrap().as_str(), "a!b!joe");
    assert!(parse("joe").through("a b").is_err());
}

#[test]
fn only_what_follows_an_at_sign_is_a_domain() {
    assert_eq!(parse("a!joe@host.example").domain(), Some("host.example"));
    for text in ["joe", "a!b!joe", "joe%host", "\"joe@host\""] {
        assert_eq!(parse(text).domain(), None, "{text}");
    }
}

#[test]
fn mailer_daemon_is_known_in_every_form() {
    for text in ["MAILER-DAEMON", "mailer-daemon", "a!b!MAILER-DAEMON", "Mailer-Daemon@host"] {
        assert!(parse(text).is_mailer_daemon(), "{text}");
    }
    assert!(!parse("mailer-daemons").is_mailer_daemon());
    assert!(!parse("mailer-daemon!joe").is_mailer_daemon());
}

fn any_address() -> impl Strategy<Value = String> {
    let hops = proptest::collection::vec("[a-z0-9][a-z0-9._-]{0,10}", 0..4);
    let user = prop_oneof!["[a-z][a-z0-9.+%=_-]{0,12}", "\"[a-z][ -!#-\\[\\]-~]{0,12}\""];
    let domain = proptest::option::of("[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){0,3}");
    (hops, user, domain).prop_map(|(hops, user, domain)| {
        let mut text = String::new();
        for hop in hops {
            text.push_str(&hop);
            text.push('!');
        }
        text.push_str(&user);
        if let Some(domain) = domain {
            text.push('@');
            text.push_str(&domain);
        }
        text
    })
}

proptest! {
    #[test]
    fn printing_gives_back_what_was_read(text in any_address()) {
        let address = Address::parse(&text).unwrap();
        prop_assert_eq!(address.as_str(), &text);
        prop_assert_eq!(Address::parse(address.as_str()), Ok(address));
    }

    /// Whatever was accepted, each step is an acceptable address again and shorter than the one before.
    #[test]
    fn every_address_is_walked_to_its_end(text in prop_oneof![any_address(), "[a-c!%@\".\\\\-]{0,24}", "\\PC{0,40}"],
                                          bang in any::<bool>()) {
        let precedence = if bang { Precedence::Bang } else { Precedence::Domain };
        let Ok(mut address) = Address::parse(&text) else { return Ok(()) };
        for _ in 0..=text.len() {
            let next = match address.target(precedence) {
                Target::User(_) => return Ok(()),
                Target::Hop { rest, .. } => rest,
                Target::Domain { local, .. } => local,
            };
            prop_assert!(next.as_str().len() < address.as_str().len());
            prop_assert_eq!(Address::parse(next.as_str()), Ok(next.clone()));
            address = next;
        }
        prop_assert!(false, "{} never ends", text);
    }
}
