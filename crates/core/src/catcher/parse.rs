//! Reads a script, and says where and why it cannot.

use std::str::FromStr;
use std::time::Duration;

use super::{
    Action, BODY_BYTES_MAX, COUNT_MAX, HUGE_BODY_DEFAULT, Per, RATE_DEFAULT, RATE_MAX, REDIRECT_DEFAULT,
    SCRIPT_CHARS_MAX, SLOW_BODY_DEFAULT, STEPS_MAX, Script, Step, Then, WAIT_DEFAULT, WAIT_MAX,
};

const ACTIONS: &str =
    "a status such as 503, echo, loyalty, timeout, slow, reset, drop, stall, garbage, huge, redirect or chance";
const OPTIONS: &str = "per:event, per:catcher, then:hold, then:loop, then:200 or seed:NUMBER";

/// Why a text is not a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptProblem {
    /// Characters before the place that is wrong.
    pub at: usize,
    /// Characters that are wrong, at least one.
    pub width: usize,
    /// What is wrong and what would be right.
    pub why: String,
}

impl ScriptProblem {
    /// The script with the wrong place underlined, for a fixed-width font.
    pub fn shown(&self, script: &str) -> String {
        let line: String = script.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{line}\n{}{}", " ".repeat(self.at), "^".repeat(self.width))
    }
}

impl std::fmt::Display for ScriptProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at character {}: {}", self.at + 1, self.why)
    }
}

impl std::error::Error for ScriptProblem {}

type Read<T> = Result<T, ScriptProblem>;

impl FromStr for Script {
    type Err = ScriptProblem;

    fn from_str(text: &str) -> Read<Script> {
        let characters = text.chars().count();
        if characters > SCRIPT_CHARS_MAX {
            let why = format!("a script has at most {SCRIPT_CHARS_MAX} characters");
            return Err(ScriptProblem { at: SCRIPT_CHARS_MAX, width: characters - SCRIPT_CHARS_MAX, why });
        }
        let words = words(text);
        let end = Word { text: "", at: characters };
        let (steps, options) = match words.iter().position(|word| word.text == ";") {
            Some(at) => (words.get(..at).unwrap_or_default(), words.get(at + 1..).unwrap_or_default()),
            None => (words.as_slice(), [].as_slice()),
        };
        let mut script = Script { steps: Vec::new(), per: Per::default(), then: Then::default(), seed: None };
        for part in steps.split(|word| word.text == ",") {
            if script.steps.len() == STEPS_MAX {
                let at = part.first().copied().unwrap_or(end);
                return Err(at.wrong(format!("a script has at most {STEPS_MAX} steps")));
            }
            script.steps.push(step(part, after(part, &words, end))?);
        }
        for word in options {
            option(&mut script, *word)?;
        }
        Ok(script)
    }
}

/// A piece of the script between spaces; commas and semicolons are pieces of their own.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    text: &'a str,
    /// Characters before it.
    at: usize,
}

impl<'a> Word<'a> {
    fn wrong(self, why: impl Into<String>) -> ScriptProblem {
        ScriptProblem { at: self.at, width: self.text.chars().count().max(1), why: why.into() }
    }

    /// The rest of it, behind `bytes` of ASCII.
    fn behind(self, bytes: usize) -> Word<'a> {
        Word { text: self.text.get(bytes..).unwrap_or_default(), at: self.at + bytes }
    }
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let piece = |from: usize, to: usize, at: usize| Word { text: text.get(from..to).unwrap_or_default(), at };
    for (at, (byte, character)) in text.char_indices().enumerate() {
        let separator = matches!(character, ',' | ';');
        if !separator && !character.is_whitespace() {
            open = open.or(Some((byte, at)));
            continue;
        }
        words.extend(open.take().map(|(from, at)| piece(from, byte, at)));
        if separator {
            words.push(piece(byte, byte + 1, at));
        }
    }
    words.extend(open.map(|(from, at)| piece(from, text.len(), at)));
    words
}

/// The comma, the semicolon or the end behind a part, where something is missing.
fn after<'a>(part: &[Word<'a>], words: &[Word<'a>], end: Word<'a>) -> Word<'a> {
    let Some(last) = part.last() else {
        // An empty part lies before the first separator that has nothing before it.
        let mut bare = true;
        for word in words {
            if matches!(word.text, "," | ";") {
                if bare {
                    return *word;
                }
                bare = true;
            } else {
                bare = false;
            }
        }
        return end;
    };
    words.iter().find(|word| word.at > last.at).copied().unwrap_or(end)
}

fn step<'a>(words: &[Word<'a>], end: Word<'a>) -> Read<Step> {
    let mut words = words.iter().copied().peekable();
    let missing = |what: &str| end.wrong(format!("{what} is missing here"));
    let mut first = words.next().ok_or_else(|| missing("a step"))?;
    let mut chance = None;
    if is(first, "chance") {
        let percent = words.next().ok_or_else(|| missing("a percentage such as 30%"))?;
        chance = Some(percentage(percent)?);
        first = words.next().ok_or_else(|| missing("what happens by chance, such as 500,"))?;
    }
    let mut action = action(first)?;
    if let Some(word) = words.peek().copied()
        && argument(&mut action, word)?
    {
        words.next();
    }
    let mut step = Step { action, count: 1, chance, delay: Duration::ZERO };
    if let Some(word) = words.peek().copied()
        && let Some(count) = word.text.strip_prefix(['x', 'X', '×'])
        && !count.contains('=')
    {
        step.count = counted(word, count)?;
        words.next();
    }
    let mut given = Vec::new();
    for word in words {
        key(&mut step, word, &mut given)?;
    }
    Ok(step)
}

fn is(word: Word<'_>, name: &str) -> bool {
    word.text.eq_ignore_ascii_case(name)
}

fn action(word: Word<'_>) -> Read<Action> {
    if word.text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Action::Status { status: status(word)?, retry_after: None, body_bytes: None });
    }
    Ok(match word.text.to_ascii_lowercase().as_str() {
        "echo" => Action::Echo,
        "loyalty" => Action::Loyalty,
        "timeout" => Action::Timeout { wait: WAIT_DEFAULT },
        "slow" => Action::Slow { bytes_per_sec: RATE_DEFAULT, body_bytes: SLOW_BODY_DEFAULT },
        "reset" => Action::Reset,
        "drop" => Action::Drop,
        "stall" => Action::Stall { wait: WAIT_DEFAULT },
        "garbage" => Action::Garbage,
        "huge" => Action::Huge { body_bytes: HUGE_BODY_DEFAULT },
        "redirect" => Action::Redirect { status: REDIRECT_DEFAULT },
        "chance" => return Err(word.wrong("chance stands once, at the start of a step")),
        _ => return Err(word.wrong(format!("no step is called that; write {ACTIONS}"))),
    })
}

/// What may follow an action's name without a key. Answers whether the word was one.
fn argument(action: &mut Action, word: Word<'_>) -> Read<bool> {
    if !word.text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(false);
    }
    match action {
        Action::Timeout { wait } | Action::Stall { wait } => *wait = time(word)?,
        Action::Slow { bytes_per_sec, .. } => *bytes_per_sec = rate(word)?,
        Action::Huge { body_bytes } => *body_bytes = size(word)?,
        Action::Redirect { status: code } => {
            *code = status(word)?;
            if !(300..=399).contains(code) {
                return Err(word.wrong("a redirect has a status from 300 to 399"));
            }
        }
        Action::Status { .. } | Action::Echo | Action::Loyalty | Action::Reset | Action::Drop | Action::Garbage => {
            return Err(word.wrong("nothing follows here but xCOUNT and KEY=VALUE; steps are separated by commas"));
        }
    }
    Ok(true)
}

fn status(word: Word<'_>) -> Read<u16> {
    let known = word.text.parse::<u16>().ok().filter(|code| (200..=599).contains(code));
    known.ok_or_else(|| word.wrong("a final status is a number from 200 to 599"))
}

fn percentage(word: Word<'_>) -> Read<u8> {
    let number = word.text.strip_suffix('%').and_then(|number| number.parse::<u8>().ok());
    number.filter(|percent| *percent <= 100).ok_or_else(|| word.wrong("a chance is 0% to 100%, such as 30%"))
}

fn counted(word: Word<'_>, digits: &str) -> Read<u32> {
    let count = digits.parse::<u32>().ok().filter(|count| (1..=COUNT_MAX).contains(count));
    count.ok_or_else(|| word.wrong(format!("a count is x1 to x{COUNT_MAX}")))
}

fn key<'a>(step: &mut Step, word: Word<'a>, given: &mut Vec<&'a str>) -> Read<()> {
    let Some((name, value)) = word.text.split_once('=') else {
        return Err(word.wrong("expected KEY=VALUE here, such as retry-after=5; steps are separated by commas"));
    };
    if given.contains(&name) {
        return Err(word.wrong(format!("{name} is given twice")));
    }
    given.push(name);
    let value = word.behind(word.text.len() - value.len());
    match (name, &mut step.action) {
        ("delay", _) => step.delay = time(value)?,
        ("retry-after", Action::Status { retry_after, .. }) => {
            let secs = value.text.parse().map_err(|_| value.wrong("retry-after is a number of seconds"))?;
            *retry_after = Some(secs);
        }
        ("body", Action::Status { body_bytes, .. }) => *body_bytes = Some(size(value)?),
        ("body", Action::Slow { body_bytes, .. } | Action::Huge { body_bytes }) => *body_bytes = size(value)?,
        ("retry-after" | "body", _) => return Err(word.wrong(format!("this step has no {name}"))),
        _ => return Err(word.wrong("a step knows delay=TIME, retry-after=SECONDS and body=SIZE")),
    }
    Ok(())
}

fn option(script: &mut Script, word: Word<'_>) -> Read<()> {
    match word.text.to_ascii_lowercase().as_str() {
        "per:event" => script.per = Per::Event,
        "per:catcher" => script.per = Per::Catcher,
        "then:hold" => script.then = Then::Hold,
        "then:loop" => script.then = Then::Loop,
        "then:200" => script.then = Then::Ok,
        other => {
            let seed = other.strip_prefix("seed:");
            let seed = seed.ok_or_else(|| word.wrong(format!("no option is called that; write {OPTIONS}")))?;
            script.seed = Some(seed.parse().map_err(|_| word.wrong("a seed is a whole number"))?);
        }
    }
    Ok(())
}

/// Digits and the unit behind them.
fn split(word: Word<'_>) -> Option<(u64, &str)> {
    let digits = word.text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = word.text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit))
}

fn time(word: Word<'_>) -> Read<Duration> {
    let wrong = || word.wrong(format!("a time is such as 500ms or 35s, at most {}s", WAIT_MAX.as_secs()));
    let (number, unit) = split(word).ok_or_else(wrong)?;
    let time = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    if time > WAIT_MAX { Err(wrong()) } else { Ok(time) }
}

fn size(word: Word<'_>) -> Read<u32> {
    let most = super::write::size(BODY_BYTES_MAX);
    let wrong = || word.wrong(format!("a size is such as 500B, 64KiB or 1MB, at most {most}"));
    bytes(word, BODY_BYTES_MAX).ok_or_else(wrong)
}

fn rate(word: Word<'_>) -> Read<u32> {
    let most = super::write::size(RATE_MAX);
    let wrong = || word.wrong(format!("a rate is such as 1KB/s or 100B/s, at most {most}/s"));
    let size = word.text.strip_suffix("/s").ok_or_else(wrong)?;
    bytes(Word { text: size, ..word }, RATE_MAX).filter(|rate| *rate > 0).ok_or_else(wrong)
}

fn bytes(word: Word<'_>, max: u32) -> Option<u32> {
    let (number, unit) = split(word)?;
    let (_, factor) = super::write::UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let bytes = number.checked_mul(u64::from(*factor))?;
    u32::try_from(bytes).ok().filter(|bytes| *bytes <= max)
}
