//! The site of the HOWTO, as our configuration has it: which mail goes which way.

use crate::support::node::Node;
use crate::support::open_folder;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The site, laid out from `config/howto-site.toml` and the files beside it.
fn barberouge(folder: &Path) -> Node {
    let node = Node::new(folder, "barberouge", "");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    fs::copy(shipped.join("howto-site.toml"), node.path("uugate.toml")).expect("the configuration");
    fs::create_dir(node.path("howto-site")).expect("a folder");
    for file in ["table", "forcepaths", "fidopaths"] {
        let place = Path::new("howto-site").join(file);
        fs::copy(shipped.join(&place), node.path(&place.to_string_lossy())).expect("a file of routes");
    }
    node
}

fn json(node: &Node, program: &str, arguments: &[&str]) -> Value {
    let output = node.run(program, &[arguments, &["--json"]].concat(), b"");
    serde_json::from_slice(&output.stdout).expect("a report")
}

/// The commands of the jobs for a system, each with its size left out.
fn jobs(node: &Node, system: &str) -> Vec<String> {
    let report = json(node, "uustat", &["-a"]);
    let all = report["jobs"]["jobs"].as_array().expect("jobs");
    let of_system = all.iter().filter(|job| job["system"] == system);
    let command = |job: &serde_json::Value| {
        let work = job["work"].as_str().expect("a text");
        work.strip_prefix("Executing ").expect("a command").to_owned()
    };
    of_system.map(command).collect()
}

#[test]
fn four_messages_have_four_behaviours() {
    let folder = open_folder();
    let node = barberouge(folder.path());
    let message = b"From: jan@barberouge.linux.lmm.com\nSubject: four\n\nfour\n";
    for system in ["curdsgw", "oldbsd", "sun", "polux"] {
        let recipients: Vec<String> = (0..12).map(|n| format!("user{n}@{system}.uucp")).collect();
        let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
        node.mail("jan@barberouge.linux.lmm.com", &recipients, message);
    }
    assert_eq!(jobs(&node, "curdsgw"), ["rsmtp"]);
    let oldbsd = jobs(&node, "oldbsd");
    assert_eq!((oldbsd.len(), oldbsd[0].as_str()), (12, "rmail user0"));
    for system in ["sun", "polux"] {
        let jobs = jobs(&node, system);
        let counts: Vec<usize> = jobs.iter().map(|job| job.split(' ').count() - 1).collect();
        assert_eq!(counts, [5, 5, 2], "{system}: {jobs:?}");
    }
    // Who is to be called for it: two of them, and one of those not before the evening.
    for (system, wished) in [("curdsgw", true), ("oldbsd", false), ("sun", true), ("polux", false)] {
        let report = String::from_utf8(node.run("when", &[system], b"").stdout).expect("a text");
        assert_eq!(report.contains("called on demand"), wished, "{report}");
    }
}

#[test]
fn route_says_where_mail_goes_and_which_line_says_so() {
    let folder = open_folder();
    let node = barberouge(folder.path());
    let route = |address: &str| {
        let report = json(&node, "route", &[address]);
        let ends = report["route"]["routed"].as_array().expect("ends").clone();
        ends.into_iter()
            .map(|end| {
                let (deliver, refuse) = (&end["decision"]["deliver"], &end["decision"]["refuse"]);
                let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
                let place = end["file"].as_str().map(|file| {
                    let name = Path::new(file).file_name().expect("a name").to_string_lossy().into_owned();
                    format!(" {name}:{}", end["line"])
                });
                let place = place.unwrap_or_default();
                match refuse["status"].as_str() {
                    Some(status) => format!("{status}{place}"),
                    None => format!(
                        "{} {} {}{place}",
                        text(&deliver["transport"]),
                        text(&deliver["site"]),
                        text(&deliver["given"])
                    ),
                }
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(route("jan@barberouge.linux.lmm.com"), ["local jan jan"]);
    assert_eq!(route("Postmaster@barberouge.polux.freenix.fr"), ["local jan jan"]);
    assert_eq!(route("joe@sun.uucp"), ["uux sun joe table:6"]);
    assert_eq!(route("curdsgw!far!joe"), ["uusmtp curdsgw far!joe table:4"]);
    assert_eq!(route("joe@fr.example@oldbsd"), ["5.1.3"]);
    assert_eq!(route("x@nowhere.uucp"), ["uux polux x@nowhere.uucp table:7"]);
    assert_eq!(
        route("joe@f105.n324.z2.fidonet.org"),
        ["gateway /usr/local/bin/ifmail -x9 -rf105.n324.z2.fidonet.org $user joe fidopaths:2"]
    );
    assert_eq!(
        route("joe@f1.n9.z2.fidonet.org"),
        [
            "gateway /usr/local/bin/ifmail -x9 -rf105.n324.z2.fidonet.org $user f1.n9.z2.fidonet.org!joe fidopaths:4"
        ]
    );
    assert_eq!(route("friends").len(), 3);
    assert_eq!(route("nobody"), ["5.1.1"]);

    fs::write(node.path("howto-site/forcepaths"), "# by way of sun\nmuseum sun!museum!%s\n").expect("a file");
    assert_eq!(route("joe@museum"), ["uux sun museum!joe table:6"]);
    let text =
        String::from_utf8(node.run("route", &["joe@museum", "--sender", "jan"], b"").stdout).expect("a text");
    assert!(
        text.starts_with("joe@museum: uux to sun, as museum!joe, from jan, and it is called\n"),
        "{text}"
    );
    assert!(text.contains("    forced path museum to sun!museum!joe ("), "{text}");
    assert!(text.contains("/forcepaths:2), the table says demand for sun ("), "{text}");

    fs::write(node.path("howto-site/forcepaths"), "far sun!far!joe\n").expect("a file");
    let check = node.try_run("check", &[], b"");
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert_eq!(check.status.code(), Some(78), "{said}");
    assert!(said.contains("forcepaths:1: the path of far lacks %s"), "{said}");
}
