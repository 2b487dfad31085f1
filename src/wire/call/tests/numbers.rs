//! Calls that are numbered at both ends.

use super::*;

fn counted() -> (Site, Site) {
    let (mut leaf, mut polux) = sites();
    for site in [&mut leaf, &mut polux] {
        site.neighbour().sequence = true;
    }
    (leaf, polux)
}

/// A call that is cut after so many bytes; whether it was.
async fn cut(caller: &Site, called: &Site, bytes: u64) -> bool {
    let ((a, near), (far, b)) = (duplex(4096), duplex(4096));
    tokio::join!(call(caller, called, Login::Trusted, a, b), cut_after(near, far, bytes)).1
}

/// A whole call: the failures of both ends.
async fn whole(caller: &Site, called: &Site) -> (Option<String>, Option<String>) {
    let (a, b) = duplex(4096);
    let (placed, answered) = call(caller, called, Login::Trusted, a, b).await;
    (placed.failure, answered.record.failure)
}

#[tokio::test]
async fn a_call_that_is_cut_at_any_byte_keeps_the_two_together() {
    for leaf_calls_again in [true, false] {
        for bytes in 0.. {
            let (leaf, polux) = counted();
            let was_cut = cut(&leaf, &polux, bytes).await;
            let again = match leaf_calls_again {
                true => whole(&leaf, &polux).await,
                false => whole(&polux, &leaf).await,
            };
            assert_eq!(again, (None, None), "{bytes}");
            if !was_cut {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_number_that_was_used_in_our_name_is_noticed() {
    let (leaf, polux) = counted();
    assert_eq!(whole(&leaf, &polux).await, (None, None));
    // Whoever knows the number calls before us.
    let impostor = counted().0;
    impostor.spool.set_sequence(name("polux"), 1).await.unwrap();
    assert_eq!(whole(&impostor, &polux).await, (None, None));
    for _ in 0..3 {
        let (placed, answered) = whole(&leaf, &polux).await;
        assert!(placed.is_some_and(|why| why.contains("RBADSEQ")));
        assert!(answered.is_some_and(|why| why.contains("RBADSEQ")));
    }
    let last = polux.spool.sequence(name("leaf")).await.unwrap().taken;
    leaf.spool.set_sequence(name("polux"), last).await.unwrap();
    assert_eq!(whole(&leaf, &polux).await, (None, None));
}

#[tokio::test]
async fn who_gives_no_number_is_refused_where_one_is_due() {
    let (mut leaf, mut polux) = counted();
    leaf.neighbour().sequence = false;
    assert!(whole(&leaf, &polux).await.0.is_some_and(|why| why.contains("RBADSEQ")));
    // A number that nobody asked for does no harm.
    leaf.neighbour().sequence = true;
    polux.neighbour().sequence = false;
    assert_eq!(whole(&leaf, &polux).await, (None, None));
}
