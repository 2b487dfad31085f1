//! The directors over real files, all of our own uid.

use super::Lookup;
use crate::agent::{self, Agent};
use crate::post::address::Address;
use crate::post::route::{Decision, Neighbour, Routed, Tables};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The site `polux` with users joe and ann and the neighbour leaf.
pub(super) struct Site {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
    pub tables: Tables,
}

impl Site {
    pub fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let mut tables = Tables::new("polux".parse().unwrap());
        tables.domains = vec!["polux.example".to_owned()];
        for user in ["joe", "ann"] {
            tables.users.insert(user.to_owned(), path.join(user));
            fs::create_dir_all(path.join("home").join(user)).unwrap();
        }
        tables.postmaster = Some("ann".to_owned());
        tables.neighbours.insert("leaf".parse().unwrap(), Neighbour::default());
        let directors = &mut tables.directors;
        directors.alias_files = vec![path.join("aliases")];
        directors.lists = Some(path.join("lists"));
        directors.homes = Some(path.join("home"));
        directors.own_uid = rustix::process::geteuid().as_raw();
        Site { _folder: folder, path, tables }
    }

    /// Writes a file that others may read.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        chmod(&path, 0o644);
        path
    }

    fn lookup(&self) -> Lookup {
        Lookup::new(Agent::new(agent::Settings::default()), &self.tables.directors)
    }

    async fn ends(&self, recipient: &str) -> Vec<String> {
        ends(&self.lookup(), &self.tables, recipient).await
    }
}

pub(super) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

async fn ends(lookup: &Lookup, tables: &Tables, recipient: &str) -> Vec<String> {
    let routed = lookup.resolve(tables, &[Address::parse(recipient).unwrap()]).await;
    routed.iter().map(end).collect()
}

/// Where a copy goes, and in whose name if that is an owner's.
pub(super) fn end(routed: &Routed) -> String {
    let end = match &routed.decision {
        Decision::Local { user, .. } => user.clone(),
        Decision::Neighbour { system, address, .. } => format!("{system}!{address}"),
        Decision::Program { command, user } => format!("{user} |{command}"),
        Decision::File { path, user } => format!("{user} {}", path.display()),
        Decision::Refused(refusal) => format!("{} {}", refusal.status, routed.recipient),
        other => format!("{other:?}"),
    };
    match &routed.owner {
        Some(owner) => format!("{end} by {owner}"),
        None => end,
    }
}

#[tokio::test]
async fn an_alias_file_is_obeyed_from_the_next_message_on() {
    let mut site = Site::new();
    let lookup = site.lookup();
    assert_eq!(ends(&lookup, &site.tables, "sales").await, ["5.1.1 sales"]);
    site.write("aliases", "# who sells\nSales: joe,\n  Bill <leaf!bill>\nJOE: \\joe\n");
    assert_eq!(ends(&lookup, &site.tables, "SALES").await, ["joe", "leaf!bill"]);
    site.write("aliases", "sales: ann, more\nmore: joe\n");
    assert_eq!(ends(&lookup, &site.tables, "sales@polux.example").await, ["ann", "joe"]);
    // What is broken changes nothing.
    let aliases = site.write("aliases", "sales = Sales Desk = joe\n");
    assert_eq!(ends(&lookup, &site.tables, "sales").await, ["ann", "joe"]);
    site.write("aliases", "sales: leaf!bill\n");
    assert_eq!(ends(&lookup, &site.tables, "sales").await, ["leaf!bill"]);
    chmod(&aliases, 0o646);
    assert_eq!(ends(&lookup, &site.tables, "sales").await, ["leaf!bill"]);
    // The aliases of the configuration come first.
    site.tables.aliases.insert("sales".to_owned(), vec!["ann".to_owned()]);
    assert_eq!(ends(&lookup, &site.tables, "sales").await, ["ann"]);
    fs::remove_file(&aliases).unwrap();
    site.tables.aliases.clear();
    assert_eq!(ends(&lookup, &site.tables, "sales").await, ["5.1.1 sales"]);
}

#[tokio::test]
async fn an_alias_file_that_never_was_good_makes_names_wait() {
    let site = Site::new();
    for (text, mode) in
        [("sales = Sales Desk = joe\n", 0o644), ("sales: joe\n", 0o646), ("\0\x01a\x7f", 0o644)]
    {
        let aliases = site.write("aliases", text);
        chmod(&aliases, mode);
        assert_eq!(site.ends("sales").await, ["4.3.0 sales"]);
        assert_eq!(site.ends("leaf!bill").await, ["leaf!bill"]);
    }
}

#[tokio::test]
async fn the_owner_of_an_alias_hears_of_its_errors_if_there_is_one() {
    let site = Site::new();
    site.write("aliases", "all: joe, nobody\nowner-all: ann\nsome: joe, nobody\nnone: owner-all\n");
    assert_eq!(
        site.ends("all").await,
        ["joe by owner-all@polux.example", "5.1.1 nobody by owner-all@polux.example"]
    );
    assert_eq!(site.ends("some").await, ["joe", "5.1.1 some"]);
    assert_eq!(site.ends("none").await, ["ann"]);
}

#[tokio::test]
async fn includes_are_read_and_their_loops_end() {
    let site = Site::new();
    let second = site.write("in/second", "");
    let third = site.write("in/third", "# the last\nann\n");
    let first = site.write("in/first", &format!("joe\n:include:{}\n", second.display()));
    site.write("in/second", &format!(":include:{}, leaf!bill", third.display()));
    site.write("aliases", &format!("all: :include:{}\nrel: :include:in/first\n", first.display()));
    assert_eq!(site.ends("all").await, ["joe", "ann", "leaf!bill"]);
    assert_eq!(site.ends("rel").await, ["5.1.3 rel"]);
    // Round and round.
    site.write("in/third", &format!("ann\n:include:{}\nall\n", first.display()));
    assert_eq!(site.ends("all").await, ["joe", "ann", "leaf!bill"]);
    site.write("in/first", &format!(":include:{}\n", first.display()));
    assert_eq!(site.ends("all").await, ["5.4.6 all"]);
    // Others may write it; it is not there; it is a link.
    site.write("in/first", "joe\n");
    chmod(&first, 0o646);
    assert_eq!(site.ends("all").await, ["5.2.4 all"]);
    fs::remove_file(&first).unwrap();
    assert_eq!(site.ends("all").await, ["5.2.4 all"]);
    std::os::unix::fs::symlink(&third, &first).unwrap();
    assert_eq!(site.ends("all").await, ["5.2.4 all"]);
}

#[tokio::test]
async fn includes_lie_ten_deep_at_most() {
    let site = Site::new();
    let name = |n: usize| site.path.join(format!("in/{n}"));
    for n in 0..12 {
        site.write(&format!("in/{n}"), &format!(":include:{}\n", name(n + 1).display()));
    }
    site.write("in/9", "joe\n");
    site.write(
        "aliases",
        &format!("nine: :include:{}\nten: :include:{}", name(1).display(), name(0).display()),
    );
    assert_eq!(site.ends("nine").await, ["joe"]);
    assert_eq!(site.ends("ten").await, ["5.4.6 ten"]);
}

#[tokio::test]
async fn a_forward_file_takes_the_place_of_the_mailbox() {
    let mut site = Site::new();
    site.write("home/joe/.forward", "# on leave\nann, leaf!joe # at home\n");
    assert_eq!(site.ends("joe").await, ["ann", "leaf!joe"]);
    assert_eq!(site.ends("JOE@polux").await, ["ann", "leaf!joe"]);
    // A copy stays here, however it is written.
    for own in ["\\joe", "joe", "Joe@polux.example", "\"\\joe\"", "\\joe@polux.example", "back"] {
        site.tables.aliases.insert("back".to_owned(), vec!["joe".to_owned()]);
        site.write("home/joe/.forward", &format!("leaf!joe\n{own}\n"));
        assert_eq!(site.ends("joe").await, ["leaf!joe", "joe"], "{own}");
    }
    // Two users who forward to each other.
    site.write("home/joe/.forward", "ann\n");
    site.write("home/ann/.forward", "joe\n");
    assert_eq!(site.ends("joe").await, ["joe"]);
    // No forwarding at all.
    assert_eq!(site.ends("real-joe").await, ["joe"]);
    site.tables.directors.forward_files = false;
    assert_eq!(site.ends("joe").await, ["joe"]);
}

#[tokio::test]
async fn a_forward_file_that_is_not_understood_sends_nothing_away() {
    let site = Site::new();
    for text in
        ["", "# nothing\n", "leaf!joe\nbill jones\n", "leaf!joe\n\0", "leaf!joe \"", ":include:friends"]
    {
        site.write("home/joe/.forward", text);
        assert_eq!(site.ends("joe").await, ["joe"], "{text:?}");
    }
    site.write("home/joe/.forward", &"leaf!joe # and why\n".repeat(20_000));
    assert_eq!(site.ends("joe").await, ["joe"], "a file of that length");
    let forward = site.write("home/joe/.forward", "leaf!joe\n");
    chmod(&forward, 0o646);
    assert_eq!(site.ends("joe").await, ["joe"]);
    assert_eq!(site.ends("real-bill").await, ["5.1.1 real-bill"]);
}

#[tokio::test]
async fn the_first_line_of_a_mailbox_may_forward() {
    let mut site = Site::new();
    let mailbox = site.write("joe", "Forward to ann, leaf!joe\nFrom x Mon Jan  1 00:00:00 2026\n\nx\n");
    assert_eq!(site.ends("joe").await, ["joe"], "it is asked for in the configuration");
    site.tables.directors.forward_to = true;
    chmod(&mailbox, 0o660);
    assert_eq!(site.ends("joe").await, ["ann", "leaf!joe"]);
    assert_eq!(site.ends("real-joe").await, ["joe"]);
    for text in [
        "From bill Mon Jan  1 00:00:00 2026\nForward to ann\n",
        "Forward to\nann\n",
        "Forward to \n",
        "forward to ann\n",
        "",
    ] {
        site.write("joe", text);
        assert_eq!(site.ends("joe").await, ["joe"], "{text:?}");
    }
    site.write("joe", &format!("Forward to {}\n", "ann,".repeat(2000)));
    assert_eq!(site.ends("joe").await, ["joe"], "a line of that length");
}

#[tokio::test]
async fn a_mailing_list_is_a_file_and_its_owner_answers_for_it() {
    let site = Site::new();
    site.write("lists/cows", "joe, leaf!bill\nnobody # any more\n|/bin/cat\n");
    let by = "by owner-cows@polux.example";
    let expected = ["joe", "leaf!bill", "5.1.1 nobody", "5.7.1 Cows"].map(|end| format!("{end} {by}"));
    assert_eq!(site.ends("Cows").await, expected);
    // Who owns it, and who asks about it, are the postmaster's business until somebody else is named.
    let postmaster = "by postmaster@polux.example";
    assert_eq!(site.ends("owner-cows").await, [format!("ann {postmaster}")]);
    assert_eq!(site.ends("cows-request").await, [format!("ann {postmaster}")]);
    site.write("lists/owner/cows", "joe\n");
    assert_eq!(site.ends("owner-cows").await, [format!("joe {postmaster}")]);
    assert_eq!(site.ends("cows-request").await, [format!("joe {postmaster}")]);
    site.write("lists/request/cows", "leaf!bill\n");
    assert_eq!(site.ends("cows-request").await, [format!("leaf!bill {postmaster}")]);
    for none in
        ["owner-pigs", "pigs-request", "owner", "request", "-request", "owner-", ".cows", "owner-owner"]
    {
        if let Ok(address) = Address::parse(none) {
            assert_eq!(site.ends(address.as_str()).await, [format!("5.1.1 {none}")]);
        }
    }
    assert_eq!(site.ends("\"../aliases\"").await, ["5.1.1 \"../aliases\""]);
}

#[tokio::test]
async fn a_list_that_is_empty_or_unsafe_is_refused_as_one() {
    let site = Site::new();
    let list = site.write("lists/cows", "# nobody yet\n");
    assert_eq!(site.ends("cows").await, ["5.2.4 cows"]);
    site.write("lists/cows", "joe\n");
    chmod(&list, 0o666);
    assert_eq!(site.ends("cows").await, ["5.2.4 cows"]);
    chmod(&list, 0o664);
    assert_eq!(site.ends("cows").await, ["joe by owner-cows@polux.example"]);
    chmod(&site.path.join("lists"), 0o777);
    assert_eq!(site.ends("cows").await, ["5.2.4 cows"]);
}

#[tokio::test]
async fn lists_within_lists_and_a_member_twice() {
    let site = Site::new();
    site.write("lists/all", "cows, pigs, joe\n");
    site.write("lists/cows", "joe, all\n");
    site.write("lists/pigs", "joe, ann\n");
    assert_eq!(
        site.ends("all").await,
        ["joe by owner-cows@polux.example", "ann by owner-pigs@polux.example"]
    );
    site.write("lists/big", &(0..1001).map(|n| format!("leaf!u{n}\n")).collect::<String>());
    assert_eq!(site.ends("big").await, ["5.4.6 big"]);
}

#[tokio::test]
async fn programs_and_files_are_named_by_trusted_files_alone() {
    let mut site = Site::new();
    let archive = site.path.join("archive");
    let aliases = site.write(
        "aliases",
        &format!(
            "news: \"|/usr/bin/inews -h 'a b'\"\nshort: |inews\nsh: \"|sh -c 'id'\"\nother: |/usr/bin/other\n\
             log: {archive}/log\nup: {archive}/../aliases\nelsewhere: /etc/passwd\nhome: ~/mail\n",
            archive = archive.display(),
        ),
    );
    for name in ["news", "short", "sh", "other", "log", "up", "elsewhere", "home"] {
        assert_eq!(site.ends(name).await, [format!("5.7.1 {name}")]);
    }
    site.tables.directors.programs = vec!["/usr/bin/inews".into()];
    site.tables.directors.files = vec![format!("{}/", archive.display()), "~/".to_owned()];
    assert_eq!(site.ends("news").await, ["nobody |/usr/bin/inews -h \"a b\""]);
    assert_eq!(site.ends("short").await, ["nobody |/usr/bin/inews"]);
    assert_eq!(site.ends("log").await, [format!("nobody {}/log", archive.display())]);
    for name in ["sh", "other", "up", "elsewhere", "home"] {
        assert_eq!(site.ends(name).await, [format!("5.7.1 {name}")]);
    }
    // Its group may write it; it stands where anybody may put files.
    chmod(&aliases, 0o664);
    assert_eq!(site.ends("news").await, ["5.7.1 news"]);
    chmod(&aliases, 0o644);
    site.tables.directors.unsafe_directories = vec![site.path.clone()];
    assert_eq!(site.ends("news").await, ["5.7.1 news"]);
    site.tables.directors.unsafe_directories.clear();
    // An included file is trusted for itself, and no more than the one that includes it.
    let more = site.write("more", "|inews\n");
    site.write("aliases", &format!("inc: :include:{}\n", more.display()));
    assert_eq!(site.ends("inc").await, ["nobody |/usr/bin/inews"]);
    chmod(&aliases, 0o664);
    assert_eq!(site.ends("inc").await, ["5.7.1 inc"]);
    chmod(&aliases, 0o644);
    chmod(&more, 0o664);
    assert_eq!(site.ends("inc").await, ["5.7.1 inc"]);
}

#[tokio::test]
async fn who_has_moved_is_told_of() {
    let site = Site::new();
    site.write("aliases", "bill: bill@new.example.REDIRECT\n");
    let lookup = site.lookup();
    let routed = lookup.resolve(&site.tables, &[Address::parse("bill").unwrap()]).await;
    let [Routed { decision: Decision::Refused(refusal), .. }] = routed.as_slice() else {
        panic!("{routed:?}")
    };
    let told = (refusal.status.as_str(), refusal.reason.as_str());
    assert_eq!(told, ("5.1.6", "User has moved; please try <bill@new.example>"));
}

#[tokio::test]
async fn nobody_gets_a_message_twice() {
    let site = Site::new();
    site.write("lists/cows", "joe, ann\n");
    site.write("home/ann/.forward", "joe, leaf!ann\n");
    let recipients = ["joe", "cows", "ann", "leaf!ann"].map(|text| Address::parse(text).unwrap());
    let routed = site.lookup().resolve(&site.tables, &recipients).await;
    let ends: Vec<String> = routed.iter().map(end).collect();
    assert_eq!(ends, ["joe", "leaf!ann by owner-cows@polux.example"]);
}
