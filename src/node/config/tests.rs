use super::*;
use crate::spool::Order;
use crate::wire::line::{DataBits, DtrOnOpen, Parity};
use crate::wire::link::Parameters;
use std::time::Duration;

pub(super) fn read(source: &str) -> (Option<Config>, Findings) {
    Config::read(Path::new("/tmp/site/uugate.toml"), source.to_owned())
}

pub(super) fn titles(findings: &Findings) -> Vec<String> {
    let place = |finding: &Finding| {
        let (line, column) = findings.place(finding.span.start);
        format!("{line}:{column} {}", finding.title)
    };
    findings.sorted().iter().map(place).collect()
}

#[test]
fn a_file_that_is_no_configuration_is_not_read_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("uugate.toml");
    std::fs::write(&file, ["node.name = \"leaf\"\n#", &"x".repeat(LONGEST as usize)].concat()).unwrap();
    let error = Config::load(&file).unwrap_err();
    assert!(matches!(error, ConfigError::TooLong { .. }), "{error}");
}

#[test]
fn a_system_of_which_nothing_is_taken_is_refused() {
    let site = "node.name = \"leaf\"\n[[system]]\nname = \"polux\"\nlargest-file = \"0 B\"\n";
    assert_eq!(titles(&read(site).1), ["4:16 wrong `largest-file` in [[system]]"]);
}

#[test]
fn the_shortest_configuration_is_a_name() {
    let (config, findings) = read("[node]\nname = \"barberouge\"\n");
    let config = config.unwrap();
    assert_eq!(findings.render(false), "");
    assert_eq!(config.host(), "barberouge.uucp");
    assert_eq!(config.places.spool, Path::new("/tmp/site/spool"));
    assert_eq!(config.places.socket, Path::new("/tmp/site/control"));
    assert_eq!(config.node.public_directory, Path::new("/tmp/site/public"));
}

#[test]
fn the_default_file_has_its_own_places() {
    let places = Places::usual(Path::new(DEFAULT_FILE));
    assert_eq!(places.socket, Path::new(DEFAULT_SOCKET));
    assert_eq!(places.spool, Path::new(DEFAULT_SPOOL));
}

#[test]
fn every_problem_is_found_at_once_with_its_place() {
    let source = r#"[node]
nam = "barberouge"

[smtp]
listen = "localhost:25"
timeout = 1000

[users]
jan = "mail/jan"
"a b" = "mail/ab"

[routes]
smart-host = "pollux"

[[system]]
name = "polux"
line = "moden"
number = "555;H0"
password = 12345
transport = "smtp"
i = { window = 17 }
poll = "15"

[[line]]
name = "modem"
type = "serial"
speed = 57600

[[line]]
name = "modem"
type = "cereal"
"#;
    let (config, findings) = read(source);
    assert!(config.is_none());
    assert_eq!(
        titles(&findings),
        [
            "1:1 [node] lacks `name`",
            "2:1 unknown key `nam` in [node]",
            "5:10 wrong `listen` in [smtp]",
            "6:11 `timeout` in [smtp] is an integer",
            "10:1 this cannot be the name of a mailbox",
            "13:14 there is no system `pollux`",
            "17:8 there is no line `moden`",
            "18:10 wrong `number` in [[system]]",
            "19:12 `password` in [[system]] is an integer",
            "19:12 the password stands in the configuration itself",
            "20:13 wrong `transport` in [[system]]",
            "21:16 `window` is out of range in [i]",
            "22:8 wrong `poll` in [[system]]",
            "24:1 [[line]] lacks `device`",
            "27:9 `speed` in [[line]] is an integer",
            "30:8 a second line named `modem`",
            "31:8 wrong `type` in [[line]]",
        ]
    );
    let shown = findings.render(false);
    assert!(!shown.contains("12345"), "{shown}");
    assert!(shown.contains("did you mean `polux`?"), "{shown}");
}

#[test]
fn the_example_sites_are_sound_and_the_leaf_is_short() {
    for (name, source) in [
        ("leaf.toml", include_str!("../../../config/leaf.toml")),
        ("feed.toml", include_str!("../../../config/feed.toml")),
        ("howto-site.toml", include_str!("../../../config/howto-site.toml")),
    ] {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let (config, findings) = Config::read(&base.join(name), source.to_owned());
        assert_eq!(findings.render(false), "", "{name}");
        assert!(config.is_some());
    }
    let settings = include_str!("../../../config/leaf.toml")
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
    assert!(settings.count() < 30);
}

#[test]
fn text_that_is_no_toml_is_said_with_the_rest() {
    let (config, findings) = read("[node\nname = \"barberouge\"\n[smtp]\nlisten = \"x\"\n");
    assert!(config.is_none());
    assert!(findings.errors() >= 1);
}

#[test]
fn a_secret_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("polux.secret");
    let file = folder.path().join("uugate.toml");
    let source =
        "[node]\nname = \"barberouge\"\n[[system]]\nname = \"polux\"\npassword-file = \"polux.secret\"\n";
    std::fs::write(&file, source).unwrap();
    std::fs::write(&secret, "hunter2\n").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o640)).unwrap();
    let error = Config::load(&file).unwrap_err();
    let ConfigError::Wrong { findings } = &error else { panic!("{error}") };
    let shown = findings.render(false);
    assert!(shown.contains("chmod 600") && !shown.contains("hunter2"), "{shown}");
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let (config, _) = Config::load(&file).unwrap();
    assert!(config.system("polux").unwrap().password.is_some());
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_tcp_line_with_a_port_answers_unless_it_is_told_not_to() {
    let answers = |more: &str| {
        let text = format!(
            "[node]\nname = \"x\"\n[[line]]\nname = \"in\"\ntype = \"tcp\"\nlisten = \"127.0.0.1:5400\"\n{more}"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("uugate.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(&file).unwrap().0.lines[0].answer
    };
    assert!(answers(""));
    assert!(!answers("answer = false\n"));
}

#[test]
fn a_line_may_be_declared_other_than_its_kind_is() {
    let line = |more: &str| {
        let text = format!("[node]\nname = \"x\"\n[[line]]\nname = \"radio\"\ntype = \"stdin\"\n{more}");
        read(&text).0.unwrap().lines[0].declared
    };
    assert_eq!(line(""), Default::default());
    let declared = line("reliable = true\neight-bit = false\nfull-duplex = false\n");
    assert_eq!((declared.reliable, declared.eight_bit), (Some(true), Some(false)));
    assert_eq!(declared.full_duplex, Some(false));
}

const TLS: &str = "[[line]]\nname = \"tls\"\ntype = \"tls\"\n";

#[test]
fn passwords_cross_no_network_in_plain_text_unless_that_is_allowed() {
    let site = |listen: &str, address: &str, more: &str| {
        let text = format!(
            "[node]\nname = \"x\"\n[[line]]\nname = \"net\"\ntype = \"tcp\"\nlisten = \"{listen}\"\n{more}\n\
             [[system]]\nname = \"polux\"\nline = \"net\"\naddress = \"{address}\"\nlogin = \"Ux\"\n"
        );
        titles(&read(&text).1)
    };
    let nowhere: &[&str] = &[];
    assert_eq!(site("127.0.0.1:540", "localhost:540", ""), nowhere);
    assert_eq!(site("[::1]:540", "[::1]:540", ""), nowhere);
    assert_eq!(
        site("0.0.0.0:540", "polux.example:540", ""),
        [
            "6:10 the passwords of callers could be read on the network",
            "10:8 what this system is told at the login could be read on the network of `net`",
        ]
    );
    assert_eq!(site("0.0.0.0:540", "polux.example:540", "plain-passwords = true"), nowhere);
    // Nobody is called, and nobody answered.
    assert_eq!(site("0.0.0.0:540", "127.0.0.1:540", "answer = false"), nowhere);
    let without_login = read(
        "[node]\nname = \"x\"\n[[line]]\nname = \"net\"\ntype = \"telnet\"\n\
         [[system]]\nname = \"polux\"\nline = \"net\"\naddress = \"polux.example:540\"\n",
    );
    assert_eq!(titles(&without_login.1), nowhere);
}

#[test]
fn passwords_cross_no_network_to_a_terminal_server_unless_that_is_allowed() {
    let site = |server: &str, more: &str| {
        let text = format!(
            "[node]\nname = \"x\"\n[[line]]\nname = \"m\"\ntype = \"serial\"\nserver = \"{server}\"\n{more}\n\
             [[system]]\nname = \"polux\"\nline = \"m\"\nlogin = \"Ux\"\n"
        );
        titles(&read(&text).1)
    };
    let nowhere: &[&str] = &[];
    assert_eq!(site("127.0.0.1:2217", "answer = true"), nowhere);
    assert_eq!(
        site("terminals.example:2217", "answer = true"),
        [
            "6:10 the passwords of callers could be read on the network",
            "10:8 what this system is told at the login could be read on the network of `m`",
        ]
    );
    let allowed = "answer = true\nplain-passwords = true";
    assert_eq!(site("terminals.example:2217", allowed), nowhere);
    let here = read(
        "[node]\nname = \"x\"\n[[line]]\nname = \"m\"\ntype = \"serial\"\ndevice = \"/dev/ttyS0\"\n\
         plain-passwords = true\n",
    );
    assert_eq!(titles(&here.1), ["7:1 unknown key `plain-passwords` in [[line]]"]);
}

#[test]
fn a_tls_line_is_checked_with_its_files() {
    let with = |more: &str| {
        let (_, findings) = read(&format!("[node]\nname = \"x\"\n{TLS}{more}"));
        titles(&findings)
    };
    let machine_believes_somebody = with("").is_empty();
    if machine_believes_somebody {
        assert_eq!(with("plain-passwords = true\n"), ["6:1 unknown key `plain-passwords` in [[line]]"]);
    }
    let missing = with("listen = \"0.0.0.0:540\"\n");
    for key in ["certificate", "key-file"] {
        assert!(missing.contains(&format!("3:1 [[line]] lacks `{key}`")), "{missing:?}");
    }
    let alone = with("certificate = \"polux.pem\"\nrequire-certificate = true\n");
    assert!(alone.contains(&"3:1 [[line]] lacks `key-file`".to_owned()), "{alone:?}");
    assert!(alone.contains(&"3:1 [[line]] lacks `ca`".to_owned()), "{alone:?}");
    let nowhere = with("certificate = \"polux.pem\"\nkey-file = \"polux.key\"\nca = \"ca.pem\"\n");
    assert_eq!(nowhere.len(), 1, "{nowhere:?}");
    assert!(nowhere[0].starts_with("5:8 no TLS with what is given here: /tmp/site/ca.pem: "), "{nowhere:?}");
}

#[test]
fn certificates_need_a_line_that_has_them() {
    let (_, findings) = read(
        "[node]\nname = \"x\"\n[[line]]\nname = \"net\"\ntype = \"tcp\"\n\
         [[system]]\nname = \"polux\"\nline = \"net\"\naddress = \"[::1]:540\"\n\
         certificate-name = \"polux.example\"\ncalled-certificate = \"polux.example\"\n",
    );
    assert_eq!(
        titles(&findings),
        ["10:20 no line of this system has certificates", "11:22 no line asks callers for a certificate",]
    );
}

#[test]
fn a_serial_port_is_here_or_behind_a_terminal_server() {
    let line = |more: &str| {
        read(&format!("[node]\nname = \"x\"\n[[line]]\nname = \"m\"\ntype = \"serial\"\n{more}"))
    };
    let (config, _) = line("server = \"terminals.example:2217\"\nmodem = \"generic\"\n");
    let LineKind::Serial { port, .. } = &config.unwrap().lines[0].kind else { panic!("it is serial") };
    let host = "terminals.example".to_owned();
    assert_eq!(*port, SerialPort::Server { host, port: 2217, plain_passwords: false });
    let both = line("server = \"terminals.example:2217\"\ndevice = \"/dev/ttyS0\"\n").1;
    assert_eq!(titles(&both), ["6:10 both `device` and `server` are given"]);
}

#[test]
fn a_modem_is_one_of_those_that_are_known() {
    let modem = |name: &str| {
        read(&format!(
            "[node]\nname = \"x\"\n[[line]]\nname = \"m\"\ntype = \"serial\"\ndevice = \"/dev/ttyS0\"\nmodem = \"{name}\"\n"
        ))
    };
    let (config, findings) = modem("usr-courier");
    assert_eq!(findings.errors(), 0);
    let LineKind::Serial { modem: known, .. } = &config.unwrap().lines[0].kind else {
        panic!("it is serial")
    };
    assert_eq!(known.as_ref().map(|modem| modem.profile.as_str()), Some("usr-courier"));
    let (_, findings) = modem("courier");
    let hint = findings.sorted().remove(0).hint;
    assert!(["generic", "usr-courier", "rockwell", "wifi"].iter().all(|name| hint.contains(name)), "{hint}");
}

#[test]
fn a_serial_port_says_its_format_and_what_becomes_of_dtr() {
    let line = |more: &str| {
        read(&format!("[node]\nname = \"x\"\n[[line]]\nname = \"m\"\ntype = \"serial\"\n{more}"))
    };
    let port = |more: &str| {
        let config = line(&format!("device = \"/dev/ttyS0\"\n{more}")).0.unwrap();
        config.lines[0].serial_port().unwrap()
    };
    let usual = port("");
    assert_eq!((usual.data, usual.parity), (DataBits::Eight, Parity::None));
    assert_eq!((usual.dtr_on_open, usual.hang_up_on_close), (DtrOnOpen::Raise, true));
    let other = port("format = \"7O1\"\ndtr-on-open = \"keep\"\nhang-up-on-close = false\n");
    assert_eq!((other.data, other.parity), (DataBits::Seven, Parity::Odd));
    assert_eq!((other.dtr_on_open, other.hang_up_on_close), (DtrOnOpen::Keep, false));
    let wrong = line("device = \"/dev/ttyS0\"\nformat = \"8N2\"\ndtr-on-open = \"up\"\n").1;
    assert_eq!(titles(&wrong), ["7:10 wrong `format` in [[line]]", "8:15 wrong `dtr-on-open` in [[line]]"]);
    let far = line("server = \"terminals.example:2217\"\ndtr-on-open = \"lower\"\n").1;
    assert_eq!(titles(&far), ["7:15 `dtr-on-open` is for a port of this machine"]);
}

#[test]
fn the_words_of_a_program_have_known_escapes_alone() {
    let pipe = |words: &str| {
        titles(
            &read(&format!(
                "[node]\nname = \"x\"\n[[line]]\nname = \"p\"\ntype = \"pipe\"\nprogram = {words}\n"
            ))
            .1,
        )
    };
    assert!(pipe(r#"["ssh", '\H', "-l", '\Z']"#).is_empty());
    assert_eq!(pipe(r#"["ssh", '\D']"#), ["6:19 wrong `program` in [[line]]"]);
}

#[test]
fn recordings_have_a_place_and_a_limit() {
    use crate::wire::record::drive::Place;
    let site = |record: &str| read(&format!("[node]\nname = \"x\"\n[record]\n{record}"));
    let (config, findings) = site("directory = \"recordings\"\nlargest = \"1 MiB\"\nkeep = 7\n");
    assert_eq!(findings.render(false), "");
    let record = config.unwrap().record.unwrap();
    assert_eq!(record.place, Place::Folder { path: "/tmp/site/recordings".into(), keep: 7 });
    assert_eq!(record.largest, 1 << 20);
    assert_eq!(
        titles(&site("keep = 0\n").1),
        ["3:1 [record] lacks `directory`", "4:8 `keep` is out of range in [record]"]
    );
    assert_eq!(read("[node]\nname = \"x\"\n").0.unwrap().record, None);
}

#[test]
fn protocols_are_set_up_for_a_line_and_for_a_system() {
    let source = r#"
[node]
name = "polux"

[[line]]
name = "radio"
type = "serial"
device = "/dev/ttyS1"
full-duplex = false
protocols = "gi"
g = { packet-size = "128 B", timeout = "30 s" }

[[system]]
name = "leaf"
line = "radio"
protocols = "jG"

[system.j]
avoid = '\021\023\377'
window = 8

[system.G]
short-packets = true
"#;
    let (config, findings) = read(source);
    let config = config.unwrap_or_else(|| panic!("{}", findings.render(false)));
    let (line, system) = (&config.lines[0].protocols, &config.systems[0].protocols);
    assert_eq!((line.letters.as_slice(), system.letters.as_slice()), (&['g', 'i'][..], &['j', 'G'][..]));
    let mut parameters = Parameters::default();
    line.changes.iter().chain(&system.changes).for_each(|change| parameters.set(change));
    assert_eq!((parameters.g.packet_size, parameters.g.timeout.as_secs()), (128, 30));
    assert_eq!((&parameters.j.avoid[..], parameters.j.i.window), (&[0x11, 0x13, 0xff][..], 8));
    assert!(parameters.big_g.short_packets);
    assert_eq!(parameters.i, Parameters::default().i);

    let wrong = source.replace("128 B", "100 B").replace(r"\377", "x").replace("\"jG\"", "\"ja\"");
    let (config, findings) = read(&wrong);
    assert!(config.is_none());
    assert_eq!(
        titles(&findings),
        [
            "11:21 wrong `packet-size` in [g]",
            "16:13 wrong `protocols` in [[system]]",
            "19:9 wrong `avoid` in [j]",
        ]
    );
}

#[test]
fn sizes_by_the_hour_and_the_order_are_read() {
    let source = r#"[node]
name = "barberouge"
[[line]]
name = "net"
type = "tcp"
order = "smallest-first"
[[system]]
name = "polux"
line = "net"
order = "first-come"
max-file-time = "5 min"
call-local-size = ["100 KiB Wk0800-1800", "10 MiB"]
called-remote-size = "1 MiB Any0000-2400"
largest-file = "8 GiB"
"#;
    let (config, findings) = read(source);
    assert_eq!(findings.render(false), "");
    let config = config.unwrap();
    let node = config.call_node();
    let system = &node.systems[&config.systems[0].name];
    let noon = |day: &str| format!("{day}T12:00[UTC]").parse().unwrap();
    let (monday, sunday) = (noon("2026-11-23"), noon("2026-11-22"));
    assert_eq!(system.sizes.call_local.at(&monday), Some(100 << 10));
    assert_eq!(system.sizes.call_local.at(&sunday), Some(10 << 20));
    assert_eq!(system.sizes.called_remote.ever(), Some(1 << 20));
    assert_eq!((system.sizes.call_remote.at(&monday), system.sizes.called_local.at(&monday)), (None, None));
    assert_eq!((system.order, system.max_file_time), (Some(Order::Age), Some(Duration::from_secs(300))));
    assert_eq!(system.permissions.largest, 8 << 30);
    let station = config.station();
    assert_eq!(station.lines[0].order, Some(Order::Size));
    assert_eq!(station.systems[0].sizes, system.sizes.call_local);

    let wrong = source
        .replace("100 KiB Wk", "100 KiB Xk")
        .replace("first-come", "oldest")
        .replace("1 MiB Any", "1 MB Any");
    assert_eq!(
        titles(&read(&wrong).1),
        [
            "10:9 wrong `order` in [[system]]",
            "12:20 wrong `call-local-size` in [[system]]",
            "13:22 wrong `called-remote-size` in [[system]]",
        ]
    );
}

#[test]
fn a_system_says_how_it_is_to_be_met() {
    let source = r#"[node]
name = "polux"
[[line]]
name = "modem"
type = "serial"
device = "/dev/ttyS0"
[[system]]
name = "moria"
line = "modem"
number = "1234"
profile = "hdb"
sequence = true
callback = true
call-timegrade = ["Z Wk0755-2305,Su1655-2305", "C Wk0900-1200"]
called-timegrade = "C Any"
"#;
    let (config, findings) = read(source);
    let config = config.unwrap_or_else(|| panic!("{}", findings.render(false)));
    let node = config.call_node();
    let system = node.systems.values().next().unwrap();
    assert!(system.sequence && system.callback);
    assert_eq!(system.profile.name, "hdb");
    let monday = "2026-11-23T10:00[UTC]".parse().unwrap();
    let grades = [&system.call_grades, &system.called_grades].map(|grades| grades.at(&monday));
    assert_eq!(grades, [crate::job::Grade::new('C'); 2]);
    let wrong = source
        .replace("hdb", "honey")
        .replace("C Any", "C")
        .replace("C Wk0900", "CC Wk0900")
        .replace("line = \"modem\"\n", "");
    assert_eq!(
        titles(&read(&wrong).1),
        [
            "9:10 `number` needs a line to call on",
            "10:11 wrong `profile` in [[system]]",
            "12:12 `callback` needs a line to call on",
            "13:18 `call-timegrade` needs a line to call on",
            "13:48 wrong `call-timegrade` in [[system]]",
            "14:20 wrong `called-timegrade` in [[system]]",
        ]
    );
}

#[test]
fn an_init_string_leaves_the_escape_alone() {
    let site = |init: &str| {
        format!(
            "[node]\nname = \"leaf\"\n[[line]]\nname = \"modem\"\ntype = \"serial\"\ndevice = \"/dev/ttyS0\"\n\
             modem = \"generic\"\ninit = '{init}'\n"
        )
    };
    for fine in ["&C1&D2", "S0=1S7=60", "S22=4", "&S2=1", r"\N3S95=44", "S2?"] {
        assert!(read(&site(fine)).0.is_some(), "{fine}");
    }
    for bad in ["S2=43", "&C1s12=0", "S7=60 S12 = 0", "S02=255"] {
        assert!(read(&site(bad)).0.is_none(), "{bad}");
    }
}

#[test]
fn a_number_is_held_against_what_the_modem_of_its_line_dials() {
    let site = |modem: &str, number: &str| {
        format!(
            "[node]\nname = \"leaf\"\n[[line]]\nname = \"modem\"\ntype = \"serial\"\ndevice = \"/dev/ttyS0\"\n\
             modem = \"{modem}\"\n[[system]]\nname = \"polux\"\nline = \"modem\"\nnumber = \"{number}\"\n"
        )
    };
    for (modem, number) in [("generic", "0w555 1234"), ("wifi", "bbs.example:6400")] {
        assert!(read(&site(modem, number)).0.is_some(), "{modem} {number}");
    }
    for (modem, number) in [("generic", "bbs.example:6400"), ("wifi", "555;H0")] {
        let (config, findings) = read(&site(modem, number));
        assert!(config.is_none() && titles(&findings)[0].contains("11:10"), "{:?}", titles(&findings));
    }
    // The whole of what is dialled counts.
    let with_prefix = |prefix: &str| {
        let modem = format!("modem = \"generic\"\ndial-prefix = \"{prefix}\"");
        site("generic", "900 123").replace("modem = \"generic\"", &modem)
    };
    assert!(read(&with_prefix("0W")).0.is_some());
    assert!(read(&with_prefix("9W0")).0.is_none());
}

#[test]
fn who_asks_for_callers_waits_for_their_number_and_has_a_modem_that_tells_it() {
    let line = |keys: &str| {
        let head = "[node]\nname = \"a\"\n[[line]]\nname = \"m\"\ntype = \"serial\"\ndevice = \"/dev/ttyS0\"\nanswer = true\n";
        let (config, findings) = read(&format!("{head}{keys}"));
        let profile = config.map(|config| match &config.station().lines[0].kind {
            crate::wire::station::LineKind::Modem { profile, .. } => {
                (profile.asks_caller, profile.rings, profile.auto_answer)
            }
            other => panic!("{other:?}"),
        });
        (profile, titles(&findings))
    };
    let rockwell = "modem = \"rockwell\"\n";
    assert_eq!(line(rockwell).0, Some((false, 1, 0)));
    assert_eq!(line(&format!("{rockwell}caller-id = true\n")).0, Some((true, 2, 0)));
    let itself = line(&format!("{rockwell}caller-id = true\nauto-answer = true\nrings = 3\n"));
    assert_eq!(itself, (Some((true, 3, 3)), Vec::new()));
    let (none, titles) = line(&format!("{rockwell}caller-id = true\nrings = 1\n"));
    assert_eq!(none, None);
    assert_eq!(titles, ["10:9 the number of the caller comes after the first ring"]);
    let (none, titles) = line("modem = \"wifi\"\ncaller-id = true\n");
    assert_eq!(none, None);
    assert_eq!(titles, ["9:13 no command is known by which this kind of modem says who calls"]);
}

#[test]
fn hours_without_a_zone_are_doubtful() {
    let site = |node: &str, rest: &str| {
        let line = "[[line]]\nname = \"m\"\ntype = \"serial\"\ndevice = \"/dev/ttyS0\"\n";
        let system = "[[system]]\nname = \"b\"\nline = \"m\"\n";
        let (config, findings) = read(&format!("[node]\nname = \"a\"\n{node}{system}{rest}{line}"));
        assert!(config.is_some());
        titles(&findings)
    };
    let warned = [
        "1:1 the hours and months here are those of the machine's zone, or of TZ where the daemon is started",
    ];
    assert_eq!(site("", "poll = \"1 h\"\n"), Vec::<String>::new());
    for hours in ["times = \"Wk0800-1800\"\n", "poll-at = \"06:00\"\n"] {
        assert_eq!(site("", hours), warned);
        assert_eq!(site("time-zone = \"Europe/Berlin\"\n", hours), Vec::<String>::new());
    }
}

#[test]
fn a_name_that_may_change_is_doubtful_and_a_line_may_be_shared() {
    let site = |device: &str| {
        let line =
            format!("[[line]]\nname = \"m\"\ntype = \"serial\"\ndevice = \"{device}\"\nexclusive = false\n");
        let (config, findings) = read(&format!("[node]\nname = \"a\"\n{line}"));
        assert!(!config.unwrap().lines[0].serial_port().unwrap().exclusive);
        titles(&findings)
    };
    assert_eq!(site("/dev/ttyUSB0"), ["6:10 this may be another adapter after the next start"]);
    assert_eq!(site("/dev/ttyACM1"), ["6:10 this may be another adapter after the next start"]);
    assert_eq!(site("/dev/serial/by-id/usb-x-if00-port0"), Vec::<String>::new());
    assert_eq!(site("/dev/ttyS0"), Vec::<String>::new());
}

#[test]
fn a_line_has_its_rests() {
    let head = "[node]\nname = \"a\"\n[[line]]\nname = \"m\"\ntype = \"serial\"\ndevice = \"/dev/ttyS0\"\nmodem = \"generic\"\n";
    let (config, findings) = read(&format!("{head}hold-off = \"2 s\"\ndtr-low = \"5 s\"\n"));
    assert_eq!(titles(&findings), Vec::<String>::new());
    let station = config.unwrap().station();
    assert_eq!(station.lines[0].hold_off, Duration::from_secs(2));
    let crate::wire::station::LineKind::Modem { profile, .. } = &station.lines[0].kind else {
        panic!("a modem")
    };
    assert_eq!(profile.timeouts.dtr_low, Duration::from_secs(5));
    let (_, findings) = read(&format!("{head}hold-off = \"2 h\"\n"));
    assert_eq!(titles(&findings).len(), 1);
}

#[test]
fn routes_lead_to_systems_and_to_hosts_and_their_files_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let site = |routes: &str| {
        let source = format!("node.name = \"leaf\"\n[routes]\n{routes}\n[[system]]\nname = \"polux\"\n");
        Config::read(&folder.path().join("uugate.toml"), source)
    };
    let (config, findings) = site(
        "smart-host = \"smtp:[192.0.2.1]:2525\"\ndomains = { \"a.example\" = \"polux\", \".org\" = \"smtp\" }",
    );
    assert_eq!(findings.render(false), "");
    let tables = config.unwrap().tables();
    let smart = tables.smart_host.unwrap();
    assert_eq!((smart.next.to_string().as_str(), smart.place.unwrap().line), ("smtp:[192.0.2.1]:2525", 3));
    assert_eq!(tables.routes["a.example"].place.as_ref().unwrap().line, 4);
    assert_eq!(tables.routes[".org"].next.to_string(), "smtp");

    std::fs::write(folder.path().join("paths"), "# x\nfar polux!far\n").unwrap();
    std::fs::write(folder.path().join("good"), ".fidonet.org f1!%s\n").unwrap();
    let gateway = |command: &str| format!("[[routes.gateway]]\npaths = \"good\"\ncommand = [{command}]");
    for (routes, title) in [
        ("paths = \"paths\"", "/paths:2: the path of far lacks %s"),
        ("forced-paths = \"none\"", "there is no file "),
        ("smart-host = \"smtp\"", "wrong `smart-host` in [routes]"),
        ("smart-host = \"smtp:a b\"", "wrong `smart-host` in [routes]"),
        ("domains = { \"x.example\" = \"pollux\" }", "there is no system `pollux`"),
        ("direct = true\ndns = false", "who takes mail for a domain is found out by DNS"),
        ("precedence = \"at\"", "wrong `precedence` in [routes]"),
        (&gateway("\"ifmail\", \"$user\""), "the program is not given by its whole path"),
        (&gateway("\"/bin/ifmail\""), "there is no word $user"),
        ("[rewrite]\nhide = \".lan.example\"", "there is nothing to hide behind"),
        ("[rewrite]\nvisible-name = \"farm.example\"", "mail for `farm.example` is not ours"),
        ("[rewrite.generics]\njan = \"a b\"", "holds a character that may not stand there"),
    ] {
        let found = titles(&site(routes).1);
        assert!(found.len() == 1 && found[0].contains(title), "{routes}: {found:?}");
    }
    let (config, findings) = site(&gateway("\"/bin/ifmail\", \"-r$host\", \"$user\""));
    assert_eq!(findings.render(false), "");
    assert_eq!(config.unwrap().tables().files.paths.len(), 1);
}
