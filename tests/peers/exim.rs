//! Exim as our smart host, and as the mail server of a site that has uugate for its UUCP: it pipes to our `uux`, `rmail` and `rsmtp`.

use super::postfix::{gate, sayable};
use crate::mail::by_smtp;
use crate::support::messages::assert_arrived;
use crate::support::mta::{Mta, command_line};
use crate::support::node::Node;
use crate::support::open_folder;

const ROUTERS: &str = "\
batch:\n  driver = accept\n  domains = gate.example\n  local_parts = root\n  transport = rsmtp\n\
here:\n  driver = accept\n  domains = gate.example\n  transport = rmail\n\
away:\n  driver = manualroute\n  domains = far.example\n  route_list = * polux\n  transport = uucp\n";

#[test]
fn exim_takes_our_mail_and_hands_it_to_our_rmail_rsmtp_and_uux() {
    let folder = open_folder();
    let gate = gate(folder.path());
    let transports = format!(
        "rmail:\n  driver = pipe\n  command = {} $pipe_addresses\n  message_suffix =\n  return_fail_output\n\
         rsmtp:\n  driver = pipe\n  command = {}\n  use_bsmtp\n  batch_max = 100\n  message_prefix =\n  message_suffix =\n  return_fail_output\n\
         uucp:\n  driver = pipe\n  command = {} -r -n -z - $host!rmail $pipe_addresses\n  message_suffix =\n  return_fail_output\n",
        command_line(&gate, "rmail"),
        command_line(&gate, "rsmtp"),
        command_line(&gate, "uux"),
    );
    let daemon = gate.start();
    let exim = Mta::exim(folder.path(), ROUTERS, &transports);
    let leaf = Node::new(folder.path(), "leaf", &by_smtp(&exim.hop()));
    let messages = sayable("mail");
    for message in &messages {
        let to = ["ann@gate.example", "root@gate.example"];
        leaf.mail("marie@leaf.example", &to, message);
    }
    leaf.mail("marie@leaf.example", &["bob@far.example"], b"Subject: far\n\nhello\n");
    leaf.run("uuxqt", &[], b"");
    assert_eq!(
        leaf.waiting(),
        (0, 0),
        "{}\n{}",
        String::from_utf8_lossy(&leaf.run("mailq", &[], b"").stdout),
        exim.log()
    );
    gate.await_mail("ann", messages.len());
    gate.await_mail("root", messages.len());
    gate.await_jobs(1);
    let jobs = gate.report("uustat", &["-a"])["jobs"]["jobs"].to_string();
    assert!(jobs.contains("rmail bob@far.example") && jobs.contains("polux"), "{jobs}");
    assert!(daemon.stop().success());
    assert_arrived(&messages, gate.mailbox("ann"), true);
    assert_arrived(&messages, gate.mailbox("root"), true);
}
