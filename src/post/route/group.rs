//! How many recipients share one `rmail` job.

use super::Neighbour;
use crate::post::address::Address;

/// Divides recipients, in order, into the jobs that carry them: no more than the neighbour takes in number and in
/// characters (each counts one more for the blank before it). An address that alone is too long goes alone.
pub fn group(recipients: Vec<Address>, neighbour: &Neighbour) -> Vec<Vec<Address>> {
    let mut jobs: Vec<Vec<Address>> = Vec::new();
    let mut characters = 0;
    for recipient in recipients {
        let length = recipient.as_str().len() + 1;
        let fits = characters + length <= neighbour.max_characters;
        match jobs.last_mut().filter(|job| fits && job.len() < neighbour.max_addresses) {
            Some(job) => {
                job.push(recipient);
                characters += length;
            }
            None => {
                jobs.push(vec![recipient]);
                characters = length;
            }
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sizes(recipients: &[String]) -> Vec<usize> {
        let recipients = recipients.iter().map(|text| Address::parse(text).unwrap()).collect();
        group(recipients, &Neighbour::default()).iter().map(Vec::len).collect()
    }

    #[test]
    fn twelve_recipients_give_three_jobs() {
        let recipients: Vec<String> = (0..12).map(|n| format!("user{n}@farm.example")).collect();
        assert_eq!(sizes(&recipients), [5, 5, 2]);
        assert!(sizes(&[]).is_empty());
    }

    #[test]
    fn two_hundred_characters_are_the_limit() {
        let fifty = |n: usize| format!("{n}{}", "x".repeat(48));
        assert_eq!(sizes(&[fifty(1), fifty(2), fifty(3), fifty(4), fifty(5)]), [4, 1]);
        let long = "y".repeat(230);
        assert_eq!(sizes(&["a".to_owned(), long.clone(), "b".to_owned(), long]), [1, 1, 1, 1]);
    }

    proptest! {
        #[test]
        fn nobody_is_lost_and_no_limit_passed(lengths in proptest::collection::vec(1usize..250, 0..30)) {
            let all: Vec<Address> = lengths.iter().map(|&n| Address::parse(&"x".repeat(n)).unwrap()).collect();
            let jobs = group(all.clone(), &Neighbour::default());
            for job in &jobs {
                let characters: usize = job.iter().map(|one| one.as_str().len() + 1).sum();
                prop_assert!(job.len() == 1 || (job.len() <= 5 && characters <= 200));
            }
            prop_assert_eq!(jobs.concat(), all);
        }
    }
}
