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
        Decision::Gateway { command, address } => format!("gateway {command} {address}"),
        Decision::Held(later) => format!("held {}", end(later)),
        Decision::Program { command, user } => format!("{user} |{command}"),
        Decision::File { path, user } => format!("{user} {}", path.display()),
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
    assert_eq!(ends(&with_aliases(&[("x", &["|sh", "joe"])]), "x"), ["5.7.1", "local joe"]);
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

/// The same site with files of routes: `far` is forced by way of feed, `.valley.example` lies behind leaf, FidoNet behind a
/// gateway, `lan.example` is reached by SMTP, mail for `museum` is kept.
fn with_files() -> Tables {
    let paths = |text: &str| std::sync::Arc::new(Paths::parse("paths", text).unwrap());
    let mut tables = polux();
    for name in ["museum", "sun", "near"] {
        tables.neighbours.insert(system(name), Neighbour::default());
    }
    tables.forced = Some(paths("far feed!far!%s\nleaf.example feed!%s\n"));
    let ifmail = "/bin/ifmail -r$host $user".split(' ').map(str::to_owned).collect();
    tables.paths = vec![
        PathRouter {
            paths: paths(".valley.example leaf!%s\nlost nowhere!%s\nprinter lan.example!%s\n"),
            gateway: None,
        },
        PathRouter {
            paths: paths(".fidonet.org f1.z2.fidonet.org!%s\n"),
            gateway: Some(Pipe::new(ifmail).unwrap()),
        },
    ];
    let table = "museum queueonly\nsun demand\nlan.example smtp\ngone uux\nnear smtp\nslow.example queueonly\n* uux-one-addr\n";
    tables.hosts = std::sync::Arc::new(Hosts::parse("table", table).unwrap());
    tables
}

#[test]
fn the_first_router_that_knows_a_way_decides() {
    let tables = with_files();
    for (address, end) in [
        ("joe@far", "feed far!joe"),
        ("far!joe", "feed far!joe"),
        ("joe@far.uucp", "feed far!joe"),
        ("lan.example!b!joe", "smtp lan.example b!joe@lan.example"),
        ("joe@leaf.example", "feed joe"),
        ("joe@leaf", "leaf joe"),
        ("joe@hut.valley.example", "leaf hut.valley.example!joe"),
        ("joe@lost", "5.3.5"),
        ("joe@printer", "smtp lan.example joe@lan.example"),
        ("joe@node.fidonet.org", "gateway /bin/ifmail -rf1.z2.fidonet.org $user node.fidonet.org!joe"),
        ("joe@lan.example", "smtp lan.example joe@lan.example"),
        ("joe@museum", "held museum joe"),
        ("joe@slow.example", "held smtp slow.example joe@slow.example"),
        ("joe@gone", "5.3.5"),
        ("joe@near", "smtp [near]:25 joe@near"),
        ("near!far!joe", "smtp [near]:25 far!joe@near"),
        ("joe@a.hills.example", "leaf joe@a.hills.example"),
        ("joe@far.example", "5.1.2"),
    ] {
        assert_eq!(ends(&tables, address), [end], "{address}");
    }
    let place = |address: &str| {
        let routed = resolve(&tables, &[Address::parse(address).unwrap()]);
        routed[0].place.as_ref().map(ToString::to_string)
    };
    assert_eq!(place("joe@leaf.example").as_deref(), Some("paths:2"));
    assert_eq!(place("joe@museum").as_deref(), Some("table:1"));
    assert_eq!(place("joe@leaf").as_deref(), Some("table:7"));
    assert_eq!(place("joe"), None);
}

#[test]
fn a_transport_is_that_of_the_name_then_that_of_the_system_then_that_of_all_others() {
    let tables = with_files();
    let transport = |name: &str| tables.handing(&system(name)).unwrap().transport.unwrap();
    assert_eq!(transport("sun"), Transport::Demand);
    assert_eq!(transport("feed"), Transport::Uusmtp);
    assert_eq!(transport("leaf"), Transport::UuxOneAddr);
    assert_eq!(tables.handing(&system("leaf")).unwrap().max_addresses, 1);
}

#[test]
fn only_real_domains_are_looked_up_and_only_if_that_is_allowed() {
    let mut tables = with_files();
    let place = Place { file: "uugate.toml".into(), line: 7 };
    tables.direct = Some(place.clone());
    assert_eq!(ends(&tables, "x@far.example"), ["smtp far.example x@far.example"]);
    for address in ["x@nowhere", "x@nowhere.uucp", "x@host.BITNET", "nowhere!x", "x@[192.0.2.1]"] {
        assert_eq!(ends(&tables, address), ["5.1.2"], "{address}");
    }
    assert_eq!(resolve(&tables, &[Address::parse("x@far.example").unwrap()])[0].place, Some(place));
    tables.dns = false;
    assert_eq!(ends(&tables, "x@far.example"), ["5.1.2"]);
    assert_eq!(ends(&tables, "x@lan.example"), ["smtp [lan.example]:25 x@lan.example"]);
    tables.smart_host = Some(Route { next: Next::Smtp("mail.isp.example".parse().unwrap()), place: None });
    assert_eq!(ends(&tables, "x@far.example"), ["smtp [mail.isp.example]:25 x@far.example"]);
}

#[test]
fn a_path_is_cut_short_at_a_listed_system_alone() {
    let mut tables = with_smart_host();
    assert_eq!(ends(&tables, "a!b!leaf!u"), ["feed a!b!leaf!u"]);
    tables.shortcuts.insert("leaf".to_owned());
    assert_eq!(ends(&tables, "a!b!leaf!u"), ["leaf u"]);
    assert_eq!(ends(&tables, "polux!a!LEAF!c!u"), ["leaf c!u"]);
    assert_eq!(ends(&tables, "a!b!c!u"), ["feed a!b!c!u"]);
    assert_eq!(ends(&tables, "a!leaf"), ["feed a!leaf"]);
    assert_eq!(ends(&tables, "a!leaf!u@far.example"), ["feed a!leaf!u@far.example"]);
}

proptest! {
    /// Whatever is written around `user@host` with our own names, the mail goes where that goes.
    #[test]
    fn no_form_of_an_address_opens_another_road(user in "[a-z]{1,4}", files in any::<bool>(),
        host in "(far|leaf|feed|museum|nowhere|lan\\.example|leaf\\.example|x\\.hills\\.example|far\\.example|polux|polux\\.example)") {
        let tables = if files { with_files() } else { with_smart_host() };
        let plain = ends(&tables, &format!("{user}@{host}"));
        for form in [
            format!("{user}%{host}@polux.example"),
            format!("{user}%{host}@polux.uucp"),
            format!("polux!{user}%{host}"),
            format!("{user}%{host}%polux@polux"),
            format!("@polux.example,@other.example:{user}@{host}"),
        ] {
            prop_assert_eq!(&ends(&tables, &form), &plain, "{}", form);
        }
        let path = ends(&tables, &format!("{host}!{user}"));
        prop_assert_eq!(&ends(&tables, &format!("polux!{host}!{user}")), &path);
        prop_assert_eq!(&ends(&tables, &format!("polux!polux!{host}!{user}")), &path);
    }

    /// Anything at all gets an answer, and what is handed on is an address again.
    #[test]
    fn files_of_routes_answer_every_address(text in "([a-f]{1,3}!|far!|leaf!|museum!){0,3}[a-z%]{1,6}(%far|%leaf)?(@far|@leaf|@lost|@x\\.valley\\.example|@a\\.fidonet\\.org|@\\[::1\\])?",
                                            bang in any::<bool>()) {
        let mut tables = with_files();
        tables.shortcuts.insert("leaf".to_owned());
        if bang { tables.precedence = Precedence::Bang }
        if let Ok(address) = Address::parse(&text) {
            let routed = resolve(&tables, std::slice::from_ref(&address));
            prop_assert_eq!(routed.len(), 1);
            if let Ok(handover) = routed[0].decision.clone().handover() {
                prop_assert!(Address::parse(&handover.address).is_ok());
            }
        }
    }
}
