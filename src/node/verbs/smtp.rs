//! Mail by SMTP: what the listeners serve by, and sessions over a stream that a command brings.

use super::{PollRequest, VerbError, Verbs, Who};
use crate::job::SystemName;
use crate::post::smtp::Refusal;
use crate::post::submit::{self, Client, Desk, Service, Turn};
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncWrite};

impl Verbs {
    /// What a client is served by.
    pub fn desk(&self) -> Desk {
        let verbs = self.clone();
        let turn = Turn::new(move |system| {
            let verbs = verbs.clone();
            Box::pin(async move { verbs.turn(system).await })
        });
        Desk::new(self.door.clone(), self.config.submit_settings(), self.clients.clone(), Some(turn))
    }

    /// Serves a client of a command (`uugate smtpd`) until it goes away or `stop`. `from`: where it is, as who asks says;
    /// only who is trusted is believed that it is not himself.
    pub async fn smtp<S>(
        &self,
        who: &Who,
        from: Option<IpAddr>,
        stream: S,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), VerbError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let client = match from.filter(|_| who.trusted) {
            Some(address) => Client::At(address),
            None => Client::Local { user: who.name.clone() },
        };
        let served = submit::serve_one(stream, client, Service::Smtp, self.desk(), stop).await;
        served.map(drop).map_err(|error| VerbError::Below(crate::fault::ToFault::fault(&error)))
    }

    /// Has a neighbour called for whom jobs wait: RFC 1985, section 5. False: none wait.
    async fn turn(&self, system: SystemName) -> Result<bool, Refusal> {
        // Nobody here asks; the laws of lines and tariffs hold for him as for any user.
        let who = Who { uid: u32::MAX, name: "smtp".to_owned(), trusted: false };
        let name = system.to_string();
        let poll = PollRequest { system: Some(name.clone()), force: false, if_work: true, wait: false };
        match self.poll(&who, poll).await {
            Ok(poll) => Ok(!poll.wished.is_empty()),
            Err(VerbError::Usage(why)) => {
                Err(Refusal::new(458, "4.4.0", format!("unable to queue messages for node {name}: {why}")))
            }
            Err(error) => {
                tracing::warn!(%error, %system, "no call for ETRN");
                Err(Refusal::new(458, "4.3.0", format!("unable to queue messages for node {name}")))
            }
        }
    }
}
