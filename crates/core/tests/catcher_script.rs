//! Scripts of a catcher: every example of the manual, what is refused and where, and what holds for all of them.

use std::time::Duration;

use proptest::prelude::*;
use ringup_core::catcher::{Action, PRESETS, Script, Then, draw, next_answer};

/// The answers to the first requests of one event, and then the steady one.
#[track_caller]
fn check(script: &str, expected: &[&str]) {
    let read: Script = script.parse().unwrap_or_else(|problem| panic!("{script}: {problem}"));
    let answers: Vec<String> = (0..expected.len() as u64).map(|seen| word(&read, seen, 0.0)).collect();
    assert_eq!(answers, expected, "{script}");
}

fn word(script: &Script, seen: u64, draw: f64) -> String {
    let answer = next_answer(script, seen, draw);
    let word = match answer.action {
        Action::Status { status, retry_after: None, body_bytes: None } => status.to_string(),
        Action::Status { status, retry_after, body_bytes } => format!("{status} {retry_after:?} {body_bytes:?}"),
        Action::Echo => "echo".to_owned(),
        Action::Loyalty => "loyalty".to_owned(),
        Action::Timeout { wait } => format!("timeout {}", wait.as_secs()),
        Action::Slow { bytes_per_sec, body_bytes } => format!("slow {bytes_per_sec} {body_bytes}"),
        Action::Reset => "reset".to_owned(),
        Action::Drop => "drop".to_owned(),
        Action::Stall { wait } => format!("stall {}", wait.as_secs()),
        Action::Garbage => "garbage".to_owned(),
        Action::Huge { body_bytes } => format!("huge {body_bytes}"),
        Action::Redirect { status } => format!("redirect {status}"),
    };
    if answer.delay.is_zero() { word } else { format!("{word} after {}", answer.delay.as_millis()) }
}

#[test]
fn the_examples_mean_what_they_say() {
    check("503 x2, 200", &["503", "503", "200", "200"]);
    check("429 retry-after=5, 200", &["429 Some(5) None", "200", "200"]);
    check("timeout 35s, 200", &["timeout 35", "200", "200"]);
    check("reset, drop, garbage, 200", &["reset", "drop", "garbage", "200", "200"]);
    check("slow 1KB/s body=64KiB", &["slow 1000 65536", "slow 1000 65536"]);
    check("chance 30% 500", &["500", "500"]);
}

#[test]
fn everything_else_of_the_grammar() {
    check("200", &["200", "200"]);
    check("200,503", &["200", "503", "503"]);
    check("  503  x3 ,  200 ", &["503", "503", "503", "200"]);
    check("503, 200; then:loop", &["503", "200", "503", "200", "503"]);
    check("503 x2; then:200", &["503", "503", "200", "200"]);
    check("503, 200; per:catcher then:loop", &["503", "200", "503"]);
    check("echo delay=250ms", &["echo after 250"]);
    check("stall", &["stall 35"]);
    check("stall 2m x2, drop", &["stall 120", "stall 120", "drop"]);
    check("timeout", &["timeout 35"]);
    check("huge", &["huge 10485760"]);
    check("huge 1MB", &["huge 1000000"]);
    check("huge body=500B", &["huge 500"]);
    check("redirect, redirect 308", &["redirect 302", "redirect 308"]);
    check("500 x2 body=1KiB", &["500 None Some(1024)", "500 None Some(1024)"]);
    check("RESET, Garbage", &["reset", "garbage"]);
}

#[test]
fn chance_is_decided_by_the_draw() {
    let script: Script = "chance 30% 500".parse().expect("it is one");
    assert_eq!(word(&script, 0, 0.299), "500");
    assert_eq!(word(&script, 0, 0.3), "200");
    let never: Script = "chance 0% reset".parse().expect("it is one");
    assert_eq!(word(&never, 0, 0.0), "200");
    let always: Script = "chance 100% reset".parse().expect("it is one");
    assert_eq!(word(&always, 0, 0.999_999), "reset");
}

#[test]
fn a_seed_repeats_its_run_and_is_fair() {
    let run = |seed| (0..10_000).map(|number| draw(seed, number)).collect::<Vec<_>>();
    let bits = |run: Vec<f64>| run.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(run(7)), bits(run(7)));
    assert_ne!(bits(run(7)), bits(run(8)));
    for seed in [0, 1, 7, u64::MAX] {
        let below = run(seed).iter().filter(|draw| **draw < 0.3).count();
        assert!((2_800..3_200).contains(&below), "seed {seed}: {below} of 10,000 below 0.3");
    }
}

/// The place that is underlined, and part of what is said.
#[track_caller]
fn refused(script: &str, caret: &str, part: &str) {
    let problem = script.parse::<Script>().expect_err(script);
    assert_eq!(problem.shown(script), format!("{script}\n{caret}"), "{problem}");
    assert!(problem.why.contains(part), "{script}: {problem}");
}

#[test]
fn what_is_wrong_is_underlined() {
    refused("", "^", "a step is missing");
    refused("200,", "    ^", "a step is missing");
    refused(",200", "^", "a step is missing");
    refused("200,,503", "    ^", "a step is missing");
    refused("teapot", "^^^^^^", "no step is called that");
    refused("503 x2, 20", "        ^^", "200 to 599");
    refused("100", "^^^", "200 to 599");
    refused("600", "^^^", "200 to 599");
    refused("503 x0", "    ^^", "x1 to x1000");
    refused("503 x2 x3", "       ^^", "KEY=VALUE");
    refused("503 200", "    ^^^", "separated by commas");
    refused("503 retry-after=soon", "                ^^^^", "number of seconds");
    refused("503 retry-after=1 retry-after=2", "                  ^^^^^^^^^^^^^", "given twice");
    refused("reset retry-after=1", "      ^^^^^^^^^^^^^", "has no retry-after");
    refused("503 colour=red", "    ^^^^^^^^^^", "delay=TIME");
    refused("timeout 35", "        ^^", "35s");
    refused("timeout 10m", "        ^^^", "at most 150s");
    refused("slow 1KB", "     ^^^", "1KB/s");
    refused("slow 0B/s", "     ^^^^", "1KB/s");
    refused("slow body=1GB", "          ^^^", "at most 16MiB");
    refused("huge 99999999999999999999MB", "     ^^^^^^^^^^^^^^^^^^^^^^", "at most 16MiB");
    refused("redirect 404", "         ^^^", "300 to 399");
    refused("chance", "      ^", "a percentage");
    refused("chance 30%", "          ^", "what happens by chance");
    refused("chance 130% 500", "       ^^^^", "0% to 100%");
    refused("chance 30% chance 40% 500", "           ^^^^^^", "once");
    refused("200; then:stop", "     ^^^^^^^^^", "then:hold");
    refused("200; seed:-1", "     ^^^^^^^", "whole number");
    refused("200; per:event; then:200", "              ^", "no option");
    refused("200, ü503", "     ^^^^", "no step is called that");
}

#[test]
fn a_script_is_bounded() {
    let long = "2".repeat(501);
    assert!(long.parse::<Script>().expect_err("too long").why.contains("500 characters"));
    let many = vec!["200"; 33].join(",");
    assert!(many.parse::<Script>().expect_err("too many").why.contains("32 steps"));
}

#[test]
fn presets_are_scripts_as_they_are_written() {
    for preset in PRESETS {
        let script: Script = preset.script.parse().unwrap_or_else(|problem| panic!("{}: {problem}", preset.script));
        assert_eq!(script.to_string().parse(), Ok(script), "{}", preset.name);
    }
}

fn steps() -> impl Strategy<Value = String> {
    let size = (1_u32..16_000, prop::sample::select(vec!["B", "KB", "KiB"])).prop_map(|(n, unit)| format!("{n}{unit}"));
    let time = prop_oneof![(0_u32..150).prop_map(|s| format!("{s}s")), (0_u32..150_000).prop_map(|s| format!("{s}ms"))];
    let action = prop_oneof![
        (200_u16..600).prop_map(|status| status.to_string()),
        (200_u16..600, any::<u32>()).prop_map(|(status, secs)| format!("{status} retry-after={secs}")),
        (200_u16..600, size.clone()).prop_map(|(status, size)| format!("{status} body={size}")),
        prop::sample::select(vec![
            "echo", "loyalty", "reset", "drop", "garbage", "timeout", "stall", "slow", "huge", "redirect"
        ])
        .prop_map(str::to_owned),
        time.clone().prop_map(|time| format!("timeout {time}")),
        time.clone().prop_map(|time| format!("stall {time}")),
        (size.clone(), size.clone()).prop_map(|(rate, body)| format!("slow {rate}/s body={body}")),
        size.prop_map(|size| format!("huge {size}")),
        (300_u16..400).prop_map(|status| format!("redirect {status}")),
    ];
    let chance = prop::option::of(0_u8..=100);
    (chance, action, prop::option::of(1_u32..=1_000), prop::option::of(time)).prop_map(
        |(chance, action, count, delay)| {
            let (name, keys) = match action.find('=') {
                Some(equals) => action.split_at(action[..equals].rfind(' ').unwrap_or(0)),
                None => (action.as_str(), ""),
            };
            let chance = chance.map(|percent| format!("chance {percent}% ")).unwrap_or_default();
            let count = count.map(|count| format!(" x{count}")).unwrap_or_default();
            let delay = delay.map(|delay| format!(" delay={delay}")).unwrap_or_default();
            format!("{chance}{name}{count}{keys}{delay}")
        },
    )
}

fn scripts() -> impl Strategy<Value = String> {
    let options = prop::sample::select(vec!["", "; then:loop", "; then:200 per:catcher", "; seed:42", "; then:hold"]);
    (prop::collection::vec(steps(), 1..8), options).prop_map(|(steps, options)| steps.join(", ") + options)
}

proptest! {
    #[test]
    fn a_written_script_reads_back_as_itself(text in scripts()) {
        let script: Script = text.parse().unwrap_or_else(|problem| panic!("{text}: {problem}"));
        let written = script.to_string();
        prop_assert_eq!(written.parse(), Ok(script.clone()), "{} from {}", written, text);
    }

    #[test]
    fn any_text_is_a_script_or_a_problem_within_it(text in "[ -~ü,;=x%0-9]{0,60}") {
        if let Err(problem) = text.parse::<Script>() {
            let characters = text.chars().count();
            prop_assert!(problem.at <= characters && problem.width >= 1, "{problem:?}");
            prop_assert!(problem.at + problem.width <= characters.max(1) + 1, "{problem:?}");
        }
    }

    #[test]
    fn steps_come_in_their_order_and_then_as_the_script_says(text in scripts(), seen in 0_u64..20_000) {
        let script: Script = text.parse().unwrap_or_else(|problem| panic!("{text}: {problem}"));
        let turns: Vec<usize> =
            script.steps().iter().enumerate().flat_map(|(index, step)| vec![index; step.count as usize]).collect();
        let expected = match (turns.get(usize::try_from(seen).unwrap_or(usize::MAX)), script.then) {
            (Some(index), _) => Some(*index),
            (None, Then::Hold) => turns.last().copied(),
            (None, Then::Loop) => turns.get(usize::try_from(seen).unwrap_or(0) % turns.len()).copied(),
            (None, Then::Ok) => None,
        };
        prop_assert_eq!(script.step_at(seen), expected);
    }

    #[test]
    fn no_answer_waits_longer_than_the_bound(text in scripts(), seen in any::<u64>(), draw in any::<f64>()) {
        let script: Script = text.parse().unwrap_or_else(|problem| panic!("{text}: {problem}"));
        prop_assert!(next_answer(&script, seen, draw).delay <= Duration::from_secs(150));
    }
}
