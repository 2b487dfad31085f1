//! A store that lasts over calls, and knows what a spool promises: a stable id is received once, a partial file belongs to
//! one offer.

use super::super::{Ask, Ending, JobKey, Kind, Offer, OutgoingJob, Refusal, Reply, Slot, Verdict};
use crate::job::{Command, Execute, Grade, Notify, StableId, SystemName, Work};
use crate::wire::noise::Random;
use std::collections::{BTreeMap, BTreeSet};

struct Job {
    command: String,
    bytes: Vec<u8>,
    /// In the hands of the present call.
    taken: bool,
    /// It was in the hands of a call.
    begun: bool,
    done: bool,
    /// The peer will never have it.
    refused: bool,
}

pub struct Site {
    pub name: SystemName,
    pub peer: SystemName,
    pub protocol: char,
    /// The last call went well: the next may take for granted what it showed.
    pub knows_peer: bool,
    jobs: BTreeMap<JobKey, Job>,
    coming: BTreeMap<Slot, (Offer, Vec<u8>)>,
    /// By TEMP, which is unique between uugates.
    partials: BTreeMap<String, (Offer, Vec<u8>)>,
    known: BTreeSet<StableId>,
    /// Commands that are refused, and such whose input cannot be put in its place.
    pub refused: BTreeSet<String>,
    pub unkept: BTreeSet<String>,
    /// How our jobs ended that the peer did not take.
    pub failed: Vec<(u64, Ending)>,
    /// The most jobs of ours, and files of theirs, that were under way at once.
    pub most_out: usize,
    pub most_in: usize,
    received: Vec<(String, Vec<u8>)>,
    /// Decides what is refused, now and then, and how.
    moods: Option<Random>,
}

impl Site {
    /// It takes what it is offered but for one in so many.
    pub fn moody(mut self, seed: u64) -> Site {
        self.moods = Some(Random::new(seed));
        self
    }

    pub fn new(name: &str, peer: &str, protocol: char) -> Site {
        Site {
            name: name.parse().unwrap(),
            peer: peer.parse().unwrap(),
            protocol,
            knows_peer: false,
            jobs: BTreeMap::new(),
            coming: BTreeMap::new(),
            partials: BTreeMap::new(),
            known: BTreeSet::new(),
            refused: BTreeSet::new(),
            unkept: BTreeSet::new(),
            failed: Vec::new(),
            most_out: 0,
            most_in: 0,
            received: Vec::new(),
            moods: None,
        }
    }

    /// A job of one of six sizes.
    pub fn queue(&mut self, number: u64, seed: u64) {
        self.queue_bytes(number, seed, [0, 1, 300, 1024, 5000, 30_000][usize::try_from(number % 6).unwrap()]);
    }

    pub fn queue_bytes(&mut self, number: u64, seed: u64, length: usize) {
        let mut random = Random::new(seed.wrapping_add(number));
        let bytes = (0..length).map(|_| random.byte()).collect();
        let command = format!("rmail user{number}");
        let job = Job { command, bytes, taken: false, begun: false, done: false, refused: false };
        self.jobs.insert(JobKey(number), job);
    }

    pub fn is_done(&self) -> bool {
        self.jobs.values().all(|job| job.done || job.refused)
    }

    /// What the peer was to get, and has not refused.
    pub fn sent(&self) -> Vec<(String, Vec<u8>)> {
        let mut sent: Vec<_> = self
            .jobs
            .values()
            .filter(|job| !job.refused)
            .map(|job| (job.command.clone(), job.bytes.clone()))
            .collect();
        sent.sort();
        sent
    }

    pub fn received(&self) -> Vec<(String, Vec<u8>)> {
        let mut received = self.received.clone();
        received.sort();
        received
    }

    /// The call is over, however it went.
    pub fn hang_up(&mut self) {
        for (offer, bytes) in std::mem::take(&mut self.coming).into_values() {
            self.partials.insert(offer.temp.clone(), (offer, bytes));
        }
        self.jobs.values_mut().for_each(|job| job.taken = false);
    }

    /// Bytes that have come of files that are not whole yet.
    pub fn under_way(&self) -> usize {
        self.coming.values().map(|(_, bytes)| bytes.len()).sum()
    }

    pub fn answer(&mut self, ask: Ask) -> Reply {
        match ask {
            Ask::NextJob { .. } => Reply::Job(self.next_job().map(Box::new)),
            Ask::Read { job, offset, limit } => {
                let bytes = &self.jobs[&job].bytes[usize::try_from(offset).unwrap()..];
                Reply::Bytes(bytes[..bytes.len().min(limit)].to_vec())
            }
            Ask::Settle { job: key, ending } => {
                let job = self.jobs.get_mut(&key).unwrap();
                assert!(job.taken && !job.done);
                assert!(!job.refused);
                job.done = ending == Ending::Done;
                job.refused = matches!(ending, Ending::Refused(_));
                if !job.done {
                    self.failed.push((key.0, ending));
                }
                Reply::Done
            }
            Ask::Offer { slot, offer } => Reply::Verdict(self.offer(slot, *offer)),
            Ask::Write { slot, bytes } => {
                self.coming.get_mut(&slot).unwrap().1.extend(bytes);
                Reply::Done
            }
            Ask::Commit { slot } => {
                let (offer, bytes) = self.coming.remove(&slot).unwrap();
                assert_eq!(offer.size, Some(bytes.len() as u64));
                if self.unkept.contains(&offer.command) || self.is_in_mood(8) {
                    return Reply::Unkept;
                }
                if self.known.insert(offer.stable.unwrap()) {
                    self.received.push((offer.command, bytes));
                }
                Reply::Done
            }
            Ask::Heard => Reply::Done,
            Ask::Waiting { .. } => Reply::Waiting(None),
            Ask::Drop { slot } => {
                self.coming.remove(&slot);
                Reply::Done
            }
            Ask::Rewind { .. } | Ask::Open { .. } | Ask::ReadOpened { .. } | Ask::Expand(_) => {
                panic!("{ask:?}")
            }
        }
    }

    fn next_job(&mut self) -> Option<OutgoingJob> {
        let (key, job) = self.jobs.iter_mut().find(|(_, job)| !job.taken && !job.done && !job.refused)?;
        job.taken = true;
        let begun = std::mem::replace(&mut job.begun, true);
        let (key, size, command) = (*key, job.bytes.len() as u64, job.command.clone());
        let out = self.jobs.values().filter(|job| job.taken && !job.done).count();
        self.most_out = self.most_out.max(out.saturating_sub(self.failed.len()));
        let command = Command::parse(&command).unwrap();
        let execute = Execute { command, user: "jan".to_owned(), requestor: None, notify: Notify::OnError };
        // The name of the site stands for the id of its spool.
        let spool = self.name.as_str().len() as u64;
        Some(OutgoingJob {
            key,
            stable: StableId { spool, number: key.0 },
            grade: Grade::MAIL,
            work: Work::Execute(execute),
            size,
            largest: None,
            begun,
            digest: None,
            rest: None,
        })
    }

    fn is_in_mood(&mut self, one_in: u32) -> bool {
        self.moods.as_mut().is_some_and(|moods| moods.below(one_in) == 0)
    }

    fn offer(&mut self, slot: Slot, offer: Offer) -> Verdict {
        // What f brings is sound only once it is whole.
        assert!(matches!(offer.kind, Kind::Execution(_)) && offer.restart == (self.protocol != 'f'));
        if self.known.contains(&offer.stable.unwrap()) {
            return Verdict::Already;
        }
        if self.refused.contains(&offer.command) {
            return Verdict::Refuse(Refusal::Denied);
        }
        if self.is_in_mood(4) {
            let moods = self.moods.as_mut().unwrap();
            let why = [Refusal::NoFile, Refusal::TooLargeNow, Refusal::TooLarge, Refusal::Denied];
            return Verdict::Refuse(why[usize::try_from(moods.below(4)).unwrap()]);
        }
        let begun = self.partials.remove(&offer.temp).filter(|(begun, _)| *begun == offer && offer.restart);
        let bytes = begun.map(|(_, bytes)| bytes).unwrap_or_default();
        let offset = bytes.len() as u64;
        self.coming.insert(slot, (offer, bytes));
        self.most_in = self.most_in.max(self.coming.len());
        Verdict::Take { offset }
    }
}
