//! Names of files with wildcards, as shells have them: `*`, `?`, `[abc]`, `[a-z]`, `[!a]`.

/// Whether a name stands for any number of files.
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// Whether one part of a path fits the same part of a pattern. A name that begins with a dot is not shown to wildcards.
pub fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut here) = (0, 0);
    // Behind the last star, and what of the name that star has swallowed: more of it is tried before giving up.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let rest = pattern.get(at..).unwrap_or_default();
        let taken = match (rest, name.get(here)) {
            ([], None) => return true,
            (['*', ..], _) => {
                star = Some((at + 1, here));
                Some((1, 0))
            }
            (_, Some(letter)) => one(rest, *letter).map(|length| (length, 1)),
            (_, None) => None,
        };
        (at, here) = match (taken, star) {
            (Some((length, letters)), _) => (at + length, here + letters),
            (None, Some((behind, swallowed))) if swallowed < name.len() => {
                star = Some((behind, swallowed + 1));
                (behind, swallowed + 1)
            }
            (None, _) => return false,
        };
    }
}

/// How many characters of the pattern stand for this letter; `None`: it begins with another.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => match set(rest) {
            Some((members, length)) => is_member(members, letter).then_some(length + 1),
            // Without its end it is a bracket.
            None => (letter == '[').then_some(1),
        },
        [first, ..] => (*first == letter).then_some(1),
        [] => None,
    }
}

/// What stands in brackets, and how long it is with the closing one; that may be the first member.
fn set(rest: &[char]) -> Option<(&[char], usize)> {
    let first = usize::from(matches!(rest.first(), Some('!' | '^'))) + 1;
    let end = first + rest.get(first..)?.iter().position(|c| *c == ']')?;
    Some((rest.get(..end)?, end + 1))
}

fn is_member(members: &[char], letter: char) -> bool {
    let (members, wanted) = match members {
        ['!' | '^', rest @ ..] => (rest, false),
        all => (all, true),
    };
    let mut rest = members;
    let mut found = false;
    loop {
        rest = match rest {
            [from, '-', to, rest @ ..] => {
                found |= (*from..=*to).contains(&letter);
                rest
            }
            [one, rest @ ..] => {
                found |= *one == letter;
                rest
            }
            [] => return found == wanted,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_fit_as_they_do_in_a_shell() {
        for (pattern, yes, no) in [
            ("*.txt", &["a.txt", "a.b.txt"][..], &["a.txt.gz", ".txt", ".a.txt", "txt", ""][..]),
            ("*", &["a"], &[".a"]),
            (".*", &[".a", "."], &["a"]),
            ("a*b*c", &["abc", "axxbxxc", "abcbc"], &["ab", "axbxcx"]),
            ("**", &["", "x"], &[]),
            ("?", &["a", "\u{e4}"], &["", "ab", "."]),
            ("[abc]1", &["a1", "c1"], &["d1", "1"]),
            ("[a-c-]", &["b", "-"], &["d"]),
            ("[!a-c]", &["d"], &["a", "b"]),
            ("[]x]", &["]", "x"], &["y"]),
            ("[x", &["[x"], &["x"]),
            ("plan", &["plan"], &["plan2", "pla"]),
            ("", &[""], &["x"]),
        ] {
            for name in yes {
                assert!(fits(pattern, name), "{pattern} {name}");
            }
            for name in no {
                assert!(!fits(pattern, name), "{pattern} {name}");
            }
        }
        assert!(is_pattern("a?") && is_pattern("[a]") && !is_pattern("~/plan.txt"));
    }

    /// The same, slowly and plainly; for stars and question marks.
    fn fits_plainly(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], name) => name.is_empty(),
            (['*', rest @ ..], name) => (0..=name.len()).any(|end| fits_plainly(rest, &name[end..])),
            (['?', rest @ ..], [_, name @ ..]) => fits_plainly(rest, name),
            ([first, rest @ ..], [letter, name @ ..]) => first == letter && fits_plainly(rest, name),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn stars_are_tried_in_every_place(pattern in "[ab*?]{0,8}", name in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(fits(&pattern, &name), fits_plainly(&chars(&pattern), &chars(&name)));
        }

        #[test]
        fn no_pattern_breaks_it(pattern in "[a\\[\\]!^*?-]{0,12}", name in "[a\\[\\]!^*?-]{0,12}") {
            let _ = fits(&pattern, &name);
        }
    }

    #[test]
    fn a_pattern_made_to_take_long_takes_no_time() {
        assert!(!fits(&"*a".repeat(500), &"a".repeat(499)));
        assert!(fits(&"*a".repeat(250), &"ba".repeat(500)));
    }
}
