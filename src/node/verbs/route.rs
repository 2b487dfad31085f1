//! Where mail for an address would go. Nothing is kept and nobody is called.

use super::{VerbError, Verbs};
use crate::node::report;
use crate::post::address::Address;
use crate::post::delivery::uucp;
use crate::post::mail::Sender;
use crate::post::route::{Decision, Handover, Refusal, Routed, Tables};
use serde::{Deserialize, Serialize};

/// Which addresses, and from whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteRequest {
    pub addresses: Vec<String>,
    /// How the next system is told of this sender is shown too.
    pub sender: Option<String>,
}

impl Verbs {
    pub(super) async fn route(&self, request: RouteRequest) -> Result<report::Route, VerbError> {
        let sender = request.sender.as_deref().map(Sender::parse).transpose();
        let sender = sender.map_err(|error| VerbError::Usage(error.to_string()))?;
        let (tables, uucp) = (self.door.tables(), self.config.uucp_delivery_settings());
        let sender = sender.map(|sender| match sender {
            Sender::Address(address) => Sender::Address(tables.public_sender(&address)),
            Sender::Null => Sender::Null,
        });
        let told = Told { tables: &tables, uucp: &uucp, sender: sender.as_ref() };
        let mut answer = report::Route::default();
        for text in request.addresses {
            match Address::parse(&text) {
                Ok(address) => {
                    let routed = self.door.resolve(&[address]).await;
                    answer.routed.extend(routed.into_iter().map(|one| shown(&text, one, &told)));
                }
                Err(error) => answer.routed.push(report::Routed {
                    address: text,
                    // RFC 3463: bad destination mailbox address syntax.
                    decision: report::RouteDecision::Refuse {
                        status: "5.1.3".to_owned(),
                        reason: error.to_string(),
                    },
                    why: "it is no address".to_owned(),
                    file: None,
                    line: None,
                }),
            }
        }
        Ok(answer)
    }
}

/// One end, as the report has it. What a neighbour is told is written in its style.
fn shown(asked: &str, routed: Routed, told: &Told<'_>) -> report::Routed {
    let Routed { decision, why, place, .. } = routed;
    let neighbour = match &decision {
        Decision::Neighbour { system, transport, .. } => {
            told.tables.handing(system).filter(|_| transport.is_rmail())
        }
        _ => None,
    };
    let call = matches!(&decision, Decision::Neighbour { transport, .. } if transport.is_demand());
    let decision = match decision.handover() {
        Ok(Handover { transport, site, address }) => {
            let uucp = neighbour.map(|neighbour| told.uucp.for_neighbour(&neighbour));
            let sender = told.sender.map(|sender| match &uucp {
                Some(uucp) => uucp.told_sender(sender).from_user().to_owned(),
                None => sender.from_user().to_owned(),
            });
            let given = uucp.map_or_else(|| address.clone(), |uucp| uucp.told_recipient(&address));
            report::RouteDecision::Deliver { transport, site, given, sender, call }
        }
        Err(Refusal { status, reason }) => report::RouteDecision::Refuse { status, reason },
    };
    let (file, line) = match place {
        Some(place) => (Some(place.file.to_string()), Some(place.line)),
        None => (None, None),
    };
    report::Routed { address: asked.to_owned(), decision, why, file, line }
}

/// What the answers are made with.
struct Told<'a> {
    tables: &'a Tables,
    uucp: &'a uucp::Settings,
    sender: Option<&'a Sender>,
}
