//! `uugate exchange` as a command.

use crate::support::exchange::Program;
use crate::support::open_folder;
use crate::support::telephone::Terminal;
use serde_json::Value;

#[test]
fn any_program_may_use_the_modems_of_an_exchange_until_it_is_stopped() {
    let folder = open_folder();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let mut program = Program::start(folder.path(), &["one=5551", "two=5552,digital"], &["--json"]);
    let mut caller = Terminal::open(&one);
    caller.say("ATDT5552\r");
    let mut called = Terminal::answer(&two);
    caller.expect("CONNECT");
    caller.expect("\r\n");
    caller.say("hello\r\n");
    let mut heard = [0; 7];
    std::io::Read::read_exact(&mut called, &mut heard).expect("bytes");
    assert_eq!(&heard, b"hello\r\n");
    let mut events = || -> Value { serde_json::from_str(&program.line()).expect("JSON") };
    let connected = std::iter::repeat_with(&mut events).find(|event| event["event"] == "connected");
    let connected = connected.expect("endless");
    assert_eq!((connected["up"].as_u64(), connected["down"].as_u64()), (Some(33_600), Some(53_333)));
    assert!(program.stop().success());
    assert!(!one.is_symlink() && !two.is_symlink(), "the modems are gone");
}

#[test]
fn an_exchange_says_what_it_made() {
    let folder = open_folder();
    let program = Program::start(folder.path(), &["one=5551"], &[]);
    assert!(program.stop().success());
}
