use super::*;
use crate::job::SystemName;
use crate::post::address::{Address, Precedence};
use proptest::prelude::*;

fn system(name: &str) -> SystemName {
    name.parse().unwrap()
}

/// The site `polux`: users joe and ann, neighbours leaf (rmail) and feed (rsmtp).
fn polux() -> Tables {
    let mut tables = Tables::new(system("polux"));
    tables.domains = vec!["polux.example".to_owned(), "farm.example".to_owned()];
    for user in ["joe", "ann"] {
        tables.users.insert(user.to_owned(), format!("/var/mail/{user}").into());
    }
    tables.postmaster = Some("joe".to_owned());
    tables.neighbours.insert(system("leaf"), Neighbour::default());
    tables
        .neighbours
        .insert(system("feed"), Neighbour { transport: Some(Transport::Uusmtp), ..Neighbour::default() });
    tables.routes.insert("leaf.example".to_owned(), system("leaf").into());
    tables.routes.insert(".hills.example".to_owned(), system("leaf").into());
    tables.routes.insert(".deep.hills.example".to_owned(), system("feed").into());
    tables
}

fn with_smart_host() -> Tables {
    Tables { smart_host: Some(system("feed").into()), ..polux() }
}

/// `local USER`, `SYSTEM ADDRESS` or the status of the refusal, one for each end.
fn ends(tables: &Tables, address: &str) -> Vec<String> {
    let address = Address::parse(address).unwrap();
    resolve(tables, &[address]).into_iter().map(|routed| end(&routed.decision)).collect()
}

fn end(decision: &Decision) -> String {
    match decision {
        Decision::Local { user, .. } => format!("local {user}"),
        Decision::Neighbour { system, address, .. } => format!("{system} {address}"),
        Decision::Smtp { hop, address } => format!("smtp {hop} {address}"),
        Decision::Pipe { command, address } => format!("pipe {command} {address}"),
        Decision::Held(later) => format!("held {}", end(later)),
        Decision::Refused(refusal) => refusal.status.clone(),
    }
}

#[test]
fn our_names_are_taken_off() {
    for address in [
        "joe",
        "JOE",
        "joe@polux.example",
        "Joe@FARM.example",
        "joe@polux",
        "joe@polux.UUCP",
        "polux!joe",
        "polux!polux!joe",
        "polux!joe@farm.example",
        "joe%polux@farm.example",
        "\"joe\"@polux",
        "@polux.example:joe@polux",
    ] {
        assert_eq!(ends(&polux(), address), ["local joe"], "{address}");
    }
    assert_eq!(ends(&polux(), "bill"), ["5.1.1"]);
    assert_eq!(ends(&polux(), "polux!bill"), ["5.1.1"]);
}

#[test]
fn a_neighbour_is_given_what_is_left() {
    assert_eq!(ends(&polux(), "leaf!bill"), ["leaf bill"]);
    assert_eq!(ends(&polux(), "polux!leaf!far!bill"), ["leaf far!bill"]);
    assert_eq!(ends(&polux(), "bill@leaf.uucp"), ["leaf bill"]);
    assert_eq!(ends(&polux(), "bill@LEAF"), ["leaf bill"]);
    assert_eq!(ends(&polux(), "bill%leaf@polux.example"), ["leaf bill"]);
}

#[test]
fn a_route_keeps_the_address() {
    assert_eq!(ends(&polux(), "bill@leaf.example"), ["leaf bill@leaf.example"]);
    assert_eq!(ends(&polux(), "bill@a.hills.example"), ["leaf bill@a.hills.example"]);
    assert_eq!(ends(&polux(), "bill@a.deep.hills.example"), ["feed bill@a.deep.hills.example"]);
    assert_eq!(ends(&polux(), "bill@hills.example"), ["5.1.2"]);
    assert_eq!(ends(&polux(), "bill@xhills.example"), ["5.1.2"]);
    assert_eq!(ends(&polux(), "bill%leaf.example"), ["leaf bill@leaf.example"]);
}

#[test]
fn everything_else_goes_to_the_smart_host_or_back() {
    for (address, to) in [("x@far.example", "x@far.example"), ("far!x", "far!x"), ("x%far@polux", "x@far")] {
        assert_eq!(ends(&polux(), address), ["5.1.2"], "{address}");
        assert_eq!(ends(&with_smart_host(), address), [format!("feed {to}")], "{address}");
    }
}

#[test]
fn a_mixed_address_is_read_as_set() {
    let bang = Tables { precedence: Precedence::Bang, ..with_smart_host() };
    assert_eq!(ends(&with_smart_host(), "leaf!x@far.example"), ["feed leaf!x@far.example"]);
    assert_eq!(ends(&bang, "leaf!x@far.example"), ["leaf x@far.example"]);
}

#[test]
fn postmaster_always_has_a_mailbox() {
    for address in ["postmaster", "Postmaster@polux.example", "polux!postmaster", "MAILER-DAEMON@polux"] {
        assert_eq!(ends(&polux(), address), ["local joe"], "{address}");
    }
    let unset = Tables { postmaster: Some("gone".to_owned()), ..polux() };
    assert_eq!(ends(&unset, "postmaster"), ["local ann"]);
    assert_eq!(ends(&polux(), "postmaster@leaf"), ["leaf postmaster"]);
}

fn with_aliases(aliases: &[(&str, &[&str])]) -> Tables {
    let mut tables = polux();
    for (name, targets) in aliases {
        tables.aliases.insert((*name).to_owned(), targets.iter().map(|&target| target.to_owned()).collect());
    }
    tables
}

#[test]
fn an_alias_leads_to_each_of_its_addresses_once() {
    let tables =
        with_aliases(&[("all", &["joe", "staff", "leaf!bill", "joe"]), ("staff", &["ann", "bill@leaf"])]);
    assert_eq!(ends(&tables, "all@polux.example"), ["local joe", "local ann", "leaf bill"]);
    let both =
        [Address::parse("joe").unwrap(), Address::parse("ALL").unwrap(), Address::parse("nobody").unwrap()];
    let routed = resolve(&tables, &both);
    let ends: Vec<(&str, String)> =
        routed.iter().map(|one| (one.recipient.as_str(), end(&one.decision))).collect();
    let expected = [("joe", "local joe"), ("ALL", "local ann"), ("ALL", "leaf bill"), ("nobody", "5.1.1")];
    let ends: Vec<(&str, &str)> = ends.iter().map(|(recipient, to)| (*recipient, to.as_str())).collect();
    assert_eq!(ends, expected);
    assert_eq!(routed[1].why, "alias all, alias staff, local user ann");
}

#[test]
fn loops_of_aliases_end() {
    let tables = with_aliases(&[("a", &["b"]), ("b", &["a"]), ("c", &["c"]), ("joe", &["joe", "leaf!joe"])]);
    assert_eq!(ends(&tables, "a"), ["5.4.6"]);
    assert_eq!(ends(&tables, "c"), ["5.4.6"]);
    assert_eq!(ends(&tables, "joe"), ["local joe", "leaf joe"]);
    let names: Vec<(String, String)> = (0..20).map(|n| (format!("n{n}"), format!("n{}", n + 1))).collect();
    let mut deep = polux();
    deep.aliases.extend(names.into_iter().map(|(name, next)| (name, vec![next])));
    assert_eq!(ends(&deep, "n0"), ["5.4.6"]);
    let many: Vec<String> = (0..5000).map(|n| format!("leaf!u{n}")).collect();
    let mut wide = polux();
    wide.aliases.insert("many".to_owned(), many);
    assert_eq!(ends(&wide, "many"), ["5.4.6"]);
    assert_eq!(ends(&with_aliases(&[("x", &["|sh", "joe"])]), "x"), ["5.1.3", "local joe"]);
}

#[test]
fn what_rmail_cannot_be_given_is_refused() {
    assert_eq!(ends(&polux(), "\"a b\"@leaf.example"), ["5.1.3"]);
    assert_eq!(ends(&polux(), "a`id`@leaf.example"), ["5.1.3"]);
    assert_eq!(ends(&polux(), "\"a b\"@feed.uucp"), ["feed \"a b\""]);
}

#[test]
fn the_answer_says_which_rule_decided() {
    let address = Address::parse("polux!x@far.example").unwrap();
    let routed = resolve(&Tables { precedence: Precedence::Bang, ..with_smart_host() }, &[address]);
    assert_eq!(routed[0].why, "polux is ours, smart host feed");
}

proptest! {
    #[test]
    fn every_address_gets_an_answer(text in "(polux!|leaf!|far!){0,4}[a-z%]{1,6}(%polux|%far){0,2}(@polux|@leaf|@far.example)?",
                                    smart in any::<bool>(), bang in any::<bool>()) {
        let mut tables = if smart { with_smart_host() } else { polux() };
        if bang { tables.precedence = Precedence::Bang }
        if let Ok(address) = Address::parse(&text) {
            let routed = resolve(&tables, std::slice::from_ref(&address));
            prop_assert_eq!(routed.len(), 1);
            prop_assert!(!routed[0].why.is_empty());
            if let Decision::Neighbour { address, .. } = &routed[0].decision {
                prop_assert_eq!(&Address::parse(address.as_str()).unwrap(), address);
            }
        }
    }
}

#[test]
fn the_queue_is_told_transport_and_site() {
    let mut tables = with_smart_host();
    let told = |tables: &Tables, address: &str| {
        let routed = resolve(tables, &[Address::parse(address).unwrap()]);
        let Handover { transport, site, address } = routed[0].decision.clone().handover().unwrap();
        format!("{transport} / {site} / {address}")
    };
    assert_eq!(told(&tables, "joe"), "local / joe / joe");
    for (transport, expected) in [
        (Transport::Uux, "uux / leaf / bill"),
        (Transport::UuxOneAddr, "uux / leaf / bill"),
        (Transport::Demand, "uux / leaf / bill"),
        (Transport::Uusmtp, "uusmtp / leaf / bill"),
        (Transport::DemandUusmtp, "uusmtp / leaf / bill"),
        (Transport::Queueonly, "queueonly / uux leaf / bill"),
    ] {
        let leaf = Neighbour { transport: Some(transport), ..Neighbour::default() };
        tables.neighbours.insert(system("leaf"), leaf);
        assert_eq!(told(&tables, "leaf!bill"), expected, "{transport}");
    }
    tables.smart_host = Some(Route { next: Next::Smtp("[192.0.2.1]:2525".parse().unwrap()), place: None });
    assert_eq!(told(&tables, "x@far.example"), "smtp / [192.0.2.1]:2525 / x@far.example");
    tables.smart_host = Some(Route { next: Next::Mx, place: None });
    assert_eq!(told(&tables, "x@far.example"), "smtp / far.example / x@far.example");
    assert!(resolve(&tables, &[Address::parse("bill").unwrap()])[0].decision.clone().handover().is_err());
}
