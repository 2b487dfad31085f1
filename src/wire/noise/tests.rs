use super::*;

fn start() -> Instant {
    crate::clock::now()
}

/// Hands everything in as there is room and collects what arrives, from event to event.
fn carry_all(noise: &mut Noise, begin: Instant, bytes: &[u8]) -> (Vec<u8>, Duration) {
    let (mut now, mut sent, mut arrived) = (begin, 0, Vec::new());
    loop {
        sent += noise.send(now, &bytes[sent..]);
        arrived.extend(noise.poll_arrived(now));
        let room = if sent < bytes.len() { noise.room_timeout(now, 64) } else { None };
        match [room, noise.poll_timeout()].into_iter().flatten().min() {
            Some(next) => now = now.max(next),
            None if sent == bytes.len() => return (arrived, now - begin),
            None => {}
        }
    }
}

#[test]
fn a_clean_line_takes_ten_bits_a_byte_and_the_delay() {
    let settings = Settings { rate: Some(9600), delay: Duration::from_millis(100), ..Settings::default() };
    let begin = start();
    let mut noise = Noise::new(settings, 1, begin);
    let bytes: Vec<u8> = (0..9600).map(|n| n as u8).collect();
    let (arrived, time) = carry_all(&mut noise, begin, &bytes);
    assert_eq!(arrived, bytes);
    assert!((10.099..10.101).contains(&time.as_secs_f64()), "{time:?}");
    assert_eq!(noise.spoiled(), Spoiled::default());
}

#[test]
fn a_byte_is_not_there_before_its_time() {
    let begin = start();
    let mut noise = Noise::new(Settings { rate: Some(1000), gather: 1, ..Settings::default() }, 1, begin);
    assert_eq!(noise.send(begin, b"ab"), 2);
    assert_eq!(noise.poll_timeout(), Some(begin + Duration::from_millis(10)));
    assert!(noise.poll_arrived(begin + Duration::from_millis(9)).is_empty());
    assert_eq!(noise.poll_arrived(begin + Duration::from_millis(10)), b"a");
    assert_eq!(noise.poll_timeout(), Some(begin + Duration::from_millis(20)));
    assert_eq!(noise.poll_arrived(begin + Duration::from_millis(500)), b"b");
    assert_eq!(noise.poll_timeout(), None);
}

#[test]
fn the_sender_is_held_back_while_the_buffer_is_full() {
    let begin = start();
    let mut noise = Noise::new(Settings { rate: Some(1000), buffer: 10, ..Settings::default() }, 1, begin);
    assert_eq!(noise.send(begin, &[7; 25]), 10);
    assert_eq!(noise.room(begin), 0);
    let later = noise.room_timeout(begin, 3).unwrap();
    assert_eq!(later, begin + Duration::from_millis(30));
    // What has arrived and was not read holds the line as well.
    assert_eq!(noise.room(later), 0);
    assert_eq!(noise.poll_arrived(later).len(), 3);
    assert_eq!(noise.send(later, &[7; 25]), 3);
}

#[test]
fn a_seed_decides_every_mishap_and_the_rates_are_as_told() {
    let settings = Settings {
        bit_errors: 1e-3,
        lost: 1e-3,
        inserted: 1e-3,
        bursts: 1e-4,
        stalls: 1e-3,
        ..Settings::default()
    };
    let bytes = vec![0x55; 200_000];
    let run = |seed| {
        let begin = start();
        let mut noise = Noise::new(settings.clone(), seed, begin);
        let (arrived, _) = carry_all(&mut noise, begin, &bytes);
        (arrived, noise.spoiled())
    };
    let (first, spoiled) = run(1);
    assert_eq!((&first, spoiled), (&run(1).0, spoiled));
    assert_ne!(first, run(2).0);
    assert!((1400..1800).contains(&spoiled.flipped), "{spoiled:?}");
    for count in [spoiled.lost, spoiled.inserted, spoiled.stalls] {
        assert!((140..260).contains(&count), "{spoiled:?}");
    }
    assert!((5..45).contains(&spoiled.bursts), "{spoiled:?}");
    assert_eq!(first.len() as u64, 200_000 + spoiled.inserted - spoiled.lost);
}

#[test]
fn the_carrier_goes_after_the_told_number_of_bytes() {
    let begin = start();
    let mut noise = Noise::new(Settings { carrier_after: Some(5), ..Settings::default() }, 1, begin);
    assert_eq!(noise.send(begin, b"0123456789"), 10);
    assert!(noise.carrier());
    assert_eq!(noise.poll_arrived(begin), b"01234");
    assert!(!noise.carrier());
    assert_eq!(noise.send(begin, b"more"), 4);
    assert!(noise.poll_arrived(begin).is_empty());
    assert_eq!(noise.poll_timeout(), None);
}

#[test]
fn what_the_line_takes_for_itself_never_arrives() {
    let begin = start();
    let mut noise = Noise::new(Settings { eaten: vec![0x11, 0x13], ..Settings::default() }, 1, begin);
    let (arrived, _) = carry_all(&mut noise, begin, b"a\x11b\x13\x13c");
    assert_eq!((arrived.as_slice(), noise.spoiled().eaten), (&b"abc"[..], 3));
}

#[test]
fn an_echo_is_what_arrived_as_far_as_it_goes() {
    let begin = start();
    let bytes: Vec<u8> = (0..100_000).map(|n| n as u8).collect();
    let settings = Settings { echoes: 1e-3, echo_length: 20, ..Settings::default() };
    let mut noise = Noise::new(settings, 1, begin);
    let (mut sent, mut echo) = (0, Vec::new());
    while sent < bytes.len() {
        sent += noise.send(begin, &bytes[sent..]);
        assert!(!noise.poll_arrived(begin).is_empty());
        echo.push(noise.take_echo());
    }
    let echoes = noise.spoiled().echoes as usize;
    assert!((60..140).contains(&echoes), "{echoes}");
    assert!((echoes..=20 * echoes).contains(&echo.concat().len()));
    let mut whole = Noise::new(Settings { echoes: 1.0, ..Settings::default() }, 1, begin);
    whole.send(begin, b"login: ");
    assert_eq!((whole.poll_arrived(begin), whole.take_echo()), (b"login: ".to_vec(), b"login: ".to_vec()));
    assert!(whole.take_echo().is_empty());
}
