//! `[smtp-out]`: how mail goes out by SMTP and LMTP.

use super::findings::Findings;
use super::node::domain;
use super::secrets;
use super::section::{Section, plain};
use super::units::duration;
use crate::post::delivery::smtp::{NextHop, Place, Route};
use crate::post::smtp::client::{Login, Tls};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is not given is as the transport has it.
#[derive(Debug, Clone, Default)]
pub struct SmtpOut {
    pub hello: Option<String>,
    pub sources: Vec<IpAddr>,
    pub connect_timeout: Option<Duration>,
    pub short_timeout: Option<Duration>,
    pub long_timeout: Option<Duration>,
    pub max_messages: Option<u32>,
    pub max_time: Option<Duration>,
    pub defer_no_connect: Option<bool>,
    pub usual: Route,
    pub routes: Vec<(NextHop, Route)>,
}

pub fn read(section: &mut Section<'_>, base: &Path, findings: &Findings) -> SmtpOut {
    let sources = section.list("source-address", |text| {
        text.parse::<IpAddr>()
            .map_err(|_| "write IP addresses, as [\"192.0.2.7\", \"2001:db8::7\"]".to_owned())
    });
    let sources = sources.unwrap_or_default();
    if sources.iter().filter(|source| source.is_ipv4()).count() > 1
        || sources.iter().filter(|source| source.is_ipv6()).count() > 1
    {
        section.wrong(
            "source-address",
            "several addresses of one kind are given",
            "keep one for IPv4 and one for IPv6",
        );
    }
    let mut out = SmtpOut {
        hello: section.value("hello", domain),
        sources,
        connect_timeout: section.value("connect-timeout", duration),
        short_timeout: section.value("short-timeout", duration),
        long_timeout: section.value("long-timeout", duration),
        max_messages: section.count("max-messages", 1..=10_000),
        max_time: section.value("max-time", duration),
        defer_no_connect: section.boolean("defer-no-connect"),
        usual: Route { tls: section.value("tls", tls).unwrap_or_default(), ..Route::default() },
        routes: Vec::new(),
    };
    out.usual.issuers = section.value("tls-issuers", |file| readable(base.join(file)));
    for mut route in section.sections("route") {
        if let Some((to, read)) = read_route(&mut route, &out.usual, base) {
            if out.routes.iter().any(|(other, _)| *other == to) {
                findings.error(route.span("to"), "there are two routes to this next hop", "keep one of them");
            }
            out.routes.push((to, read));
        }
        route.finish();
    }
    out
}

/// `[[smtp-out.route]]`: what one next hop wants.
fn read_route(section: &mut Section<'_>, usual: &Route, base: &Path) -> Option<(NextHop, Route)> {
    let to = section.value("to", |text| {
        text.parse::<NextHop>().map_err(|_| {
            "write it as it stands in the route: \"far.example\", \"[mail.far.example]:587\"".to_owned()
        })
    });
    if !section.has("to") {
        section.missing("to", "say to which next hop this applies, as \"[mail.far.example]:587\"");
    }
    let given = section.value("tls", tls);
    let route = Route {
        tls: given.unwrap_or(usual.tls),
        issuers: section
            .value("tls-issuers", |file| readable(base.join(file)))
            .or_else(|| usual.issuers.clone()),
        name: section.value("tls-name", domain),
        port: section.count("port", 1..=65535).and_then(|port| u16::try_from(port).ok()),
        login: read_login(section, base),
    };
    if route.login.is_some() && !matches!(route.tls, Tls::Required | Tls::FromStart) {
        section.wrong(
            "user",
            "a password is said over TLS alone",
            "add tls = \"required\", or tls = \"from-start\" for port 465",
        );
    }
    let is_domain = to.as_ref().is_some_and(|to| matches!(to.place, Place::Domain(_)));
    if route.port.is_some() && !is_domain {
        section.wrong(
            "port",
            "the port of one host stands in `to`",
            "write it as \"[mail.far.example]:587\"",
        );
    }
    if route.login.is_some() && is_domain && route.name.is_none() {
        section.wrong(
            "to",
            "the name server decides who gets the password",
            "write the host as \"[mail.far.example]:587\", or add the tls-name that its certificate must show",
        );
    }
    Some((to?, route))
}

fn read_login(section: &mut Section<'_>, base: &Path) -> Option<Login> {
    let user = section.value("user", |text| plain(text).map(str::to_owned));
    let password = section.value("password-file", |path| secrets::from_file(&base.join(path)));
    match (section.has("user"), section.has("password-file")) {
        (true, false) => section.missing("password-file", "name a file of mode 0600 that holds the password"),
        (false, true) => section.missing("user", "add the name that goes with the password"),
        _ => {}
    }
    Some(Login { user: user?, password: password? })
}

fn readable(file: PathBuf) -> Result<PathBuf, String> {
    match std::fs::File::open(&file) {
        Ok(_) => Ok(file),
        Err(error) => Err(format!("{} cannot be read: {error}", file.display())),
    }
}

fn tls(text: &str) -> Result<Tls, String> {
    match text {
        "never" => Ok(Tls::Never),
        "if-offered" => Ok(Tls::IfOffered),
        "required" => Ok(Tls::Required),
        "from-start" => Ok(Tls::FromStart),
        _ => Err("write \"never\", \"if-offered\", \"required\" or \"from-start\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn config(folder: &Path, text: &str) -> Result<SmtpOut, String> {
        let text = format!("[node]\nname = \"leaf\"\n{text}");
        let (config, findings) = Config::read(&folder.join("uugate.toml"), text);
        config.map(|config| config.smtp_out).ok_or_else(|| findings.render(false))
    }

    #[test]
    fn a_smart_host_that_wants_a_password_is_set_up() {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "s3cret\n").unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = "[smtp-out]\nhello = \"Leaf.example\"\nsource-address = \"192.0.2.7\"\nshort-timeout = \"2 min\"\n\
            defer-no-connect = false\n[[smtp-out.route]]\nto = \"[Mail.far.example]:587\"\ntls = \"required\"\n\
            user = \"jan\"\npassword-file = \"password\"\n";
        let out = config(folder.path(), text).unwrap();
        assert_eq!(out.hello.as_deref(), Some("leaf.example"));
        assert_eq!((out.short_timeout, out.defer_no_connect), (Some(Duration::from_secs(120)), Some(false)));
        let [(to, route)] = out.routes.as_slice() else { panic!("{out:?}") };
        assert_eq!(
            (to, route.tls, out.usual.tls),
            (&"[mail.far.example]:587".parse().unwrap(), Tls::Required, Tls::IfOffered)
        );
        assert_eq!(route.login.as_ref().unwrap().password.expose(), "s3cret");
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(config(folder.path(), text).unwrap_err().contains("chmod 600"));
    }

    #[test]
    fn what_would_give_a_password_away_or_means_nothing_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "s3cret\n").unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        let login = "user = \"jan\"\npassword-file = \"password\"";
        for (route, told) in [
            (format!("to = \"[mail.far]\"\n{login}"), "a password is said over TLS alone"),
            (format!("to = \"far.example\"\ntls = \"required\"\n{login}"), "decides who gets the password"),
            ("to = \"[mail.far]\"\nuser = \"jan\"".to_owned(), "password-file"),
            ("to = \"[mail.far]\"\npassword-file = \"password\"".to_owned(), "`user`"),
            ("to = \"far example\"".to_owned(), "as it stands in the route"),
            ("tls = \"never\"".to_owned(), "lacks `to`"),
            ("to = \"[mail.far]\"\nport = 587".to_owned(), "stands in `to`"),
            ("to = \"[mail.far]\"\ntls = \"perhaps\"".to_owned(), "if-offered"),
            ("to = \"a.b\"\ntls-issuers = \"nowhere.pem\"".to_owned(), "cannot be read"),
            ("to = \"a.b\"\n[[smtp-out.route]]\nto = \"A.b\"".to_owned(), "two routes to this next hop"),
        ] {
            let findings = config(folder.path(), &format!("[[smtp-out.route]]\n{route}\n")).unwrap_err();
            assert!(findings.contains(told), "{route}: {findings}");
        }
        let twice = config(folder.path(), "[smtp-out]\nsource-address = [\"192.0.2.1\", \"192.0.2.2\"]\n")
            .unwrap_err();
        assert!(twice.contains("one for IPv4"), "{twice}");
    }
}
