use crate::wire::link::drive::{LinkPump, PumpError, Wake};
use crate::wire::link::{Channel, Event, Parameters, Role, open};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

fn pump(role: Role, stream: DuplexStream) -> LinkPump<DuplexStream> {
    LinkPump::start(open('i', role, &Parameters::default()).unwrap(), stream, &[])
}

/// Sends `length` bytes, dropping the wait now and then, and closes.
async fn send(mut pump: LinkPump<DuplexStream>, length: usize) -> (DuplexStream, Vec<u8>) {
    assert_eq!(pump.next().await.unwrap(), Event::Started);
    pump.send_command(Channel::Ours(1), b"S file");
    let mut sent = 0;
    while sent < length {
        tokio::select! {
            biased;
            wake = pump.next_or_room(1) => assert_eq!(wake.unwrap(), Wake::Room),
            () = tokio::task::yield_now() => continue,
        }
        let count = pump.link().room().min(length - sent);
        pump.send_data(Channel::Ours(1), sent as u64, &vec![sent as u8; count]);
        sent += count;
    }
    pump.send_data(Channel::Ours(1), sent as u64, &[]);
    pump.close();
    assert_eq!(pump.next().await.unwrap(), Event::Closed);
    pump.into_parts()
}

async fn receive(mut pump: LinkPump<DuplexStream>) -> (usize, (DuplexStream, Vec<u8>)) {
    assert_eq!(pump.next().await.unwrap(), Event::Started);
    let mut received = 0;
    loop {
        match pump.next().await.unwrap() {
            Event::Data { bytes, .. } if bytes.is_empty() => pump.close(),
            Event::Data { bytes, .. } => received += bytes.len(),
            Event::Closed => return (received, pump.into_parts()),
            event => panic!("{event:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_crosses_and_the_stream_is_free_afterwards() {
    let (near, far) = tokio::io::duplex(700);
    let length = 300_000;
    let (sender, (received, receiver)) =
        tokio::join!(send(pump(Role::Caller, near), length), receive(pump(Role::Called, far)));
    assert_eq!(received, length + "S file\0".len());
    let ((mut near, near_rest), (mut far, far_rest)) = (sender, receiver);
    assert!(near_rest.is_empty() && far_rest.is_empty());
    near.write_all(b"\x10OOOOOO\0").await.unwrap();
    let mut text = [0; 8];
    far.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"\x10OOOOOO\0");
}

#[tokio::test]
async fn a_peer_is_answered_while_something_else_is_waited_for() {
    let (near, far) = tokio::io::duplex(700);
    let (mut sender, mut receiver) = (pump(Role::Caller, near), pump(Role::Called, far));
    let length = 14_000;
    let (heard, all_heard) = tokio::sync::oneshot::channel();
    let send = async {
        assert_eq!(sender.next().await.unwrap(), Event::Started);
        let mut sent = 0;
        while sent < length || !sender.idle() {
            tokio::select! {
                biased;
                wake = sender.next_or_room(if sent < length { 1 } else { usize::MAX }) => {
                    assert_eq!(wake.unwrap(), Wake::Room);
                }
                () = tokio::task::yield_now() => continue,
            }
            let count = sender.link().room().min(length - sent);
            sender.send_data(Channel::Ours(1), sent as u64, &vec![7; count]);
            sent += count;
        }
        heard.send(()).unwrap();
    };
    let receive = async {
        assert_eq!(receiver.next().await.unwrap(), Event::Started);
        // Much more than the stream holds, every byte of it acknowledged.
        receiver.meanwhile(all_heard).await.unwrap();
        let mut received = 0;
        while received < length {
            match receiver.next().await.unwrap() {
                Event::Data { bytes, .. } => received += bytes.len(),
                event => panic!("{event:?}"),
            }
        }
    };
    tokio::join!(send, receive);
}

#[tokio::test]
async fn a_peer_that_hangs_up_meanwhile_is_told_of_afterwards() {
    let (near, far) = tokio::io::duplex(700);
    let mut pump = pump(Role::Caller, near);
    drop(far);
    let mut rounds = 0;
    let work = std::future::poll_fn(|context| {
        rounds += 1;
        context.waker().wake_by_ref();
        if rounds < 10 { std::task::Poll::Pending } else { std::task::Poll::Ready(rounds) }
    });
    assert_eq!(pump.meanwhile(work).await, 10);
    assert!(matches!(pump.next().await, Err(PumpError::HungUp | PumpError::Write(_))));
}

#[tokio::test]
async fn a_peer_that_hangs_up_is_noticed_at_once() {
    let (near, far) = tokio::io::duplex(700);
    drop(far);
    let mut pump = pump(Role::Caller, near);
    assert!(matches!(pump.next().await, Err(PumpError::HungUp | PumpError::Write(_))));
}
