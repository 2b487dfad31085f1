//! Two neighbours, each uugate or Taylor UUCP, set up for one protocol, with work for each other.

use crate::support::letters::{as_batch, letters};
use crate::support::messages::mark_and_body;
use crate::support::node::{Node, neighbour};
use crate::support::taylor::{self, Taylor};
use crate::support::{open_folder_in, run_with_input};
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use uugate::wire::noise::Random;

/// Whose program is at an end of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Uugate,
    Taylor,
}

impl Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Program::Uugate => "u",
            Program::Taylor => "T",
        })
    }
}

/// A protocol and its parameters; without some, each program's own defaults and the other side's wishes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    pub name: &'static str,
    pub letter: char,
    pub packet: Option<u32>,
    pub window: Option<u32>,
}

impl Variant {
    pub const fn plain(name: &'static str, letter: char) -> Variant {
        Variant { name, letter, packet: None, window: None }
    }

    fn for_taylor(self) -> Vec<String> {
        let packet = self.packet.map(|size| format!("{} packet-size {size}", self.letter));
        let window = self.window.map(|size| format!("{} window {size}", self.letter));
        packet.into_iter().chain(window).collect()
    }

    fn for_uugate(self) -> String {
        let packet = self.packet.map(|size| format!("packet-size = \"{size} B\""));
        let window = self.window.map(|size| format!("window = {size}"));
        let parameters: Vec<String> = packet.into_iter().chain(window).collect();
        let table = match parameters.as_slice() {
            [] => String::new(),
            some => format!("\n{} = {{ {} }}", self.letter, some.join(", ")),
        };
        format!("protocols = \"{}\"{table}", self.letter)
    }
}

/// One of the two sites.
enum Site {
    Uugate(Node),
    Taylor(Taylor),
}

pub struct Pair {
    folder: tempfile::TempDir,
    alpha: Site,
    beta: Site,
}

impl Pair {
    /// `alpha` calls, `beta` is called. Both live in a folder below this one. `by_port`: alpha opens a serial port, if it is uugate;
    /// `terms` are those of its mail for beta.
    pub fn new(
        alpha: Program,
        beta: Program,
        variant: Variant,
        by_port: bool,
        terms: &str,
        below: &Path,
    ) -> Pair {
        let folder = open_folder_in(below);
        let port = by_port.then(|| folder.path().join(PORT));
        let alpha = Site::new(folder.path(), alpha, "alpha", "beta", variant, port.as_deref(), terms);
        let beta = Site::new(folder.path(), beta, "beta", "alpha", variant, None, "");
        Pair { folder, alpha, beta }
    }

    /// The name of alpha's serial port.
    pub fn port(&self) -> PathBuf {
        self.folder.path().join(PORT)
    }

    /// Whether alpha opens it by itself.
    pub fn opens_port(&self) -> bool {
        matches!(self.alpha, Site::Uugate(_))
    }

    pub fn caller(&self) -> Command {
        match &self.alpha {
            Site::Uugate(node) => {
                let mut command = node.caller("beta");
                command.args(["-f", "-q"]);
                command
            }
            Site::Taylor(taylor) => taylor.caller(),
        }
    }

    pub fn called(&self) -> Command {
        match &self.beta {
            Site::Uugate(node) => {
                let mut command = node.called();
                command.args(["-r0", "-q"]);
                command
            }
            Site::Taylor(taylor) => taylor.called(),
        }
    }

    /// Queues a file of `size` bytes for the other side's public directory.
    pub fn queue_file(&self, way: Way, size: usize) {
        let path = self.folder.path().join(format!("{way:?}"));
        fs::write(&path, sample(size, way)).expect("a file to send");
        self.from(way).queue_file(&path, &format!("{way:?}"));
    }

    /// Whether the file arrived as it was sent.
    pub fn file_arrived(&self, way: Way) -> bool {
        let sent = fs::read(self.folder.path().join(format!("{way:?}"))).expect("the file that was sent");
        fs::read(self.to(way).public(&format!("{way:?}"))).is_ok_and(|arrived| arrived == sent)
    }

    /// Where Taylor's site puts that file; uugate keeps it in its spool at first.
    pub fn arrives_at(&self, way: Way) -> PathBuf {
        self.to(way).placed(&format!("{way:?}"))
    }

    /// Queues messages for a user of beta, a job each.
    pub fn queue_mail(&self, count: usize) {
        for number in 0..count {
            self.alpha.queue_job("rmail", &["ann"], &[FROM, message(number).as_bytes()].concat());
        }
    }

    /// Queues the same messages as one ready-made batch.
    pub fn queue_batch(&self, count: usize) {
        self.alpha.queue_job("rsmtp", &[], batch(count).as_bytes());
    }

    /// Hands letters of prose for a user of beta to the queue of alpha, which has them waiting for the call then.
    pub fn queue_letters(&self, count: usize) {
        if let Site::Uugate(node) = &self.alpha {
            node.run("rsmtp", &[], as_batch(&letters(count)).as_bytes());
            node.run("uuxqt", &[], b"");
        }
    }

    /// Whether all of them have reached their reader.
    pub fn letters_arrived(&self, count: usize) -> bool {
        let mut wanted: Vec<Vec<u8>> =
            letters(count).iter().map(|letter| mark_and_body(letter.as_bytes()).to_vec()).collect();
        let mut arrived = self.beta.mail();
        arrived.sort();
        wanted.sort();
        arrived == wanted
    }

    /// Whether just these messages, or the batch of them, have reached their reader.
    pub fn mail_arrived(&self, count: usize) -> bool {
        let mut wanted: Vec<Vec<u8>> = (0..count).map(|number| message(number).into_bytes()).collect();
        let mut arrived = self.beta.mail();
        if arrived.len() == 1 && count > 1 {
            // Taylor's site keeps a batch as it is.
            return arrived.concat() == batch(count).into_bytes();
        }
        arrived.sort();
        wanted.sort();
        arrived == wanted
    }

    fn from(&self, way: Way) -> &Site {
        match way {
            Way::There => &self.alpha,
            Way::Back => &self.beta,
        }
    }

    fn to(&self, way: Way) -> &Site {
        match way {
            Way::There => &self.beta,
            Way::Back => &self.alpha,
        }
    }
}

/// From alpha to beta, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    There,
    Back,
}

impl Site {
    fn new(
        folder: &Path,
        program: Program,
        name: &str,
        peer: &str,
        variant: Variant,
        port: Option<&Path>,
        terms: &str,
    ) -> Site {
        match program {
            Program::Uugate => {
                // What comes last is the section of the line. Some protocols want one that is said to lose nothing.
                let reliable = if matches!(variant.letter, 't' | 'e' | 'y') { "reliable = true" } else { "" };
                let config = match port {
                    Some(port) => on_port(peer, &variant.for_uugate(), port),
                    None => neighbour(peer, &format!("{}\n{terms}", variant.for_uugate())),
                } + reliable;
                let node = Node::new(folder, name, &config);
                // A site that is called has a spool; the first command makes it.
                node.run("uuxqt", &[], b"");
                Site::Uugate(node)
            }
            Program::Taylor => {
                let lines = variant.for_taylor();
                let parameters: Vec<&str> = lines.iter().map(String::as_str).collect();
                let settings = taylor::Settings {
                    protocol: variant.letter,
                    parameters: &parameters,
                    ..taylor::Settings::default()
                };
                Site::Taylor(Taylor::new(folder, name, peer, &settings))
            }
        }
    }

    fn queue_file(&self, path: &Path, name: &str) {
        let (mut command, peer) = match self {
            Site::Uugate(node) => (node.command("uucp"), if node.name == "alpha" { "beta" } else { "alpha" }),
            Site::Taylor(taylor) => (taylor.command("uucp"), taylor.peer.as_str()),
        };
        run_with_input(command.arg("-r").arg(path).arg(format!("{peer}!~/{name}")), b"");
    }

    fn queue_job(&self, program: &str, arguments: &[&str], input: &[u8]) {
        let mut command = match self {
            Site::Uugate(node) => node.command("uux"),
            Site::Taylor(taylor) => taylor.command("uux"),
        };
        run_with_input(command.args(["-r", "-"]).arg(format!("beta!{program}")).args(arguments), input);
    }

    /// Where a file lies that was sent to the public directory.
    fn public(&self, name: &str) -> PathBuf {
        if let Site::Uugate(node) = self {
            node.run("uuxqt", &[], b"");
        }
        self.placed(name)
    }

    fn placed(&self, name: &str) -> PathBuf {
        match self {
            Site::Uugate(node) => node.path("public").join(name),
            Site::Taylor(taylor) => taylor.path("pub").join(name),
        }
    }

    /// What the user of this site has been sent.
    fn mail(&self) -> Vec<Vec<u8>> {
        match self {
            Site::Uugate(node) => {
                node.run("uuxqt", &[], b"");
                node.mailbox("ann").iter().map(|message| mark_and_body(message).to_vec()).collect()
            }
            Site::Taylor(taylor) => {
                taylor.execute();
                taylor.inbox().iter().map(|delivered| delivered.message().to_vec()).collect()
            }
        }
    }
}

/// The name of a serial port in the folder of a pair.
const PORT: &str = "port";

/// The configuration of a node whose one neighbour is called on a serial port.
fn on_port(peer: &str, settings: &str, port: &Path) -> String {
    format!(
        "[routes]\nsmart-host = \"{peer}\"\n[[system]]\nname = \"{peer}\"\nline = \"port\"\n{settings}\n\
         [[line]]\nname = \"port\"\ntype = \"serial\"\ndevice = \"{}\"\nspeed = \"115200 bit/s\"\nflow = \"none\"\n\
         lock-directory = \".\"\n",
        port.display()
    )
}

const FROM: &[u8] = b"From jan Sun Nov 22 00:00:00 2026 remote from alpha\n";

/// Bytes without order, the same every time.
fn sample(size: usize, way: Way) -> Vec<u8> {
    let mut random = Random::new(way as u64 + 1);
    (0..size).map(|_| random.byte()).collect()
}

/// A message of 2048 bytes, its From_ line included.
fn message(number: usize) -> String {
    let mut random = Random::new(number as u64);
    let mut text = format!("Subject: test {number}\n\n");
    while text.len() < 2048 - FROM.len() - 1 {
        let letter = char::from(b'a' + random.byte() % 26);
        text.push(if text.len() % 71 == 0 { '\n' } else { letter });
    }
    text.push('\n');
    text
}

fn batch(count: usize) -> String {
    let mut batch = String::from("HELO alpha\r\n");
    for number in 0..count {
        batch += "MAIL FROM:<jan@alpha>\r\nRCPT TO:<ann@beta>\r\nDATA\r\n";
        batch += &message(number).replace('\n', "\r\n");
        batch += ".\r\n";
    }
    batch + "QUIT\r\n"
}
