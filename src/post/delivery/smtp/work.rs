//! One attempt at the deliveries of one next hop: connections, one after the other, until all is tried.

use super::connect::{HostSecurity, Security, connect};
use super::error::HopError;
use super::hop::{NextHop, Place};
use super::settings::Route;
use super::targets::{self, Target};
use super::text::BodyText;
use super::{Failed, Smtp, Undelivered};
use crate::clock;
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::post::address::Address;
use crate::post::mail::Sender;
use crate::post::smtp::client::drive::{Secure, Session};
use crate::post::smtp::client::{self, Answer, ClientError, Offer, Recipient, Tls};
use crate::spool::{Claim, Delivery, Outcome, SpoolError};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;

/// Recipients that are offered with one message; every server takes so many: RFC 5321 section 4.5.3.1.8.
const RECIPIENTS_MAX: usize = 100;
/// After so many messages that a new connection did not survive it is the host, not the messages.
const SETBACKS_MAX: usize = 3;
/// How long deliveries stay ours without a word: as long as the queue gives them.
const LEASE: Duration = Duration::from_secs(600);
/// How often that is said.
const RENEWAL: Duration = Duration::from_secs(200);

/// The deliveries of one next hop, on their way.
pub struct Work<'s> {
    smtp: &'s Smtp,
    hop: NextHop,
    route: &'s Route,
    /// What was not tried yet, or not to an end: each a message with some of its recipients.
    todo: VecDeque<Vec<Delivery>>,
    /// What is being sent.
    at_work: Vec<Delivery>,
    /// Messages in the midst of which a new connection ended.
    setbacks: usize,
    failed: mpsc::Sender<Undelivered>,
}

impl<'s> Work<'s> {
    pub fn new(
        smtp: &'s Smtp,
        hop: NextHop,
        route: &'s Route,
        deliveries: Vec<Delivery>,
        failed: mpsc::Sender<Undelivered>,
    ) -> Work<'s> {
        let mut todo: VecDeque<Vec<Delivery>> = VecDeque::new();
        for delivery in deliveries {
            match todo.back_mut() {
                Some(last)
                    if last.len() < RECIPIENTS_MAX
                        && last.last().is_some_and(|other| other.message == delivery.message) =>
                {
                    last.push(delivery);
                }
                _ => todo.push_back(vec![delivery]),
            }
        }
        Work { smtp, hop, route, todo, at_work: Vec::new(), setbacks: 0, failed }
    }

    pub async fn run(mut self) -> Result<(), SpoolError> {
        match self.try_all().await {
            Ok(None) => Ok(()),
            Ok(Some(error)) => {
                let mut fault = error.fault();
                if error.is_unreached() && !self.smtp.settings.defer_no_connect {
                    fault.retry = Retry::Never;
                }
                self.fail_rest(fault, error.status()).await;
                Ok(())
            }
            Err(Broken::Stopped) => {
                let message = "this node was told to stop before the server had answered".to_owned();
                let fault = Fault { whose: Whose::Local, ..refused(Retry::Later, message) };
                self.fail_rest(fault, None).await;
                Ok(())
            }
            Err(Broken::Spool(error)) => Err(error),
        }
    }

    /// Tries one host after the other; why something is left, if something is.
    async fn try_all(&mut self) -> Result<Option<HopError>, Broken> {
        let (smtp, hop, route) = (self.smtp, self.hop.clone(), self.route);
        let preparing = async {
            let targets = targets::find(&hop, &smtp.settings, &smtp.resolver, route.port).await?;
            let security = Security::of(route, smtp.settings.timeouts.command).await?;
            Ok::<_, HopError>((targets, security))
        };
        let (targets, security) = match self.keeping(preparing).await? {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Some(error)),
        };
        let mut trouble = None;
        for target in &targets {
            while !self.todo.is_empty() {
                if let Err(error) = self.connection(target, &security.for_target(target)).await? {
                    tracing::info!(%error, "a mail host does not take our mail now");
                    trouble = Some(error);
                    break;
                }
            }
        }
        Ok(trouble.filter(|_| !self.todo.is_empty()))
    }

    /// Sends over one connection what may go over one. `Ok`: it did something, and what is left may go over another one.
    async fn connection(
        &mut self,
        target: &Target,
        security: &HostSecurity<'_>,
    ) -> Result<Result<(), HopError>, Broken> {
        let opening = self.open(target, security);
        let mut session = match self.keeping(opening).await? {
            Ok(session) => session,
            Err(error) => return Ok(Err(error)),
        };
        let begun = clock::now();
        let settings = &self.smtp.settings;
        for count in 0..settings.messages_max {
            if count > 0 && clock::now().duration_since(begun) >= settings.time_max {
                break;
            }
            if self.smtp.is_stopping() {
                return Err(Broken::Stopped);
            }
            let Some(group) = self.todo.pop_front() else { break };
            self.at_work = group;
            let Some((offer, mut text)) = self.offer().await else { continue };
            let (answers, error) = self.keeping(session.send(offer, &mut text)).await?;
            let unanswered = self.settle(target, answers).await?;
            let Some(source) = error else { continue };
            let (ours, doubt) = (matches!(source, ClientError::Text(_)), source.leaves_doubt());
            // The others must not wait for ever behind a message that a server cannot stomach.
            let is_to_blame = count == 0 && source.is_about_message();
            // Servers end a connection that has carried enough for them.
            let did_something = count > 0 || ours || unanswered.is_empty();
            self.setbacks += usize::from(!did_something);
            let error = HopError::Session { target: target.to_string(), source };
            if ours || doubt || is_to_blame {
                // In doubt, it would be there twice for certain if it went somewhere else.
                self.fail(unanswered, error.fault(), None).await;
            } else if !unanswered.is_empty() {
                self.todo.push_front(unanswered);
            }
            let goes_on = did_something || is_to_blame && self.setbacks < SETBACKS_MAX;
            return Ok(if goes_on { Ok(()) } else { Err(error) });
        }
        session.quit().await;
        Ok(Ok(()))
    }

    async fn open<'t>(
        &self,
        target: &Target,
        security: &'t HostSecurity<'t>,
    ) -> Result<Session<'t, HostSecurity<'t>>, HopError> {
        match self.open_with(target, security, self.route.tls).await {
            // TLS was more than we need, and the connection is spoilt by the attempt.
            Err(HopError::Session { source: ClientError::Tls(why), .. })
                if self.route.tls == Tls::IfOffered =>
            {
                tracing::info!(%target, why, "TLS is offered and does not work; going on without");
                self.open_with(target, security, Tls::Never).await
            }
            opened => opened,
        }
    }

    async fn open_with<'t>(
        &self,
        target: &Target,
        security: &'t HostSecurity<'t>,
        tls: Tls,
    ) -> Result<Session<'t, HostSecurity<'t>>, HopError> {
        let settings = &self.smtp.settings;
        let failed = |source| HopError::Session { target: target.to_string(), source };
        let mut stream = connect(target, settings).await?;
        if tls == Tls::FromStart {
            stream = security.secure(stream).await.map_err(|why| failed(ClientError::Tls(why)))?;
        }
        let settings = client::Settings {
            protocol: self.hop.protocol,
            hello: settings.hello.clone(),
            tls,
            login: self.route.login.clone(),
            find_loops: matches!(self.hop.place, Place::Domain(_)),
            timeouts: settings.timeouts,
        };
        Session::open(stream, settings, security).await.map_err(failed)
    }

    /// What is offered for the message at work; `None`: it cannot be read, and is settled.
    async fn offer(&mut self) -> Option<(Offer, BodyText)> {
        let first = self.at_work.first()?;
        let (survey, text) = match BodyText::survey(&self.smtp.spool, first.body).await {
            Ok(surveyed) => surveyed,
            Err(error) => return self.fail_at_work(error.fault()).await,
        };
        let mut recipients = Vec::new();
        for delivery in &self.at_work {
            match Address::parse(&delivery.address) {
                Ok(address) => {
                    let original = Address::parse(&delivery.recipient).ok();
                    recipients.push(Recipient { address, original });
                }
                // Every delivery was made of an address; one that does not read back is a defect.
                Err(error) => {
                    let fault = refused(Retry::Never, format!("{:?}: {error}", delivery.address));
                    return self.fail_at_work(Fault { whose: Whose::Bug, ..fault }).await;
                }
            }
        }
        let sender = Sender::parse(&first.sender).unwrap_or(Sender::Null);
        let offer = Offer { sender, recipients, size: survey.size, eight_bit: survey.eight_bit };
        Some((offer, text))
    }

    /// Settles each recipient of the message at work by its answer. Gives back those without one.
    async fn settle(
        &mut self,
        target: &Target,
        answers: Vec<Option<Answer>>,
    ) -> Result<Vec<Delivery>, SpoolError> {
        let is_partly_taken = answers.iter().flatten().any(|answer| matches!(answer, Answer::Accepted(_)));
        let (mut delivered, mut note) = (Vec::new(), String::new());
        let (mut too_many, mut unanswered) = (Vec::new(), Vec::new());
        let mut refusals: Vec<(String, Retry, Option<String>, Vec<Delivery>)> = Vec::new();
        for (delivery, answer) in std::mem::take(&mut self.at_work).into_iter().zip(answers) {
            let Some(answer) = answer else {
                unanswered.push(delivery);
                continue;
            };
            let told = format!("{target}: {answer}");
            match answer.retry() {
                None => {
                    delivered.push(delivery.claim);
                    note = told;
                }
                // They go with the same message again, at once.
                Some(_) if is_partly_taken && answer.is_one_too_many() => too_many.push(delivery),
                Some(retry) => match refusals.iter_mut().find(|(other, ..)| *other == told) {
                    Some((.., same)) => same.push(delivery),
                    None => {
                        let status = answer.status().map(str::to_owned);
                        refusals.push((told, retry, status, vec![delivery]));
                    }
                },
            }
        }
        if !delivered.is_empty() {
            let outcome = Outcome::Delivered { deliveries: delivered, note };
            self.smtp.spool.settle(clock::wall(), vec![outcome]).await?;
        }
        for (message, retry, status, deliveries) in refusals {
            self.fail(deliveries, refused(retry, message), status).await;
        }
        if !too_many.is_empty() {
            self.todo.push_front(too_many);
        }
        Ok(unanswered)
    }

    /// Hands on what failed; whoever listens settles it.
    async fn fail(&self, deliveries: Vec<Delivery>, fault: Fault, status: Option<String>) {
        if !deliveries.is_empty() {
            // Nobody listens: then it comes back when its lease has run out.
            let failed = Failed { deliveries, fault };
            let _ = self.failed.send(Undelivered { failed, status }).await;
        }
    }

    async fn fail_at_work<T>(&mut self, fault: Fault) -> Option<T> {
        let deliveries = std::mem::take(&mut self.at_work);
        self.fail(deliveries, fault, None).await;
        None
    }

    async fn fail_rest(&mut self, fault: Fault, status: Option<String>) {
        let waiting = std::mem::take(&mut self.todo).into_iter().flatten();
        let rest = std::mem::take(&mut self.at_work).into_iter().chain(waiting).collect();
        self.fail(rest, fault, status).await;
    }

    /// Does something that may take long, and keeps the deliveries ours meanwhile; not beyond the end of this node.
    async fn keeping<T>(&self, work: impl Future<Output = T>) -> Result<T, Broken> {
        let left = self.at_work.iter().chain(self.todo.iter().flatten());
        let claims: Vec<Claim> = left.map(|delivery| delivery.claim).collect();
        let renewing = async {
            loop {
                clock::sleep(RENEWAL).await;
                if let Err(error) = self.smtp.spool.renew(clock::wall(), claims.clone(), LEASE).await {
                    return error;
                }
            }
        };
        tokio::select! {
            done = work => Ok(done),
            error = renewing => Err(error.into()),
            () = self.smtp.cut_off() => Err(Broken::Stopped),
        }
    }
}

/// Why the work ends before its time.
enum Broken {
    Spool(SpoolError),
    Stopped,
}

impl From<SpoolError> for Broken {
    fn from(error: SpoolError) -> Broken {
        Broken::Spool(error)
    }
}

fn refused(retry: Retry, message: String) -> Fault {
    Fault { stage: Stage::Deliver, whose: Whose::PeerRefused, retry, message, advice: String::new() }
}
