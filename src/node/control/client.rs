//! The side of the commands: plain blocking calls, for a command starts, asks and ends.

use super::{Answer, Asked, ControlError, VERSION};
use crate::frames::{self, Frame, Kind};
use crate::node::report::Report;
use crate::node::verbs::Request;
use crate::wire::station::CallEvent;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A connection that events come by.
pub struct Watching {
    client: Client,
}

impl Watching {
    /// Waits for the next event; an error when the daemon has gone.
    pub fn next_event(&mut self) -> Result<CallEvent, ControlError> {
        match self.client.answer()? {
            Answer::Event(event) => Ok(*event),
            answer => Err(self.client.report(answer).err().unwrap_or_else(unasked)),
        }
    }
}

/// A connection that a call by hand is counted by.
pub struct Counting {
    client: Client,
    /// When the line is to be hung up at the latest.
    pub longest: Duration,
}

impl Counting {
    /// The line is hung up; gives what the call cost.
    pub fn end(mut self) -> Result<Report, ControlError> {
        self.client.stream.shutdown(Shutdown::Write).map_err(ControlError::Lost)?;
        let answer = self.client.answer()?;
        self.client.report(answer)
    }
}

/// A connection to the daemon; it carries one request.
pub struct Client {
    stream: UnixStream,
}

impl Client {
    pub fn connect(socket: &Path) -> Result<Client, ControlError> {
        match UnixStream::connect(socket) {
            Ok(stream) => Ok(Client { stream }),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Err(ControlError::NoDaemon { socket: socket.to_owned() })
            }
            Err(error) => Err(ControlError::Socket { socket: socket.to_owned(), error }),
        }
    }

    /// Asks, sends the body if there is one, and waits for the answer.
    pub fn ask(mut self, request: &Request, body: Option<&mut dyn Read>) -> Result<Report, ControlError> {
        let sent = self.send_question(request).and_then(|()| match body {
            Some(body) => self.send_body(body),
            None => Ok(()),
        });
        match sent {
            Ok(()) | Err(ControlError::Lost(_)) => {}
            Err(error) => return Err(error),
        }
        // The daemon may have answered before it had the whole body, and closed; its answer says why.
        match (self.answer(), sent) {
            (Ok(answer), _) => self.report(answer),
            (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
        }
    }

    /// Asks for a call; if it runs over our own standard input and output, carries its bytes until it is over.
    pub fn call(mut self, request: &Request) -> Result<Report, ControlError> {
        self.send_question(request)?;
        let answer = self.answer()?;
        let Answer::Relay = answer else { return self.report(answer) };
        let mut upward = Client { stream: self.stream.try_clone().map_err(ControlError::Lost)? };
        // It ends with the process: standard input may give nothing more, but never say so.
        std::thread::spawn(move || upward.send_body(&mut io::stdin()));
        let mut output = io::stdout();
        loop {
            match self.read_frame()? {
                Frame::Bytes(bytes) => {
                    // Who read it is gone; the daemon hears of it when our input ends.
                    let _ = output.write_all(&bytes).and_then(|()| output.flush());
                }
                Frame::Message(text) => return self.report(understood(&text)?),
                Frame::End => return Err(ControlError::Misbehaved("an end that is none".to_owned())),
            }
        }
    }

    /// Asks for what happens on the lines from now on.
    pub fn watch(mut self) -> Result<Watching, ControlError> {
        self.send_question(&Request::Watch)?;
        match self.answer()? {
            Answer::Watching => Ok(Watching { client: self }),
            answer => Err(self.report(answer).err().unwrap_or_else(unasked)),
        }
    }

    /// Has a call by hand counted from now on.
    pub fn count(mut self, request: &Request) -> Result<Counting, ControlError> {
        self.send_question(request)?;
        match self.answer()? {
            Answer::Counting { milliseconds } => {
                Ok(Counting { client: self, longest: Duration::from_millis(milliseconds) })
            }
            answer => Err(self.report(answer).err().unwrap_or_else(unasked)),
        }
    }

    fn send_question(&mut self, request: &Request) -> Result<(), ControlError> {
        let text = serde_json::to_vec(&Asked { version: VERSION, request })
            .map_err(|error| ControlError::Misbehaved(error.to_string()))?;
        if text.len() > frames::LONGEST_MESSAGE {
            return Err(ControlError::Input(io::Error::other("too many words")));
        }
        self.send(Kind::Message, &text)
    }

    fn report(&self, answer: Answer) -> Result<Report, ControlError> {
        match answer {
            Answer::Report(report) => Ok(report),
            Answer::Refused(fault) => Err(ControlError::Refused(fault)),
            Answer::Version(version) => Err(ControlError::Version(version)),
            Answer::Relay | Answer::Watching | Answer::Event(_) | Answer::Counting { .. } => Err(unasked()),
        }
    }

    /// A body that breaks off is not ended, so the daemon drops it.
    fn send_body(&mut self, body: &mut dyn Read) -> Result<(), ControlError> {
        let mut chunk = vec![0; frames::LONGEST_CHUNK];
        loop {
            match body.read(&mut chunk) {
                Ok(0) => return self.send(Kind::End, &[]),
                Ok(length) => self.send(Kind::Bytes, chunk.get(..length).unwrap_or_default())?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ControlError::Input(error)),
            }
        }
    }

    fn send(&mut self, kind: Kind, content: &[u8]) -> Result<(), ControlError> {
        let header = frames::header(kind, content.len());
        self.stream.write_all(&[&header, content].concat()).map_err(ControlError::Lost)
    }

    fn answer(&mut self) -> Result<Answer, ControlError> {
        match self.read_frame()? {
            Frame::Message(text) => understood(&text),
            _ => Err(ControlError::Misbehaved("bytes instead of an answer".to_owned())),
        }
    }

    fn read_frame(&mut self) -> Result<Frame, ControlError> {
        let mut header = [0; frames::HEADER];
        self.stream.read_exact(&mut header).map_err(ControlError::Lost)?;
        let (kind, length) = frames::parse_header(header)?;
        let mut content = vec![0; length];
        self.stream.read_exact(&mut content).map_err(ControlError::Lost)?;
        Ok(frames::assemble(kind, content))
    }
}

fn unasked() -> ControlError {
    ControlError::Misbehaved("an answer to something else".to_owned())
}

fn understood(text: &[u8]) -> Result<Answer, ControlError> {
    serde_json::from_slice(text)
        .map_err(|error| ControlError::Misbehaved(format!("an answer that is none: {error}")))
}
