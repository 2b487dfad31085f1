//! Which grades may travel at which hours: `call-timegrade` and `called-timegrade` of the manual, "When to Call".

use crate::job::Grade;
use crate::schedule::Windows;
use jiff::Zoned;

/// Grades by the hour. Outside of all hours every grade may travel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeGrades(Vec<(Grade, Windows)>);

impl TimeGrades {
    pub fn new(rules: Vec<(Grade, Windows)>) -> TimeGrades {
        TimeGrades(rules)
    }

    /// The worst grade that may travel at this moment; where several hours meet, the strictest of them.
    pub fn at(&self, moment: &Zoned) -> Option<Grade> {
        self.0.iter().filter(|(_, hours)| hours.open_at(moment)).map(|(grade, _)| *grade).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_rule_of_the_hour_counts() {
        let grade = |letter| Grade::new(letter).unwrap();
        let rule = |letter, hours: &str| (grade(letter), hours.parse().unwrap());
        let day = TimeGrades::new(vec![rule('Z', "Wk0755-2305,Su1655-2305"), rule('C', "Wk0900-1200")]);
        for (moment, worst) in [
            ("2026-11-23T07:54[UTC]", None),
            ("2026-11-23T08:00[UTC]", Some('Z')),
            ("2026-11-23T10:00[UTC]", Some('C')),
            ("2026-11-21T10:00[UTC]", None),
        ] {
            assert_eq!(day.at(&moment.parse().unwrap()), worst.map(grade), "{moment}");
        }
    }
}
