use super::*;

fn read(source: &str) -> (Option<Config>, Findings) {
    Config::read(Path::new("/tmp/site/uugate.toml"), source.to_owned())
}

fn titles(findings: &Findings) -> Vec<String> {
    let place = |finding: &Finding| {
        let (line, column) = findings.place(finding.span.start);
        format!("{line}:{column} {}", finding.title)
    };
    findings.sorted().iter().map(place).collect()
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
