//! What is measured: each case one row of the table for every protocol that it is of interest for.

use crate::circuit::{self, Call, Joint, PSEUDO_TERMINAL, SERIAL_PORT};
use crate::pair::{Pair, Program, Variant, Way};
use std::path::Path;
use std::time::Duration;
use uugate::wire::noise::Settings;

/// What the caller and the called side have for each other.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    Nothing,
    /// One file of so many bytes, or one each way at once.
    File {
        bytes: usize,
        both: bool,
    },
    /// Messages of 2 KiB, a job each.
    Mail(usize),
    /// The same in one batch.
    Batch(usize),
    /// Letters of real text that the queue hands on: in a batch that is packed so, or a job each. Between uugates alone.
    Letters(usize, Option<&'static str>),
    /// A file in two calls; the carrier is lost when half of it has gone.
    Resumed(usize),
}

#[derive(Debug, Clone)]
pub enum Over {
    Line(Settings),
    /// The same line, between pseudo terminals as serial ports, and between pipes that take as much ahead of the line as they do.
    Ports(Settings),
    DeepPipes(Settings),
    Pipe,
    Tcp,
    Terminal,
}

/// What a figure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Share of the line's rate that the data has, ten bits a byte, each way: %.
    Share,
    /// The same, and what it took of the processor.
    ShareAndProcessor,
    Seconds,
    /// Bytes sent beyond those of the file: %.
    Beyond,
    /// 10^6 bytes a second.
    Megabytes,
    /// Milliseconds a job.
    Each,
}

pub struct Case {
    pub title: &'static str,
    pub variants: Vec<Variant>,
    pub work: Work,
    pub over: Over,
    pub unit: Unit,
    /// How many seeds of the line a figure is the median of.
    pub seeds: u64,
    /// When a call over a line is ended that goes on and on.
    limit: Duration,
}

impl Over {
    /// Its line; nothing where only the machine is in the way.
    fn line(&self) -> Option<&Settings> {
        match self {
            Over::Line(settings) | Over::Ports(settings) | Over::DeepPipes(settings) => Some(settings),
            Over::Pipe | Over::Tcp | Over::Terminal => None,
        }
    }
}

/// What a call came to, when it ended well and everything arrived intact.
pub type Outcome = Option<Figure>;

#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// In the unit of the case.
    pub value: f64,
    pub beside: Option<Beside>,
}

/// What is told beside a figure.
#[derive(Debug, Clone, Copy)]
pub enum Beside {
    /// Seconds of the processor for 2^30 bytes, both sides: of large files without a line.
    Seconds(f64),
    /// Used of a processor by the caller and the called program while the call was up: %.
    Share([f64; 2]),
    /// Bytes that the caller sends beside each message: of mail on a line.
    Bytes(f64),
}

impl Case {
    /// Whether these two can do it.
    pub fn is_for(&self, alpha: Program, beta: Program) -> bool {
        !matches!(self.work, Work::Letters(..)) || [alpha, beta] == [Program::Uugate; 2]
    }

    /// Bit/s of its line; nothing where only the machine is in the way.
    pub fn rate(&self) -> Option<u32> {
        self.over.line().and_then(|line| line.rate)
    }

    /// About how long the longest of its calls takes, in seconds.
    pub fn about(&self, variant: Variant) -> u64 {
        let (Some(settings), Some(rate)) = (self.over.line(), self.rate()) else { return 0 };
        let bytes = match self.work {
            Work::Nothing => 0,
            Work::File { bytes, .. } | Work::Resumed(bytes) => bytes,
            // Each job waits for the other side's answers, but by a protocol with several channels.
            Work::Mail(count) => count * 2048 * if variant.letter == 'i' { 1 } else { 3 },
            Work::Batch(count) => count * 2048,
            Work::Letters(count, packed) => count * if packed.is_some() { 1000 } else { 3000 },
        };
        // Small packets, of which few may be on their way; packets that come again.
        let times = if variant == G { 3 } else { 1 } * if settings.bit_errors >= 1e-4 { 3 } else { 1 };
        bytes as u64 * 10 / u64::from(rate) * times
    }

    /// Calls once over a fresh pair that has met `before` times.
    pub fn measure(
        &self,
        alpha: Program,
        beta: Program,
        variant: Variant,
        before: usize,
        seed: u64,
    ) -> Outcome {
        // A disk that many sessions share would be in the way of all.
        let memory = Some(Path::new("/dev/shm")).filter(|path| self.rate().is_some() && path.is_dir());
        let by_port = matches!(self.over, Over::Ports(_));
        let terms = match self.work {
            Work::Letters(_, Some(packed)) => {
                format!("transport = \"rsmtp\"\nbatch-compress = \"{packed}\"")
            }
            _ => String::new(),
        };
        let below = memory.unwrap_or(&std::env::temp_dir()).to_owned();
        let pair = Pair::new(alpha, beta, variant, by_port, &terms, &below);
        for _ in 0..before {
            self.call(&pair, &self.clean(), seed).good.then_some(())?;
        }
        match self.work {
            Work::Nothing => {}
            Work::File { bytes, both } => {
                pair.queue_file(Way::There, bytes);
                if both {
                    pair.queue_file(Way::Back, bytes);
                }
            }
            Work::Mail(count) => pair.queue_mail(count),
            Work::Batch(count) => pair.queue_batch(count),
            Work::Letters(count, _) => pair.queue_letters(count),
            Work::Resumed(bytes) => return self.resumed(&pair, bytes, seed),
        }
        let call = self.call(&pair, &self.over, seed);
        let arrived = match self.work {
            Work::File { both, .. } => {
                pair.file_arrived(Way::There) && (!both || pair.file_arrived(Way::Back))
            }
            Work::Mail(count) | Work::Batch(count) => pair.mail_arrived(count),
            Work::Letters(count, _) => pair.letters_arrived(count),
            Work::Nothing | Work::Resumed(_) => true,
        };
        (arrived && call.good).then(|| self.figure(&call))
    }

    fn resumed(&self, pair: &Pair, bytes: usize, seed: u64) -> Outcome {
        pair.queue_file(Way::There, bytes);
        let mut lost = self.over.clone();
        if let Over::Line(settings) = &mut lost {
            settings.carrier_after = Some(bytes as u64 / 2);
        }
        let first = self.call(pair, &lost, seed);
        let second = self.call(pair, &self.over, seed);
        let sent = first.sent[0].min(bytes as u64 / 2) + second.sent[0];
        let beyond = (sent as f64 / bytes as f64 - 1.0) * 100.0;
        (second.good && pair.file_arrived(Way::There)).then_some(Figure { value: beyond, beside: None })
    }

    fn call(&self, pair: &Pair, over: &Over, seed: u64) -> Call {
        let (mut caller, mut called) = (pair.caller(), pair.called());
        let arrives = pair.arrives_at(Way::There);
        let kept = matches!(self.work, Work::File { .. }).then_some(arrives.as_path());
        match over {
            Over::Line(settings) => {
                let joint = Joint::pipes(SERIAL_PORT);
                circuit::call(&mut caller, &mut called, joint, settings, seed, self.limit)
            }
            Over::DeepPipes(settings) => {
                let joint = Joint::pipes(PSEUDO_TERMINAL);
                circuit::call(&mut caller, &mut called, joint, settings, seed, self.limit)
            }
            Over::Ports(settings) => {
                let joint = Joint::ports(&pair.port(), pair.opens_port());
                circuit::call(&mut caller, &mut called, joint, settings, seed, self.limit)
            }
            Over::Pipe => circuit::direct(&mut caller, &mut called, circuit::pipes(), kept, self.limit),
            Over::Tcp => circuit::direct(&mut caller, &mut called, circuit::sockets(), kept, self.limit),
            Over::Terminal => {
                circuit::direct(&mut caller, &mut called, circuit::terminal(), kept, self.limit)
            }
        }
    }

    /// The same line without its noise: what the calls before the measured one go over.
    fn clean(&self) -> Over {
        match &self.over {
            Over::Line(settings) => Over::Line(line(settings.rate, settings.delay)),
            Over::Ports(settings) => Over::Ports(line(settings.rate, settings.delay)),
            Over::DeepPipes(settings) => Over::DeepPipes(line(settings.rate, settings.delay)),
            other => other.clone(),
        }
    }

    fn figure(&self, call: &Call) -> Figure {
        let seconds = call.time.as_secs_f64();
        let (bytes, jobs) = match self.work {
            Work::File { bytes, .. } | Work::Resumed(bytes) => (bytes as f64, 1.0),
            Work::Mail(count) | Work::Batch(count) => (count as f64 * 2048.0, count as f64),
            Work::Nothing | Work::Letters(..) => (0.0, 1.0),
        };
        let used = call.cpu.map(|used| used.as_secs_f64());
        let beside = match (self.unit, self.work) {
            (Unit::Megabytes, _) => Some(Beside::Seconds((used[0] + used[1]) * f64::from(1 << 30) / bytes)),
            (Unit::ShareAndProcessor, _) => Some(Beside::Share(used.map(|used| used / seconds * 100.0))),
            (_, Work::Mail(_) | Work::Batch(_)) if self.rate().is_some() => {
                Some(Beside::Bytes((call.sent[0] as f64 - bytes) / jobs))
            }
            _ => None,
        };
        let value = match (self.unit, self.rate()) {
            (Unit::Share | Unit::ShareAndProcessor, Some(rate)) => {
                bytes * 10.0 / f64::from(rate) / seconds * 100.0
            }
            (Unit::Megabytes, _) => bytes / seconds / 1e6,
            (Unit::Each, _) => seconds * 1000.0 / jobs,
            _ => seconds,
        };
        Figure { value, beside }
    }
}

const I: Variant = Variant::plain("i", 'i');
const T: Variant = Variant::plain("t", 't');
const Y: Variant = Variant::plain("y", 'y');
const G: Variant = Variant::plain("g", 'g');
const G64: Variant = Variant { name: "g64", letter: 'g', packet: Some(64), window: Some(7) };
const G1024: Variant = Variant { name: "g1024", letter: 'g', packet: Some(1024), window: Some(7) };
const G2048: Variant = Variant { name: "g2048", letter: 'g', packet: Some(2048), window: Some(7) };

fn line(rate: Option<u32>, delay: Duration) -> Settings {
    Settings { rate, delay, buffer: 1024, ..Settings::default() }
}

/// When a call over a telephone line, and one without a line, is ended: after several times what one takes that goes well.
pub fn limits(quick: bool) -> [Duration; 2] {
    if quick { [150, 45] } else { [300, 300] }.map(Duration::from_secs)
}

/// The same on the radio path, where the slowest takes four minutes.
const RADIO_LIMIT: Duration = Duration::from_secs(900);

/// The whole table; the quick one has smaller files where only the machine is in the way, and fewer seeds.
pub fn cases(quick: bool) -> Vec<Case> {
    let telephone = line(Some(57_600), Duration::from_millis(100));
    let radio = line(Some(2400), Duration::from_secs(1));
    let near = line(Some(115_200), Duration::from_millis(20));
    let noisy = |bit_errors| Settings { bit_errors, ..telephone.clone() };
    let file = |bytes| Work::File { bytes, both: false };
    let both = |bytes| Work::File { bytes, both: true };
    let [on_line, direct] = limits(quick);
    let large = 64 << 20;
    let case = |title, variants: &[Variant], work, over: Over, unit| Case {
        title,
        variants: variants.to_vec(),
        work,
        unit,
        seeds: 1,
        limit: if over.line().is_some() { on_line } else { direct },
        over,
    };
    let on = |settings: &Settings| Over::Line(settings.clone());
    let letters =
        |title, packed| case(title, &[I], Work::Letters(100, Some(packed)), on(&telephone), Unit::Seconds);
    vec![
        case("200 KiB one way, %", &[I, G, G2048, T, Y], file(200 << 10), on(&telephone), Unit::Share),
        case("200 KiB both ways at once, % each", &[I], both(200 << 10), on(&telephone), Unit::Share),
        case(
            "100 mails of 2 KiB, single jobs, s",
            &[I, G2048, T],
            Work::Mail(100),
            on(&telephone),
            Unit::Seconds,
        ),
        case("the same as one batch, s", &[I, G2048, T], Work::Batch(100), on(&telephone), Unit::Seconds),
        case(
            "100 letters of prose, single jobs, s",
            &[I],
            Work::Letters(100, None),
            on(&telephone),
            Unit::Seconds,
        ),
        letters("the same as one batch, not packed, s", "none"),
        letters("the same, compress, s", "compress"),
        letters("the same, gzip, s", "gzip"),
        letters("the same, zstd, s", "zstd"),
        Case {
            seeds: 3,
            ..case(
                "bit errors 1e-5, 200 KiB, %",
                &[I, G],
                file(200 << 10),
                Over::Line(noisy(1e-5)),
                Unit::Share,
            )
        },
        Case {
            seeds: if quick { 3 } else { 20 },
            ..case(
                "bit errors 1e-4, 200 KiB, %",
                &[I, G],
                file(200 << 10),
                Over::Line(noisy(1e-4)),
                Unit::Share,
            )
        },
        case(
            "carrier lost at half of 500 KiB, % beyond",
            &[I, G, T],
            Work::Resumed(500 << 10),
            on(&near),
            Unit::Beyond,
        ),
        case(
            "200 KiB at 115 200 bit/s by pipes, %",
            &[I, G2048],
            file(200 << 10),
            Over::DeepPipes(near.clone()),
            Unit::ShareAndProcessor,
        ),
        case(
            "200 KiB at 115 200 bit/s by serial ports, %",
            &[I, G2048],
            file(200 << 10),
            Over::Ports(near),
            Unit::ShareAndProcessor,
        ),
        case("empty call, s", &[I, G], Work::Nothing, on(&telephone), Unit::Seconds),
        Case {
            limit: RADIO_LIMIT,
            ..case(
                "2400 bit/s, 1 s each way, 20 KiB both ways, s",
                &[I, G, G2048],
                both(20 << 10),
                on(&radio),
                Unit::Seconds,
            )
        },
        case(
            "a large file by pipe, MB/s",
            &[T, Y, I, G, G64, G1024],
            file(large),
            Over::Pipe,
            Unit::Megabytes,
        ),
        case(
            "a large file by TCP, MB/s",
            &[I],
            file(if quick { 4 << 20 } else { large }),
            Over::Tcp,
            Unit::Megabytes,
        ),
        case(
            "jobs of 2 KiB by TCP, ms each",
            &[T],
            Work::Mail(if quick { 100 } else { 1000 }),
            Over::Tcp,
            Unit::Each,
        ),
        case("1 MiB by terminal, MB/s", &[I], file(1 << 20), Over::Terminal, Unit::Megabytes),
    ]
}
