//! The numbers of conversations.

use super::*;

on_both!(numbers_outlive_the_process, a_number_that_was_refused_is_said_again);

async fn numbers_outlive_the_process(mut home: Home) {
    let polux = system("polux");
    assert_eq!(home.spool.sequence(polux.clone()).await.unwrap(), Sequence::default());
    assert_eq!(home.spool.say_sequence(polux.clone()).await.unwrap(), 1);
    home.reopen(at(1)).await;
    // Nobody knows whether the other end heard it.
    assert_eq!(home.spool.say_sequence(polux.clone()).await.unwrap(), 2);
    home.spool.take_sequence(polux.clone(), 2).await.unwrap();
    assert_eq!(home.spool.sequence(polux.clone()).await.unwrap(), Sequence { taken: 2, said: 2 });
    // The other end called, and was ahead.
    home.spool.take_sequence(polux.clone(), 5).await.unwrap();
    home.reopen(at(2)).await;
    assert_eq!(home.spool.say_sequence(polux.clone()).await.unwrap(), 6);
    home.spool.set_sequence(polux.clone(), 3).await.unwrap();
    assert_eq!(home.spool.sequence(polux.clone()).await.unwrap(), Sequence { taken: 3, said: 3 });
    assert_eq!(home.spool.sequence(system("castor")).await.unwrap(), Sequence::default());
}

async fn a_number_that_was_refused_is_said_again(home: Home) {
    let polux = system("polux");
    assert_eq!(home.spool.say_sequence(polux.clone()).await.unwrap(), 1);
    for _ in 0..3 {
        assert_eq!(home.spool.say_sequence(polux.clone()).await.unwrap(), 2);
        home.spool.unsay_sequence(polux.clone(), 2).await.unwrap();
    }
    // One of a conversation stays spent.
    home.spool.take_sequence(polux.clone(), 1).await.unwrap();
    home.spool.unsay_sequence(polux.clone(), 1).await.unwrap();
    assert_eq!(home.spool.sequence(polux).await.unwrap(), Sequence { taken: 1, said: 1 });
}
