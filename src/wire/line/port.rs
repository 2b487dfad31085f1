//! How to get a line: the settings of each kind, and opening it.

use super::stream::Stream;
use super::telnet::comport::{ComFlow, ComParity, ComSettings};
use super::telnet::{self, drive::TelnetStream};
use super::{
    DataBits, Flow, Line, LineError, Over, Parity, PipeSettings, Qualities, SerialSettings, TcpListening,
    TcpSettings, pipe, serial, stdio, tcp,
};
use crate::tls;
use tokio::net::TcpStream;

/// How to get a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    Serial(SerialSettings),
    Pipe(PipeSettings),
    Stdio,
    Tcp(TcpSettings),
    /// A serial port behind a terminal server (RFC 2217).
    SerialServer(SerialServerSettings),
}

/// A serial port behind a terminal server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialServerSettings {
    /// Where the server is.
    pub tcp: TcpSettings,
    /// As in [`SerialSettings`].
    pub speed: u32,
    pub data: DataBits,
    pub parity: Parity,
    pub flow: Flow,
    /// Passwords may cross the network to it.
    pub plain_passwords: bool,
}

impl Port {
    /// The speed of a serial port, in bit/s.
    pub fn speed(&self) -> Option<u32> {
        match self {
            Port::Serial(settings) => Some(settings.speed),
            Port::SerialServer(settings) => Some(settings.speed),
            Port::Pipe(_) | Port::Stdio | Port::Tcp(_) => None,
        }
    }

    /// Opens the line: locks it, starts the program, connects. Bounded in time for every kind.
    pub async fn open(&self) -> Result<Line, LineError> {
        match self {
            Port::Serial(settings) => {
                let port = serial::SerialLine::open(settings).await?;
                Ok(Line::new(settings.device.display().to_string(), Stream::Serial(Box::new(port))))
            }
            Port::Pipe(settings) => {
                let program = settings.argv.first().cloned().unwrap_or_default();
                Ok(Line::new(program, Stream::Pipe(Box::new(pipe::PipeLine::start(settings)?))))
            }
            Port::Stdio => Ok(Line::new("stdin".to_owned(), Stream::Stdio(stdio::StdioLine::own()?))),
            Port::Tcp(settings) => connect(settings).await,
            Port::SerialServer(settings) => {
                let address = settings.tcp.address();
                let stream = tcp::connect(&settings.tcp).await?;
                let exposed = !settings.plain_passwords && !tcp::stays_here(stream.peer_addr());
                let failed = |source| LineError::SerialServer { address: address.clone(), source };
                let starting = TelnetStream::start(stream, telnet::Role::Client, Some(settings.com()));
                let line = Box::new(starting.await.map_err(failed)?);
                let qualities = serial::qualities(settings.data, settings.flow);
                let qualities = Qualities { eight_bit: qualities.eight_bit && line.is_binary(), ..qualities };
                Ok(Line::new(address, Stream::Server(line, qualities)).exposed(exposed))
            }
        }
    }
}

async fn connect(settings: &TcpSettings) -> Result<Line, LineError> {
    let name = settings.address();
    let stream = tcp::connect(settings).await?;
    let exposed = !tcp::stays_here(stream.peer_addr());
    match &settings.over {
        Over::Plain => Ok(Line::new(name, Stream::Tcp(stream)).exposed(exposed)),
        Over::Telnet => {
            let started = TelnetStream::start(stream, telnet::Role::Client, None).await;
            let failed = |source| LineError::Connect { address: name.clone(), source };
            let stream = Stream::Telnet(Box::new(started.map_err(failed)?));
            Ok(Line::new(name, stream).exposed(exposed))
        }
        Over::Tls(tls) => {
            let shown = settings.certificate_name.as_ref().unwrap_or(&settings.host);
            let stream = tls::call(stream, &name, shown, tls).await?;
            Ok(Line::new(name, Stream::Tls(Box::new(stream.into()))))
        }
    }
}

/// A line over a connection that came in, with whatever runs over it.
pub(super) async fn accept(stream: TcpStream, settings: &TcpListening) -> Result<Line, LineError> {
    let peer = stream.peer_addr().map_or_else(|_| "tcp".to_owned(), |address| address.to_string());
    let failed = |source| LineError::Open { line: peer.clone(), source };
    tcp::tune(&stream, settings.keepalive).map_err(failed)?;
    let exposed = !tcp::stays_here(stream.peer_addr());
    match &settings.over {
        Over::Plain => Ok(Line::new(peer, Stream::Tcp(stream)).exposed(exposed)),
        Over::Telnet => {
            let started = TelnetStream::start(stream, telnet::Role::Server, None).await.map_err(failed)?;
            Ok(Line::new(peer, Stream::Telnet(Box::new(started))).exposed(exposed))
        }
        Over::Tls(tls) => {
            let (stream, certified) = tls::answer(stream, &peer, tls).await?;
            Ok(Line::new(peer, Stream::Tls(Box::new(stream.into()))).certified_as(certified))
        }
    }
}

impl SerialServerSettings {
    fn com(&self) -> ComSettings {
        ComSettings {
            speed: self.speed,
            data_bits: match self.data {
                DataBits::Seven => 7,
                DataBits::Eight => 8,
            },
            parity: match self.parity {
                Parity::None => ComParity::None,
                Parity::Even => ComParity::Even,
                Parity::Odd => ComParity::Odd,
            },
            flow: match self.flow {
                Flow::None => ComFlow::None,
                Flow::RtsCts => ComFlow::RtsCts,
                Flow::XonXoff => ComFlow::XonXoff,
            },
        }
    }
}
