use super::super::{Rules, User};
use super::*;
use rustix::fs::OFlags;
use std::path::Path;

fn permit(folder: &Path, script: &str) -> Permit {
    let mut rules = Rules::new(1 << 20);
    rules.lda = ["/bin/sh", "-c", script, "lda", "{user}", "-f{sender}", "{recipient}"]
        .map(|text| super::super::Template::parse(text, &ARGUMENT_NAMES).unwrap())
        .to_vec();
    rules.programs = vec!["/bin/cat".into()];
    rules.program_time = Duration::from_secs(20);
    let uid = rustix::process::geteuid().as_raw();
    rules.permit(User { name: "jan".into(), uid, gid: 0, home: folder.to_owned() })
}

fn task() -> Task {
    Task {
        program: Program::Lda,
        sender: "joe@leaf".into(),
        recipient: "jan+x@polux".into(),
        extension: "x".into(),
    }
}

/// The input of a program: these pieces, and its end.
fn pieces(pieces: &[&[u8]]) -> impl FnMut() -> io::Result<Option<Vec<u8>>> {
    let mut pieces: Vec<_> = pieces.iter().rev().map(|piece| piece.to_vec()).collect();
    move || Ok(pieces.pop())
}

fn run(script: &str, input: &[&[u8]]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let invocation = Invocation::new(&permit(folder.path(), script), &task()).unwrap();
    invocation.run(pieces(input)).unwrap()
}

#[test]
fn a_program_gets_the_message_its_words_and_a_clean_environment() {
    let ended = run("cat; echo \"$*\"; pwd; env | sort", &[b"From a\n", b"\nhello\n"]);
    let said = String::from_utf8(ended.output).unwrap();
    let (message, rest) = said.split_once("jan -fjoe@leaf jan+x@polux\n").unwrap();
    assert_eq!(message, "From a\n\nhello\n");
    let (home, environment) = rest.split_once('\n').unwrap();
    let names: Vec<&str> = environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let mut expected =
        ["EXTENSION", "HOME", "LOGNAME", "PATH", "RECIPIENT", "SENDER", "SHELL", "USER"].to_vec();
    // The shell adds these.
    expected.extend(names.iter().copied().filter(|name| ["PWD", "OLDPWD", "SHLVL", "_"].contains(name)));
    expected.sort();
    assert_eq!(names, expected);
    assert!(environment.contains(&format!("HOME={home}\n")) && environment.contains("SENDER=joe@leaf\n"));
    assert_eq!(ended.how, How::Exit(0));
}

#[test]
fn nothing_that_we_have_open_is_open_in_a_program() {
    let ours = std::fs::File::open("/dev/null").unwrap();
    let ended = run("ls /proc/self/fd", &[]);
    let said = String::from_utf8(ended.output).unwrap();
    let number = |name: &str| name.parse::<i32>().unwrap();
    // Whoever started the tests may have left more open, for all that they start. The last one is that of ls itself.
    let inherited = |fd: &i32| {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or("0").trim();
        let flags = u32::from_str_radix(flags, 8).unwrap();
        !info.is_empty() && flags & OFlags::CLOEXEC.bits() == 0
    };
    let mut open: Vec<i32> = said.lines().map(number).filter(|fd| *fd > 2 && !inherited(fd)).collect();
    open.sort_unstable();
    assert!(open.len() <= 1, "{said} beside {ours:?}");
}

#[test]
fn each_end_is_told_apart() {
    assert_eq!(run("exit 67", &[b"x"]).how, How::Exit(67));
    assert_eq!(run("kill -9 $$", &[b"x"]).how, How::Signal(9));
}

#[test]
fn a_program_that_reads_nothing_or_says_too_much_does_not_hang() {
    let large = vec![b'x'; 300_000];
    let ended = run("exec <&-; echo enough; exit 3", &[&large, &large]);
    assert_eq!((ended.how, ended.output.as_slice()), (How::Exit(3), &b"enough\n"[..]));
    let ended = run("yes | head -c 1000000; cat >/dev/null", &[&large, &large]);
    assert_eq!((ended.how, ended.output.len()), (How::Exit(0), OUTPUT));
}

#[test]
fn a_program_that_does_not_end_is_killed_with_all_that_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let mut permit = permit(folder.path(), "sleep 600 & echo $!; echo $$; wait");
    permit.program_time = Duration::from_millis(300);
    let ended = Invocation::new(&permit, &task()).unwrap().run(pieces(&[])).unwrap();
    assert_eq!(ended.how, How::TimedOut);
    let said = String::from_utf8(ended.output).unwrap();
    let pids: Vec<&str> = said.lines().collect();
    assert_eq!(pids.len(), 2, "{said:?}");
    for pid in pids {
        assert!(is_dead(pid), "{pid}");
    }
}

#[test]
fn what_a_program_leaves_behind_is_killed() {
    let ended = run("sleep 600 >/dev/null 2>&1 & echo $!", &[]);
    assert_eq!(ended.how, How::Exit(0));
    assert!(is_dead(String::from_utf8(ended.output).unwrap().trim()));
}

/// Waits until a process that was killed is dead.
fn is_dead(pid: &str) -> bool {
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return true };
    let patience = Timespec::try_from(Duration::from_secs(60)).unwrap();
    poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience)).unwrap() == 1
}

#[test]
fn a_message_that_breaks_off_is_not_taken_for_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let script = "cat > got; echo whole > done";
    let invocation = Invocation::new(&permit(folder.path(), script), &task()).unwrap();
    let mut first = Some(b"half".to_vec());
    let broken = invocation.run(|| first.take().map(Some).ok_or(io::ErrorKind::UnexpectedEof.into()));
    assert!(broken.is_err());
    assert!(!folder.path().join("done").exists());
}

#[test]
fn no_address_becomes_an_option_or_a_control_character() {
    let folder = tempfile::tempdir().unwrap();
    let permit = permit(folder.path(), "true");
    for recipient in ["-oQ/tmp@polux", "jan\n@polux", "jan\0"] {
        let refused = Invocation::new(&permit, &Task { recipient: recipient.into(), ..task() }).unwrap_err();
        assert!(matches!(refused, AgentError::NoProgram { .. }), "{refused}");
    }
    // Behind an option of the operator's it is a value.
    assert!(Invocation::new(&permit, &Task { sender: "-x".into(), ..task() }).is_ok());
}

#[test]
fn only_listed_programs_are_run_and_no_shell_reads_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let permit = permit(folder.path(), "true");
    let command = |words: &[&str]| {
        let program = Program::Command(words.iter().map(|word| (*word).to_owned()).collect());
        Invocation::new(&permit, &Task { program, ..task() }).map(|invocation| invocation.words)
    };
    assert_eq!(command(&["cat", "-n"]).unwrap(), ["/bin/cat", "-n"]);
    assert_eq!(command(&["/bin/cat", "a b; $(id)", ""]).unwrap(), ["/bin/cat", "a b; $(id)", ""]);
    let many = vec!["cat"; WORDS + 1];
    let lists: [&[&str]; 9] = [
        &["sh", "-c", "id"],
        &["/bin/sh", "-c", "id"],
        &["../bin/cat"],
        &["/tmp/cat"],
        &["cat;id"],
        &["cat", "a\nb"],
        &[""],
        &[],
        &many,
    ];
    for words in lists {
        let refusal = command(words).unwrap_err();
        assert!(matches!(refusal, AgentError::NoProgram { .. }), "{words:?}: {refusal}");
    }
}
