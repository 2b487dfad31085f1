//! Writes a recording while its call runs. Whatever goes wrong with the file ends the recording, never the call.

use super::{Blanker, Chunk, Content, End, From, Head, Heard, Prelude};
use crate::clock;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How the files in a folder end.
const SUFFIX: &str = ".uurec";
/// Calls that may begin in the same millisecond, or be given the same name.
const MOST_SAME: u32 = 100;

/// Whether and where calls are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSettings {
    pub place: Place,
    /// The largest file, in bytes; the default is 16 MiB, which holds half as many bytes of the line.
    pub largest: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This file, or if it is there already, `FILE.2` and so on.
    File(PathBuf),
    /// A folder; when it holds more than `keep` recordings the oldest go.
    Folder { path: PathBuf, keep: usize },
}

impl RecordSettings {
    /// The usual size.
    pub const LARGEST: u64 = 16 << 20;
}

/// Who listens to one call: keeps the last bytes that come, and writes a recording if there is to be one.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<Listener>>);

#[derive(Debug)]
struct Listener {
    began: Instant,
    login: Option<Blanker>,
    /// We have nothing more to say in it.
    login_said: bool,
    heard: Heard,
    tape: Option<Tape>,
}

#[derive(Debug)]
struct Tape {
    file: File,
    path: PathBuf,
    /// Bytes that may still be written.
    left: u64,
}

impl Recorder {
    /// Begins a recording, if there is to be one, with what was said to the modem.
    pub fn start(settings: Option<&RecordSettings>, head: &Head, prelude: &Prelude) -> Recorder {
        let began = prelude.began().unwrap_or_else(clock::now);
        let tape = settings.and_then(|settings| Tape::start(settings, head, prelude));
        Recorder(Arc::new(Mutex::new(Listener {
            began,
            login: None,
            login_said: false,
            heard: Heard::default(),
            tape,
        })))
    }

    /// The modem has said all that it had to say: the line is connected.
    pub fn connected(&self) {
        self.with(|listener| {
            let at = clock::now().saturating_duration_since(listener.began);
            listener.chunk(&Chunk { at, from: From::Them, content: Content::Connected });
        });
    }

    /// Somebody begins to log in; `typist` is who.
    pub fn login(&self, typist: From) {
        self.with(|listener| listener.login = Some(Blanker::new(typist)));
    }

    /// The login is over.
    pub fn logged_in(&self) {
        self.with(Listener::logged_in);
    }

    /// The call is over. Gives the last bytes that came.
    pub fn end(&self, how: String) -> Option<String> {
        self.with(|listener| {
            listener.logged_in();
            let at = clock::now().saturating_duration_since(listener.began);
            if let Some(tape) = &mut listener.tape {
                tape.write(&End::Call { at, how }.print());
            }
            listener.heard.text()
        })
    }

    /// We have said all of a login, and its echo may still come: it is over with what we say next.
    pub fn login_said(&self) {
        self.with(|listener| listener.login_said = true);
    }

    fn bytes(&self, from: From, bytes: &[u8]) {
        self.with(|listener| {
            if from == From::Us && std::mem::take(&mut listener.login_said) {
                listener.logged_in();
            }
            let at = clock::now().saturating_duration_since(listener.began);
            match &mut listener.login {
                Some(login) => login.add(at, from, bytes),
                None => listener.chunk(&Chunk { at, from, content: Content::Bytes(bytes.to_vec()) }),
            }
        });
    }

    fn with<T>(&self, tell: impl FnOnce(&mut Listener) -> T) -> T {
        tell(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Listener {
    fn logged_in(&mut self) {
        for chunk in self.login.take().map(Blanker::finish).unwrap_or_default() {
            self.chunk(&chunk);
        }
    }

    fn chunk(&mut self, chunk: &Chunk) {
        match &chunk.content {
            Content::Bytes(bytes) if chunk.from == From::Them => self.heard.add(bytes),
            Content::Blank(_) if chunk.from == From::Them => self.heard.hide(),
            _ => {}
        }
        if let Some(tape) = &mut self.tape {
            tape.chunk(chunk);
        }
    }
}

impl Tape {
    fn start(settings: &RecordSettings, head: &Head, prelude: &Prelude) -> Option<Tape> {
        let made = create(&settings.place, head).and_then(|(path, mut file)| {
            let text = head.print();
            file.write_all(text.as_bytes())?;
            let left = settings.largest.saturating_sub(text.len() as u64);
            let mut tape = Tape { file, path, left };
            prelude.chunks().for_each(|chunk| tape.chunk(&chunk));
            Ok(tape)
        });
        match made {
            Ok(tape) => {
                tracing::info!(file = %tape.path.display(), "the call is recorded");
                Some(tape)
            }
            Err(error) => {
                tracing::warn!(%error, place = ?settings.place, "the call is not recorded");
                None
            }
        }
    }

    fn chunk(&mut self, chunk: &Chunk) {
        let text = chunk.print();
        if text.len() as u64 <= self.left {
            self.write(&text);
        } else if std::mem::take(&mut self.left) > 0 {
            tracing::warn!(file = %self.path.display(), "the recording is as large as it may be");
            // The one line that may go over.
            let cut = End::Cut { at: chunk.at }.print();
            self.left = cut.len() as u64;
            self.write(&cut);
            self.left = 0;
        }
    }

    fn write(&mut self, text: &str) {
        let Some(left) = self.left.checked_sub(text.len() as u64) else { return };
        self.left = left;
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            tracing::warn!(%error, file = %self.path.display(), "the recording ends here");
            self.left = 0;
        }
    }
}

/// Makes the file. None is ever written over.
fn create(place: &Place, head: &Head) -> io::Result<(PathBuf, File)> {
    let first = match place {
        Place::File(path) => path.clone(),
        Place::Folder { path, keep } => {
            fs::create_dir_all(path)?;
            clear(path, *keep)?;
            let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
            let line: String = head.line.chars().take(64).map(plain).collect();
            path.join(format!("{}-{line}{SUFFIX}", head.began.strftime("%Y%m%dT%H%M%S.%3f")))
        }
    };
    let name = first.file_name().unwrap_or_default().to_os_string();
    for number in 1..=MOST_SAME {
        let mut path = first.clone();
        if number > 1 {
            let mut name = name.clone();
            name.push(format!(".{number}"));
            path.set_file_name(name);
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (path, file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Makes room for one more. Names begin with the time, so the first are the oldest.
fn clear(folder: &Path, keep: usize) -> io::Result<()> {
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().contains(SUFFIX)) {
            names.push(path);
        }
    }
    names.sort();
    let surplus = (names.len() + 1).saturating_sub(keep.max(1));
    for path in names.iter().take(surplus) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// A stream that is recorded.
pub struct Recorded<S> {
    stream: S,
    recorder: Recorder,
}

impl<S> Recorded<S> {
    /// The stream itself, for what is not recorded.
    pub fn inner(&mut self) -> &mut S {
        &mut self.stream
    }

    pub fn new(stream: S, recorder: Recorder) -> Self {
        Recorded { stream, recorder }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(bytes) = buf.filled().get(before..).filter(|bytes| !bytes.is_empty()) {
            self.recorder.bytes(From::Them, bytes);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            self.recorder.bytes(From::Us, bytes.get(..*count).unwrap_or_default());
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Recording;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn head() -> Head {
        Head { line: "net/../x".to_owned(), ..Head::default() }
    }

    #[tokio::test]
    async fn a_call_is_written_down_and_its_login_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("call");
        let settings = RecordSettings { place: Place::File(file.clone()), largest: RecordSettings::LARGEST };
        let (ours, mut theirs) = tokio::io::duplex(64);
        let recorder = Recorder::start(Some(&settings), &head(), &Prelude::default());
        let mut stream = Recorded::new(ours, recorder.clone());
        recorder.login(From::Us);
        stream.write_all(b"geheim\r").await.unwrap();
        recorder.login_said();
        // The echo comes late.
        theirs.write_all(b"geheim\r\n\x10Shere\0").await.unwrap();
        stream.read_exact(&mut [0; 15]).await.unwrap();
        stream.write_all(b"\x10S").await.unwrap();
        theirs.write_all(b"geheim").await.unwrap();
        stream.read_exact(&mut [0; 6]).await.unwrap();
        let heard = recorder.end("in order".to_owned()).unwrap();
        assert!(heard.ends_with(r"\x10Shere\x00geheim") && heard.matches("geheim").count() == 1, "{heard}");
        let recording = Recording::parse(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(recording.bytes(From::Us, b"").concat(), b"*******\x10S");
        let theirs = recording.bytes(From::Them, b"").concat();
        assert!(theirs.ends_with(b"\n\x10Shere\0geheim") && theirs.starts_with(b"******"), "{theirs:?}");
        assert!(matches!(recording.end, End::Call { how, .. } if how == "in order"));
        // A second one is beside it.
        Recorder::start(Some(&settings), &head(), &Prelude::default());
        assert!(folder.path().join("call.2").exists());
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_was_said_to_the_modem_stands_before_the_call() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("call");
        let settings = RecordSettings { place: Place::File(file.clone()), largest: RecordSettings::LARGEST };
        let mut prelude = Prelude::default();
        prelude.add(clock::now(), From::Us, b"ATDT5552\r");
        let recorder = Recorder::start(Some(&settings), &head(), &prelude);
        recorder.connected();
        recorder.end("in order".to_owned());
        let recording = Recording::parse(&fs::read_to_string(&file).unwrap()).unwrap();
        let (modem, call) = recording.parts();
        assert_eq!(modem[0].content, Content::Bytes(b"ATDT5552\r".to_vec()));
        assert_eq!((modem.len(), call.len()), (1, 1));
    }

    #[tokio::test]
    async fn a_recording_has_its_limit_and_a_folder_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls");
        let place = Place::Folder { path: path.clone(), keep: 3 };
        let settings = RecordSettings { place, largest: 4000 };
        for call in 0..5 {
            let head = Head { began: jiff::Timestamp::from_second(call).unwrap(), ..head() };
            let recorder = Recorder::start(Some(&settings), &head, &Prelude::default());
            let mut stream = Recorded::new(tokio::io::sink(), recorder.clone());
            for _ in 0..10 {
                stream.write_all(&[b'x'; 500]).await.unwrap();
            }
            recorder.end("in order".to_owned());
        }
        let mut names: Vec<_> =
            fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.len(), 3);
        assert_eq!(names[0], "19700101T000002.000-net_.._x.uurec");
        let text = fs::read_to_string(path.join(&names[2])).unwrap();
        assert!(text.len() < 4100, "{}", text.len());
        assert!(matches!(Recording::parse(&text).unwrap().end, End::Cut { .. }));
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_to_hinders_no_call() {
        let place = Place::Folder { path: "/proc/nowhere".into(), keep: 3 };
        let recorder =
            Recorder::start(Some(&RecordSettings { place, largest: 1 }), &head(), &Prelude::default());
        let mut stream = Recorded::new(tokio::io::sink(), recorder);
        stream.write_all(b"x").await.unwrap();
    }
}
