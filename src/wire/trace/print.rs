//! A trace as text: one line for each thing that happened, and what it comes to.

use super::{Packet, Side, Trace, Turn, What, Who};
use std::fmt;

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.called {
            Some(called) => write!(f, "{} calls {called} on {}", self.node, self.line)?,
            None => write!(f, "{} is called on {}", self.node, self.line)?,
        }
        if let Some(connect) = &self.connect {
            write!(f, " ({connect})")?;
        }
        writeln!(f, ", {}", self.began.strftime("%Y-%m-%d %H:%M:%S UTC"))?;
        for item in &self.items {
            let arrow = if item.from == Who::Us { '>' } else { '<' };
            writeln!(f, "{} {arrow} {}", seconds(item.at_us), item.what)?;
        }
        writeln!(f, "ended: {}", self.ended)?;
        writeln!(f, "we: {}", self.us)?;
        writeln!(f, "they: {}", self.them)?;
        let (silence, at) = (seconds(self.longest_silence_us), seconds(self.longest_silence_at_us));
        writeln!(f, "longest silence: {} s, from {}", silence.trim_start(), at.trim_start())
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |channel: &Option<String>| channel.as_ref().map(|c| format!(" [{c}]")).unwrap_or_default();
        match self {
            What::Text { text } => write!(f, "text {text}"),
            What::Blank { bytes } => write!(f, "{bytes} bytes that are not shown"),
            What::Connected => f.write_str("connected"),
            What::Handshake { text } => write!(f, "says {text}"),
            What::Packet(packet) => packet.fmt(f),
            What::Damaged(packet) => write!(f, "{packet}, damaged"),
            What::Noise => f.write_str("bytes that begin no packet"),
            What::Message { channel, text, meaning } => write!(f, "    {text}{} - {meaning}", on(channel)),
            What::FileEnd { channel, bytes } => {
                write!(f, "    end of the file, {bytes} bytes{}", on(channel))
            }
            What::Stream { bytes } => write!(f, "{bytes} bytes"),
        }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if let Some(number) = self.number {
            write!(f, " {number}")?;
        }
        if self.bytes > 0 && self.says.is_none() {
            write!(f, ", {} bytes", self.bytes)?;
        }
        if let Some(says) = &self.says {
            write!(f, ", {says}")?;
        }
        if let Some(ack) = self.ack {
            write!(f, ", has {ack}")?;
        }
        f.write_str(match self.turn {
            None | Some(Turn::Next) => "",
            Some(Turn::Early) => ", before its turn",
            Some(Turn::Late) => ", was missing",
            Some(Turn::Again) => ", again",
        })
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Side { bytes, packets, again, damaged, noise, files, file_bytes, .. } = self;
        write!(
            f,
            "{bytes} bytes, {packets} packets ({again} again, {damaged} damaged, noise {noise} times)"
        )?;
        write!(f, ", {files} files of {file_bytes} bytes")?;
        if let Some(mean) = self.ack_sum_us.checked_div(self.acknowledged) {
            let [least, mean, most] =
                [self.ack_least_us, mean, self.ack_most_us].map(|time| seconds(time).trim().to_owned());
            write!(f, "; acknowledged after {least} to {most} s, {mean} s on average")?;
        }
        Ok(())
    }
}

fn seconds(us: u64) -> String {
    format!("{:>5}.{:06}", us / 1_000_000, us % 1_000_000)
}
