//! Scripts worth having at hand.

/// A script with a name, and what it shows.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    pub name: &'static str,
    pub script: &'static str,
    pub shows: &'static str,
}

const fn preset(name: &'static str, script: &'static str, shows: &'static str) -> Preset {
    Preset { name, script, shows }
}

pub const PRESETS: &[Preset] = &[
    preset("Always well", "200", "Every request is accepted."),
    preset("Fails twice, then well", "503 x2, 200", "Every event fails twice, then succeeds: are repeats made?"),
    preset("Too busy", "429 retry-after=5, 200", "Does the cooldown honour the header?"),
    preset("Too slow", "timeout 35s, 200", "Longer than the time limit of 30 s: the log must say 408."),
    preset(
        "Broken connections",
        "reset, drop, garbage, 200",
        "A reset, a close without answer, bytes that are no HTTP.",
    ),
    preset("Trickle", "slow 1KB/s body=64KiB", "An answer that comes too slowly, to test capped reading."),
    preset("By chance", "chance 30% 500", "Random failures; the same seed gives the same run."),
    preset("Gone", "410", "Says it is gone for good: the URL is switched off."),
    preset("Moved", "redirect", "Redirects are never followed: what does the log advise?"),
    preset("Loyalty app", "loyalty", "Answers all three hooks, so that a till can be tried before its app exists."),
    preset("Slow loyalty app", "loyalty delay=8s", "Later than a hook waits: what does the till show?"),
    preset("Huge answer", "huge 10MiB", "An answer far larger than what is kept of it."),
];
