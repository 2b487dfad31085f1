use super::*;
use std::collections::HashSet;

/// All that a profile may send as commands.
fn commands(profile: &Profile) -> Vec<&str> {
    let optional = [&profile.no_escape, &profile.report, &profile.busy_out];
    let always = [&profile.reset, &profile.dial, &profile.answer, &profile.hang_up_command];
    let given = optional.into_iter().flatten().chain(&profile.init).chain(always);
    given.map(String::as_str).chain(profile.caller_id.iter().copied()).collect()
}

#[test]
fn every_command_is_one_that_old_modems_take() {
    for profile in Profile::all() {
        for command in commands(&profile) {
            let body = command.strip_prefix("AT").unwrap_or_else(|| panic!("{}: {command}", profile.name));
            assert!(body.len() <= 40, "{}: {command}", profile.name);
            assert!(body.bytes().all(|byte| byte.is_ascii_graphic()), "{}: {command}", profile.name);
        }
    }
}

#[test]
fn every_profile_asks_for_words_without_echo_and_for_the_carrier() {
    for profile in Profile::all() {
        let init = profile.init.concat();
        assert!(init.contains("E0V1Q0"), "{}", profile.name);
        // The modems of WiFi chips have no carrier signal.
        assert_eq!(init.contains("&C1"), profile.name != "wifi", "{}", profile.name);
        // A modem whose DTR hangs up is told so.
        let dtr = init.contains("&D2") || init.contains("&D3");
        assert_eq!(dtr, profile.hang_up == HangUp::Dtr, "{}", profile.name);
    }
}

#[test]
fn an_escape_that_is_switched_off_leaves_a_way_to_hang_up() {
    for profile in Profile::all() {
        let elsewhere = profile.escape_elsewhere;
        assert!(
            elsewhere.is_none_or(|character| character < 128 && character != profile.escape),
            "{}",
            profile.name
        );
        assert!(profile.no_escape.is_none() || profile.hang_up == HangUp::Dtr, "{}", profile.name);
        if let Some(("ATS2", character)) = profile.no_escape.as_deref().and_then(|c| c.split_once('=')) {
            assert!(character.parse::<u8>().expect("a character") > 127, "{}", profile.name);
        }
    }
}

#[test]
fn the_modem_waits_a_little_less_than_we_do() {
    for profile in Profile::all() {
        let set = Duration::from_millis(20) * u32::try_from(profile.guard_register()).unwrap();
        assert!(!set.is_zero() && set < profile.timeouts.guard, "{}", profile.name);
        // The pause that keeps data from forming an escape is longer still.
        assert!(profile.timeouts.guard < set * 3 / 2, "{}", profile.name);
    }
}

#[test]
fn names_are_told_apart_and_each_family_has_its_page() {
    let all = Profile::all();
    let names: HashSet<&str> = all.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names.len(), all.len());
    assert_eq!(all[0].name, "generic");
    let notes = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware-notes");
    let pages: Vec<String> = std::fs::read_dir(notes)
        .expect("the notes")
        .map(|page| std::fs::read_to_string(page.expect("a page").path()).expect("a page reads"))
        .collect();
    for name in names.into_iter().filter(|name| *name != "generic") {
        let mentioned =
            pages.iter().any(|page| page.contains("Profile") && page.contains(&format!("`{name}`")));
        assert!(mentioned, "no page names the profile {name}");
    }
}

#[test]
fn codes_are_told_apart() {
    for profile in Profile::all() {
        let numbers: HashSet<u32> = profile.codes.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), profile.codes.len(), "{}", profile.name);
    }
}
