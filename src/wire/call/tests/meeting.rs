//! How two systems meet: called back, by a name that was cut, for some grades, as an old system.

use super::*;
use crate::schedule::Windows;
use crate::wire::modem::ModemError;
use crate::wire::session::{Gate, Introduction, Profile};

#[tokio::test]
async fn who_is_to_be_called_back_is_refused_and_a_call_is_wished() {
    let (leaf, mut polux) = sites();
    polux.neighbour().callback = true;
    leaf.mail("a@polux", b"hello").await;
    let (a, b) = duplex(4096);
    let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert!(placed.calls_back && placed.failure.is_some_and(|why| why.contains("call back (RCB)")));
    assert!(answered.record.failure.is_some_and(|why| why.contains("RCB")));
    assert!(polux.spool.wishes().await.unwrap().is_empty(), "its own call is not proven gone");
    call_back(&polux.spool, answered.call_back).await;
    let wishes = polux.spool.wishes().await.unwrap();
    assert_eq!(wishes.len(), 1);
    assert!(wishes[0].at_once && wishes[0].since >= polux.spool.calls(None, 1).await.unwrap()[0].call.began);
    let (a, b) = duplex(4096);
    let (placed, answered) = call(&polux, &leaf, Login::Trusted, a, b).await;
    assert_eq!((placed.failure, answered.record.failure), (None, None));
    assert_eq!((polux.arrived().await.len(), polux.spool.wishes().await.unwrap().len()), (1, 0));
}

#[tokio::test]
async fn a_person_is_not_rung_for_each_call_of_a_system_that_is_called_back() {
    let (leaf, mut polux) = sites();
    polux.neighbour().callback = true;
    let lease = begin(&polux.spool, &polux.node, &polux.other(), "test").await.unwrap();
    not_connected(&polux.spool, lease, &ModemError::Voice, Tried::default()).await;
    let (a, b) = duplex(4096);
    let (_, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert!(answered.call_back.is_some_and(|wish| !wish.at_once));
}

#[tokio::test]
async fn two_that_both_call_back_do_not_chase_each_other() {
    let (mut leaf, mut polux) = sites();
    leaf.neighbour().callback = true;
    polux.neighbour().callback = true;
    for (caller, called, at_once) in [(&leaf, &polux, true), (&polux, &leaf, false)] {
        let (a, b) = duplex(4096);
        let (placed, answered) = call(caller, called, Login::Trusted, a, b).await;
        assert!(placed.calls_back);
        call_back(&called.spool, answered.call_back).await;
        assert_eq!(called.spool.wishes().await.unwrap()[0].at_once, at_once);
    }
}

#[tokio::test]
async fn grades_of_the_hour_hold_back_what_is_worse() {
    let (mut leaf, mut polux) = sites();
    let always = |grade| TimeGrades::new(vec![(grade, Windows::any())]);
    leaf.neighbour().call_grades = always(Grade::MAIL);
    polux.mail("a@leaf", b"mail").await;
    polux.submit_at(Grade::DEFAULT, plan("~/x"), b"a file").await;
    let exchange = async |leaf: &Site, polux: &Site| {
        let (a, b) = duplex(4096);
        let (placed, answered) = call(leaf, polux, Login::Trusted, a, b).await;
        assert_eq!((placed.failure, answered.record.failure), (None, None));
        polux.waiting().await
    };
    assert_eq!(exchange(&leaf, &polux).await, 1);
    // What the called end has configured counts before what it is asked.
    polux.neighbour().called_grades = always(Grade::WORST);
    assert_eq!(exchange(&leaf, &polux).await, 0);
    leaf.neighbour().call_grades = TimeGrades::default();
    polux.mail("a@leaf", b"mail").await;
    polux.neighbour().called_grades = always(Grade::new('A').unwrap());
    assert_eq!(exchange(&leaf, &polux).await, 1);
}

#[tokio::test]
async fn each_profile_carries_mail_both_ways() {
    for profile in &Profile::ALL {
        for letter in ['g', 'i'] {
            let (mut leaf, mut polux) = sites();
            for site in [&mut leaf, &mut polux] {
                site.neighbour().profile = profile;
                site.neighbour().protocols.letters = vec![letter];
            }
            leaf.mail("a@polux", &text(1, 5000)).await;
            polux.mail("b@leaf", &text(2, 5000)).await;
            let (a, b) = duplex(4096);
            let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
            assert_eq!((placed.failure, answered.record.failure), (None, None), "{}", profile.name);
            assert_eq!((leaf.waiting().await, polux.waiting().await), (0, 0), "{}", profile.name);
            assert!(!placed.uugate, "{}", profile.name);
        }
    }
}

#[tokio::test]
async fn a_name_that_was_cut_is_the_one_whose_login_it_came_by() {
    let (_, mut polux) = sites();
    polux.node.systems.clear();
    let account = |login: &str| System {
        login: Some(Account { name: login.to_owned(), password_hash: String::new() }),
        ..System::default()
    };
    polux.node.systems.insert(name("barberouge"), account("Ubarbe"));
    polux.node.systems.insert(name("barberose"), account("Urose"));
    let connected = Connected::default();
    for (told, login, wanted) in [
        ("barbero", "Urose", Ok("barberose")),
        ("barbero", "Ubarbe", Ok("barberouge")),
        ("barbero", "Uleaf", Err(Denial::WrongLogin)),
        ("barber", "Urose", Err(Denial::Unknown)),
        ("barberose", "Ubarbe", Err(Denial::WrongLogin)),
    ] {
        let mut begun = None;
        let mut door = door::Door::new(&polux.node, Some(login), &connected, &polux.spool, &mut begun);
        let introduction = Introduction { name: told.to_owned(), debug: Some(9), ..Introduction::default() };
        let found = door.check(introduction).await;
        assert_eq!(found.map(|admission| admission.system), wanted.map(name), "{told} {login}");
    }
    // By no login at all it may be either.
    polux.node.systems.values_mut().for_each(|system| system.login = None);
    let mut begun = None;
    let mut door = door::Door::new(&polux.node, None, &connected, &polux.spool, &mut begun);
    let introduction = Introduction { name: "barbero".to_owned(), ..Introduction::default() };
    assert_eq!(door.check(introduction).await, Err(Denial::Unknown));
}
