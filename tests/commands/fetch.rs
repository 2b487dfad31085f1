//! `uucp` from a neighbour: what is asked for, and where it may go.

use super::{leaf, stderr};
use crate::support;
use crate::support::node::Node;

/// The works of the jobs that wait, as `uustat` shows them.
fn works(node: &Node) -> Vec<String> {
    let jobs = node.report("uustat", &["-a"])["jobs"]["jobs"].take();
    let work = |job: &serde_json::Value| job["work"].as_str().expect("a text").to_owned();
    jobs.as_array().expect("a list").iter().map(work).collect()
}

#[test]
fn files_of_a_neighbour_are_asked_for_by_name_and_by_pattern() {
    let folder = support::open_folder();
    let node = leaf(&folder);
    std::fs::create_dir_all(node.path("public/in")).expect("a public directory");
    let public = node.path("public").display().to_string();
    for (from, to) in [
        ("feed!~/plan", "~/plan"),
        ("feed!~/plan", "~/in"),
        ("feed!~/plan", "~/new/"),
        ("feed!~/plan", &format!("{public}/x")),
        ("feed!~/*.txt", "~/new"),
    ] {
        node.run("uucp", &["-r", from, to], b"");
    }
    assert_eq!(
        works(&node),
        [
            "Requesting ~/plan to ~/plan",
            "Requesting ~/plan to ~/in/plan",
            "Requesting ~/plan to ~/new/plan",
            "Requesting ~/plan to ~/x",
            "Requesting ~/*.txt to ~/new/",
        ]
    );
}

#[test]
fn files_of_a_neighbour_go_to_the_public_directory_alone() {
    let folder = support::open_folder();
    let node = leaf(&folder);
    for (from, to) in [("feed!~/plan", "/etc/plan"), ("feed!~/plan", "~/../plan"), ("feed!~/*", "plans")] {
        let output = node.try_run("uucp", &["-r", from, to], b"");
        assert_eq!(output.status.code(), Some(64), "{to}");
        let said = stderr(&output);
        assert!(said.contains("public directory"), "{to}: {said}");
    }
    assert!(works(&node).is_empty());
}
