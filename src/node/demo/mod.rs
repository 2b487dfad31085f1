//! Two sites and a telephone exchange, to watch: the main job of the program, whole, in a temporary folder.
//!
//! The exchange runs in this process; each site is a `uugate run` of its own, with a configuration as an operator would
//! write it. Letters are handed in at both, the leaf is asked to call, and what lies in the mailboxes at the
//! end is held against what was written.

mod daemon;
mod error;
mod letters;
mod screen;
mod site;
mod submit;
mod summary;

pub use error::DemoError;
pub use summary::Summary;

use crate::clock;
use crate::wire::exchange::{Event, Exchange, ModemSpec, Settings as ExchangeSettings};
use crate::wire::station::{CallEvent, CallStep};
use daemon::Daemon;
use letters::{Letter, arrived, letters};
use screen::Screen;
use site::Site;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use summary::Direction;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Calls that are tried until everything has arrived.
const MOST_CALLS: u32 = 8;
/// How long one call may take before the demo gives up; at 300 bit/s the letters need a quarter of an hour.
const LONGEST_CALL: Duration = Duration::from_secs(3600);
/// How long mail that has arrived may take from the spool into a mailbox.
const DELIVERY: Duration = Duration::from_secs(20);
/// How often the mailboxes are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What the demo is like.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub exchange: ExchangeSettings,
    /// Only the summary is printed, as JSON.
    pub json: bool,
    /// The sites go on running until the process is interrupted.
    pub stay: bool,
}

/// Runs the demo and gives what came of it.
pub fn run(settings: Settings) -> Result<Summary, DemoError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DemoError::Runtime)?;
    runtime.block_on(perform(settings))
}

async fn perform(settings: Settings) -> Result<Summary, DemoError> {
    let mut stop = Stop::take().map_err(DemoError::Runtime)?;
    let stay = settings.stay;
    // The nodes end with what is dropped.
    let mut scene = tokio::select! {
        played = play(settings) => played?,
        () = stop.told() => return Err(DemoError::Interrupted),
    };
    if stay {
        tokio::select! {
            () = scene.stay() => {}
            () = stop.told() => {}
        }
    }
    Ok(scene.end().await)
}

/// The signals that end us.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn take() -> std::io::Result<Stop> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Stop { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The demo when everything has been shown, its nodes still at work.
struct Scene {
    play: Play,
    summary: Summary,
    sites: [(Site, Daemon); 2],
}

async fn play(settings: Settings) -> Result<Scene, DemoError> {
    let screen = Screen::new(settings.json);
    let root = site::folder()?;
    screen.line(&format!("Two sites and a telephone exchange in {}", root.display()));
    let password = site::password()?;
    let feed = site::feed(&root, &password)?;
    let leaf = site::leaf(&root, &password)?;
    let modem = |site: &Site, number: &str, digital| ModemSpec {
        path: site.modem(),
        number: number.to_owned(),
        digital,
    };
    // The feeding host has a digital connection, so that V.90 is possible.
    let modems = vec![modem(&feed, site::FEED_NUMBER, true), modem(&leaf, site::LEAF_NUMBER, false)];
    let exchange = Exchange::start(settings.exchange, modems)?;
    let feed_daemon = Daemon::start(&feed).await?;
    let leaf_daemon = Daemon::start(&leaf).await?;
    screen.say(&format!("{} waits for calls on {}", site::FEED, site::FEED_NUMBER));

    let to_leaf = letters("down", &feed.address(), &leaf.address());
    let to_feed = letters("up", &leaf.address(), &feed.address());
    for (site, peer, letters) in [(&feed, site::LEAF, &to_leaf), (&leaf, site::FEED, &to_feed)] {
        hand_in(site, peer, letters).await?;
        screen.say(&format!("{} messages handed in at {} (SMTP {})", letters.len(), site.name, site.smtp));
    }

    let events = leaf_daemon.watch()?;
    let mut play = Play { screen, exchange, events, tally: Tally::default() };
    for _ in 0..MOST_CALLS {
        leaf_daemon.poll(site::FEED)?;
        play.watch_call().await?;
        let complete = play.delivered(&leaf, &to_leaf, &feed, &to_feed).await?;
        if complete {
            break;
        }
    }
    let down = Direction::new(&to_leaf, arrived(&leaf.mailbox(), &to_leaf)?);
    let up = Direction::new(&to_feed, arrived(&feed.mailbox(), &to_feed)?);
    let summary = play.tally.summary(down, up, root, &[&feed, &leaf]);
    Ok(Scene { play, summary, sites: [(feed, feed_daemon), (leaf, leaf_daemon)] })
}

impl Scene {
    /// Keeps the sites at work for somebody to talk to them, until this is dropped.
    async fn stay(&mut self) {
        let Scene { play, summary, sites } = self;
        play.screen.line(&summary.to_string());
        for (site, _) in sites.iter() {
            play.screen.line(&format!(
                "{}: SMTP on {}, uugate ... -I {}",
                site.name,
                site.smtp,
                site.config().display()
            ));
        }
        play.screen.line("The sites go on running; end them with Ctrl-C.");
        loop {
            tokio::select! {
                Some(event) = play.exchange.event() => play.screen.exchange(&event),
                Some(event) = play.events.recv() => play.screen.call(&event),
                else => std::future::pending().await,
            }
        }
    }

    async fn end(self) -> Summary {
        for (_, daemon) in self.sites {
            daemon.stop().await;
        }
        self.play.exchange.shutdown().await;
        self.summary
    }
}

/// Hands letters in, beside the tasks of this thread.
async fn hand_in(site: &Site, peer: &'static str, letters: &[Letter]) -> Result<(), DemoError> {
    let (name, site, letters) = (site.name, site.clone(), letters.to_vec());
    let done = tokio::task::spawn_blocking(move || submit::submit(&site, peer, &letters)).await;
    done.map_err(std::io::Error::other).flatten().map_err(|error| DemoError::Submit { site: name, error })
}

/// What is watched while the sites work.
struct Play {
    screen: Screen,
    exchange: Exchange,
    /// What the calling node tells.
    events: mpsc::Receiver<CallEvent>,
    tally: Tally,
}

impl Play {
    /// Shows a call until both the calling node and the exchange have done with it.
    async fn watch_call(&mut self) -> Result<(), DemoError> {
        let deadline = clock::now() + LONGEST_CALL;
        let mut over = false;
        while !over || self.tally.connected.is_some() {
            tokio::select! {
                Some(event) = self.exchange.event() => {
                    self.tally.count(&event);
                    self.screen.exchange(&event);
                }
                event = self.events.recv() => {
                    let event = event.ok_or(DemoError::NodeEnded { site: site::LEAF })?;
                    over |= matches!(event.step, CallStep::Ended(_));
                    self.screen.call(&event);
                }
                () = clock::sleep_until(Some(deadline)) => return Err(DemoError::NoEnd),
            }
        }
        Ok(())
    }

    /// Waits until every letter lies in its mailbox; false if some do not come.
    async fn delivered(
        &self,
        leaf: &Site,
        to_leaf: &[Letter],
        feed: &Site,
        to_feed: &[Letter],
    ) -> Result<bool, DemoError> {
        let deadline = clock::now() + DELIVERY;
        loop {
            let missing = [(leaf, to_leaf), (feed, to_feed)]
                .into_iter()
                .map(|(site, letters)| Ok(arrived(&site.mailbox(), letters)?.missing.len()))
                .sum::<Result<usize, DemoError>>()?;
            if missing == 0 {
                return Ok(true);
            }
            if clock::now() >= deadline {
                self.screen.say(&format!("{missing} messages have not arrived; another call"));
                return Ok(false);
            }
            clock::sleep(LOOK).await;
        }
    }
}

/// What the exchange counted.
#[derive(Debug, Default)]
struct Tally {
    calls: u32,
    connect: Duration,
    bytes: u64,
    spoiled: u64,
    /// Bytes of the busier direction, and what the line could have carried that way.
    busier: f64,
    possible: f64,
    /// The call that is up: since when, and bytes a second each way.
    connected: Option<(Instant, f64, f64)>,
}

impl Tally {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Connected { up, down, corrected, .. } => {
                // With error correction there are no start and stop bits, but frames and their checks.
                let bytes = |rate: &u32| f64::from(*rate) * if *corrected { 0.95 / 8.0 } else { 0.1 };
                self.calls += 1;
                self.connected = Some((clock::now(), bytes(up), bytes(down)));
            }
            Event::Ended { sent, received, spoiled, .. } => {
                let Some((since, up, down)) = self.connected.take() else { return };
                let time = clock::now().duration_since(since);
                self.connect += time;
                self.bytes += sent + received;
                self.spoiled += spoiled.total();
                let share = |bytes: u64, rate: f64| (bytes as f64, rate * time.as_secs_f64());
                let (there, back) = (share(*sent, up), share(*received, down));
                let busier = if there.0 * back.1 > back.0 * there.1 { there } else { back };
                self.busier += busier.0;
                self.possible += busier.1;
            }
            _ => {}
        }
    }

    fn summary(&self, to_leaf: Direction, to_feed: Direction, folder: PathBuf, sites: &[&Site]) -> Summary {
        Summary {
            to_leaf,
            to_feed,
            calls: self.calls,
            connect_seconds: self.connect.as_secs_f64(),
            bytes_on_the_line: self.bytes,
            line_efficiency: if self.possible > 0.0 { self.busier / self.possible } else { 0.0 },
            spoiled: self.spoiled,
            folder,
            mailboxes: sites.iter().map(|site| site.mailbox()).collect(),
            configurations: sites.iter().map(|site| site.config()).collect(),
        }
    }
}
