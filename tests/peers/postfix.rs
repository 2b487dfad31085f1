//! Postfix as our smart host, and as the mail server of a site that has uugate for its UUCP: it pipes to our `uux` and our `rmail`.

use crate::mail::by_smtp;
use crate::support::authority::Authority;
use crate::support::messages::{assert_arrived, twenty};
use crate::support::mta::{Mta, OWNER, RUNNER, command_line};
use crate::support::node::Node;
use crate::support::open_folder;

/// The site's node: users of its own, a neighbour that waits for a call, and the programs of the mail server trusted.
pub fn gate(folder: &std::path::Path) -> Node {
    let config = format!(
        "domain = [\"gate.example\"]\ntrusted-users = [\"{OWNER}\", \"{RUNNER}\"]\n[[system]]\nname = \"polux\"\nline = \"stdio\"\n\
         [[line]]\nname = \"stdio\"\ntype = \"stdin\"\n"
    );
    Node::new(folder, "gate", &config)
}

/// Messages that pass through SMTP as they are.
pub fn sayable(direction: &str) -> Vec<Vec<u8>> {
    let all = twenty(direction).into_iter();
    all.filter(|message| !message.iter().any(|byte| matches!(byte, 0 | b'\r'))).collect()
}

#[test]
fn postfix_takes_our_mail_over_tls_and_hands_it_to_our_rmail_and_uux() {
    let folder = open_folder();
    let gate = gate(folder.path());
    let certificates = folder.path().join("certificates");
    Authority::new().certify(&certificates, "smart.example");
    let main = format!(
        "transport_maps = inline:{{ {{ gate.example = rmail: }}, {{ far.example = uucp:polux }} }}\n\
         smtpd_tls_cert_file = {0}/site.pem\nsmtpd_tls_key_file = {0}/site.key\nsmtpd_tls_security_level = encrypt\n\
         smtpd_tls_loglevel = 1\n",
        certificates.display()
    );
    let master = format!(
        "rmail unix - n n - - pipe flags=F user={RUNNER} argv={} $recipient\n\
         uucp unix - n n - - pipe flags=Fq user={RUNNER} argv={} -r -n -z -a$sender - $nexthop!rmail ($recipient)\n",
        command_line(&gate, "rmail"),
        command_line(&gate, "uux"),
    );
    let daemon = gate.start();
    let postfix = Mta::postfix(folder.path(), &main, &master);
    let secured = format!(
        "[[smtp-out.route]]\nto = \"{}\"\ntls = \"required\"\ntls-name = \"smart.example\"\ntls-issuers = \"{}/ca.pem\"\n",
        postfix.hop(),
        certificates.display()
    );
    let leaf = Node::new(folder.path(), "leaf", &(by_smtp(&postfix.hop()) + &secured));
    let messages = sayable("mail");
    for message in &messages {
        leaf.mail("marie@leaf.example", &["ann@gate.example"], message);
    }
    let far = ["bob@far.example", "carl@far.example"];
    leaf.mail("marie@leaf.example", &far, b"Subject: far\n\nhello\n");
    leaf.run("uuxqt", &[], b"");
    assert_eq!(
        leaf.waiting(),
        (0, 0),
        "{}\n{}",
        String::from_utf8_lossy(&leaf.run("mailq", &[], b"").stdout),
        postfix.log()
    );
    assert!(postfix.log().contains("TLS connection established"), "{}", postfix.log());
    gate.await_mail("ann", messages.len());
    gate.await_jobs(1);
    let jobs = gate.report("uustat", &["-a"])["jobs"]["jobs"].to_string();
    assert!(jobs.contains("rmail bob@far.example carl@far.example") && jobs.contains("polux"), "{jobs}");
    assert!(daemon.stop().success());
    assert_arrived(&messages, gate.mailbox("ann"), true);
}
