//! Fills the settings of the rooms below from the configuration.

use super::{Config, System};
use crate::agent;
use crate::execute;
use crate::post::delivery::{smtp as smtp_out, uucp};
use crate::post::queue::{self, Link, Patience};
use crate::post::route::{Tables, directors};
use crate::post::{smtp, submit};
use crate::tls::TlsServer;
use std::sync::Arc;

impl Config {
    /// Our name in mail: the first domain, else the name among UUCP systems.
    pub fn host(&self) -> String {
        self.node.domains.first().cloned().unwrap_or_else(|| format!("{}.uucp", self.node.name))
    }

    /// What routing knows.
    pub fn tables(&self) -> Tables {
        let mut tables = Tables::new(self.node.name.clone());
        tables.domains.clone_from(&self.node.domains);
        tables.users =
            self.users.iter().map(|(user, mailbox)| (Tables::key(user), mailbox.clone())).collect();
        tables.aliases = self.aliases.iter().map(|(name, to)| (Tables::key(name), to.clone())).collect();
        let own_uid = rustix::process::geteuid().as_raw();
        tables.directors = directors::Settings { own_uid, ..self.directors.clone() };
        tables.neighbours = self.systems.iter().map(|s| (s.name.clone(), s.mail.clone())).collect();
        tables.routes =
            self.routes.domains.iter().map(|(domain, to)| (Tables::key(domain), to.clone())).collect();
        tables.smart_host.clone_from(&self.routes.smart_host);
        tables.files.clone_from(&self.routes.files);
        tables.direct.clone_from(&self.routes.direct);
        tables.dns = !self.routes.no_dns;
        if let Some(pseudo) = &self.routes.pseudo_domains {
            tables.pseudo_domains.clone_from(pseudo);
        }
        tables.rewriting.clone_from(&self.rewriting);
        tables.precedence = self.routes.precedence;
        tables.shortcuts = self.routes.shortcuts.iter().map(|name| Tables::key(name)).collect();
        tables
    }

    pub fn queue_settings(&self) -> queue::Settings {
        let mut settings = queue::Settings::new(self.host());
        settings.size = self.mail.max_message_size;
        settings.recipients = self.mail.max_recipients as usize;
        settings.batch.size = self.mail.max_batch_size;
        settings.reports_per_hour = self.queue.reports_per_hour;
        settings.postmaster_copies = self.queue.postmaster_copies;
        settings.patience = self.patience();
        settings
    }

    /// How long senders wait before they are told something.
    fn patience(&self) -> Patience {
        let link = |system: &System| {
            let usual = Link::default();
            let plan = if system.lines.is_empty() { usual.plan } else { system.plan.clone() };
            Link { plan, give_up: system.bounce_after.unwrap_or(usual.give_up) }
        };
        Patience {
            warn: self.queue.warn_after,
            give_up: self.queue.bounce_after,
            links: self.systems.iter().map(|system| (system.name.clone(), link(system))).collect(),
            zone: self.node.time_zone.clone(),
        }
    }

    pub fn submit_settings(&self) -> submit::Settings {
        let smtp = smtp::Settings {
            host: self.host(),
            message_max: self.mail.max_message_size,
            recipients_max: self.mail.max_recipients as usize,
            errors_max: self.smtp.max_errors,
            idle_max: self.smtp.timeout,
            session_max: self.smtp.max_time,
            ..smtp::Settings::default()
        };
        submit::Settings {
            connections: self.smtp.max_sessions as usize,
            connections_each: self.smtp.max_sessions_each as usize,
            relay: self.smtp.relay_for.clone(),
            relay_certificates: self.smtp.relay_certificates.clone(),
            passwords: self.smtp.passwords.clone(),
            tls: self.smtp.tls.clone().map(TlsServer::new),
            smtp,
            ..submit::Settings::default()
        }
    }

    pub fn uucp_delivery_settings(&self) -> uucp::Settings {
        let batches = self.systems.iter().map(|system| (system.name.clone(), system.batches.clone()));
        uucp::Settings {
            batches: batches.collect(),
            ..uucp::Settings::new(self.node.name.clone(), self.host())
        }
    }

    pub fn smtp_delivery_settings(&self) -> smtp_out::Settings {
        let given = &self.smtp_out;
        let mut settings = smtp_out::Settings::new(given.hello.clone().unwrap_or_else(|| self.host()));
        settings.own_names.extend(self.node.domains.iter().cloned());
        settings.own_addresses.clone_from(&self.smtp.listen);
        settings.sources.clone_from(&given.sources);
        settings.connect_timeout = given.connect_timeout.unwrap_or(settings.connect_timeout);
        let timeouts = &mut settings.timeouts;
        if let Some(short) = given.short_timeout {
            timeouts.command = short;
            timeouts.data = timeouts.data.min(short);
            timeouts.text = timeouts.text.min(short);
        }
        timeouts.end = given.long_timeout.unwrap_or(timeouts.end);
        settings.messages_max = given.max_messages.map_or(settings.messages_max, |count| count as usize);
        settings.time_max = given.max_time.unwrap_or(settings.time_max);
        settings.defer_no_connect = given.defer_no_connect.unwrap_or(settings.defer_no_connect);
        settings.usual.clone_from(&given.usual);
        settings.routes.clone_from(&given.routes);
        settings
    }

    /// How work in the name of users is done. The group of mailboxes is the agent's business alone.
    pub fn agent_settings(&self) -> agent::Settings {
        agent::Settings {
            lock_wait: self.agent.lock_wait,
            socket: self.agent.socket.clone(),
            rules: Arc::new(self.agent_rules()),
        }
    }

    /// What may be done in the name of users: what addresses may name is said in `[directors]`, once for routing and for
    /// the agent.
    pub fn agent_rules(&self) -> agent::Rules {
        let mut rules = self.agent.rules.clone();
        rules.programs.clone_from(&self.directors.programs);
        // A name in braces would be one of a template.
        let file = |text: &String| match text.strip_prefix("~/") {
            Some(below) => agent::Template::parse(&format!("{{home}}/{below}"), &["home"]).ok(),
            None => agent::Template::parse(text, &[]).ok(),
        };
        rules.files = self.directors.files.iter().filter_map(file).collect();
        rules
    }

    pub fn execute_settings(&self) -> execute::Settings {
        let roots = execute::Roots { public: self.node.public_directory.clone(), others: Vec::new() };
        execute::Settings { node: self.node.name.clone(), roots }
    }
}
