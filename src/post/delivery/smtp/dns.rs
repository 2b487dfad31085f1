//! What is looked up: who takes mail for a domain, and the addresses of a host.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use std::net::IpAddr;

/// Answers of a hostile name server that are looked at, at most.
const RECORDS_MAX: usize = 50;

/// One mail host of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mx {
    /// The lower, the sooner it is tried.
    pub preference: u16,
    /// Without a dot at its end; empty in a null MX.
    pub host: String,
}

/// Why nothing was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// There is no such name.
    NoName,
    /// There is, but not with what was asked for.
    NoRecord,
    /// It is not known whether there is.
    Unknown(String),
}

/// Who is asked.
#[derive(Debug, Clone)]
pub enum Resolver {
    /// The hosts file and the name servers of this machine, as they are named when something is looked up: with a dial-up link they
    /// come and go.
    System,
    #[cfg(test)]
    Scripted(std::sync::Arc<Script>),
}

/// What the tests have looked up.
#[cfg(test)]
#[derive(Debug, Default)]
pub struct Script {
    pub mail_hosts: std::collections::HashMap<&'static str, Result<Vec<Mx>, NotFound>>,
    pub addresses: std::collections::HashMap<&'static str, Result<Vec<IpAddr>, NotFound>>,
}

impl Resolver {
    /// The mail hosts of a domain, in no order.
    pub async fn mail_hosts(&self, domain: &str) -> Result<Vec<Mx>, NotFound> {
        match self {
            Resolver::System => mail_hosts(&system()?, domain).await,
            #[cfg(test)]
            Resolver::Scripted(script) => {
                script.mail_hosts.get(domain).cloned().unwrap_or(Err(NotFound::NoName))
            }
        }
    }

    /// The addresses of a host, in the order in which they are tried.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NotFound> {
        match self {
            Resolver::System => addresses(&system()?, host).await,
            #[cfg(test)]
            Resolver::Scripted(script) => {
                script.addresses.get(host).cloned().unwrap_or(Err(NotFound::NoName))
            }
        }
    }
}

async fn mail_hosts(resolver: &TokioResolver, domain: &str) -> Result<Vec<Mx>, NotFound> {
    let found = resolver.mx_lookup(absolute(domain)).await.map_err(not_found)?;
    let mx = |data: &RData| match data {
        RData::MX(mx) => {
            let host = mx.exchange.to_ascii();
            let host = host.strip_suffix('.').unwrap_or(&host).to_ascii_lowercase();
            Some(Mx { preference: mx.preference, host })
        }
        _ => None,
    };
    let all: Vec<Mx> =
        found.answers().iter().filter_map(|record| mx(&record.data)).take(RECORDS_MAX).collect();
    if all.is_empty() { Err(NotFound::NoRecord) } else { Ok(all) }
}

async fn addresses(resolver: &TokioResolver, host: &str) -> Result<Vec<IpAddr>, NotFound> {
    // A bare name is one of the hosts file, or of our own domain.
    let name = if host.contains('.') { absolute(host) } else { host.to_owned() };
    let found = resolver.lookup_ip(name).await.map_err(not_found)?;
    let all: Vec<IpAddr> = found.iter().take(RECORDS_MAX).collect();
    if all.is_empty() { Err(NotFound::NoRecord) } else { Ok(all) }
}

/// The domains of mail are whole: the search list of this machine adds nothing to them.
fn absolute(name: &str) -> String {
    format!("{name}.")
}

fn system() -> Result<TokioResolver, NotFound> {
    let builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
        // Without name servers there is still the hosts file.
        TokioResolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
    });
    builder.build().map_err(|error| NotFound::Unknown(error.to_string()))
}

fn not_found(error: NetError) -> NotFound {
    match &error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => NotFound::NoName,
            ResponseCode::NoError => NotFound::NoRecord,
            code => NotFound::Unknown(code.to_string()),
        },
        _ => NotFound::Unknown(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig};
    use hickory_resolver::proto::op::Message;
    use hickory_resolver::proto::rr::rdata::{A, MX};
    use hickory_resolver::proto::rr::{Name, Record, RecordType};
    use std::time::Duration;
    use tokio::net::UdpSocket;

    /// Asks a name server of our own, which knows a few names.
    async fn resolver() -> TokioResolver {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut connection = ConnectionConfig::udp();
        connection.port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                if let Some(answer) = answer(&buffer[..length]) {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        let mut server = NameServerConfig::udp([127, 0, 0, 1].into());
        server.connections = vec![connection];
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().timeout = Duration::from_millis(300);
        builder.options_mut().attempts = 1;
        builder.build().unwrap()
    }

    fn answer(query: &[u8]) -> Option<Vec<u8>> {
        let mut message = Message::from_vec(query).unwrap().into_response();
        let question = message.queries[0].clone();
        let (name, kind) = (question.name().to_ascii(), question.query_type());
        let mx = |preference, host: &str| RData::MX(MX::new(preference, Name::from_ascii(host).unwrap()));
        let data = match (name.as_str(), kind) {
            ("silent.example.", _) => return None,
            ("far.example.", RecordType::MX) => vec![mx(10, "A.far.example."), mx(20, "b.far.example.")],
            ("null.example.", RecordType::MX) => vec![mx(0, ".")],
            ("a.far.example.", RecordType::A) => vec![RData::A(A([203, 0, 113, 1].into()))],
            ("a.far.example.", _) | ("bare.example.", _) => Vec::new(),
            ("sick.example.", _) => {
                message.metadata.response_code = ResponseCode::ServFail;
                Vec::new()
            }
            _ => {
                message.metadata.response_code = ResponseCode::NXDomain;
                Vec::new()
            }
        };
        message
            .add_answers(data.into_iter().map(|data| Record::from_rdata(question.name().clone(), 60, data)));
        Some(message.to_vec().unwrap())
    }

    #[tokio::test]
    async fn what_a_name_server_says_is_told_apart() {
        let resolver = resolver().await;
        let mx = |preference, host: &str| Mx { preference, host: host.to_owned() };
        let hosts = mail_hosts(&resolver, "far.example").await;
        assert_eq!(hosts, Ok(vec![mx(10, "a.far.example"), mx(20, "b.far.example")]));
        assert_eq!(mail_hosts(&resolver, "null.example").await, Ok(vec![mx(0, "")]));
        assert_eq!(mail_hosts(&resolver, "bare.example").await, Err(NotFound::NoRecord));
        assert_eq!(mail_hosts(&resolver, "unknown.example").await, Err(NotFound::NoName));
        for unknown in ["sick.example", "silent.example"] {
            let found = mail_hosts(&resolver, unknown).await;
            assert!(matches!(found, Err(NotFound::Unknown(_))), "{unknown}: {found:?}");
        }
        assert_eq!(addresses(&resolver, "a.far.example").await, Ok(vec![[203, 0, 113, 1].into()]));
        assert_eq!(addresses(&resolver, "bare.example").await, Err(NotFound::NoRecord));
        assert_eq!(addresses(&resolver, "unknown.example").await, Err(NotFound::NoName));
        let found = addresses(&resolver, "sick.example").await;
        assert!(matches!(found, Err(NotFound::Unknown(_))), "{found:?}");
    }

    #[tokio::test]
    async fn the_hosts_file_of_this_machine_counts() {
        let found = Resolver::System.addresses("localhost").await.unwrap();
        assert!(found.contains(&[127, 0, 0, 1].into()), "{found:?}");
    }
}
