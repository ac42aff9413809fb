//! The report for people, programs and build servers.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Case, Report, Verdict};
use crate::fault::Fault;

impl Report {
    /// For people, on lines of about a hundred characters.
    pub fn text(&self) -> String {
        let mut text = format!("Contract of the External Loyalty App, {} generation\n", self.generation);
        for (hook, url) in &self.hooks {
            let _ = write!(text, "\n{hook}  {url}\n");
            for case in self.cases.iter().filter(|case| case.hook == *hook) {
                line(&mut text, case);
            }
        }
        let faults = self.faults();
        if !faults.is_empty() {
            text.push_str("\nWhat is wrong, why it matters, what to do:\n");
        }
        for fault in &faults {
            let _ =
                write!(text, "\n  {fault}: the app {}.\n    {}\n    {}\n", fault.what(), fault.why(), fault.advice());
        }
        let [passed, failed, left] = self.score();
        let _ = write!(text, "\nScore: {passed} of {} ({} %)", passed + failed, self.percent());
        if left > 0 {
            let _ = write!(text, ", {left} not tried");
        }
        let names: Vec<&str> = faults.iter().map(|fault| fault.word()).collect();
        let _ = writeln!(text, "; {}", if names.is_empty() { "nothing is wrong".to_owned() } else { names.join(", ") });
        text
    }

    /// For programs. `schema` changes with the meaning of a member.
    pub fn json(&self) -> Value {
        let [passed, failed, left] = self.score();
        let case = |case: &Case| {
            let (verdict, fault, why) = match &case.verdict {
                Verdict::Passed => ("passed", None, None),
                Verdict::Failed(fault) => ("failed", Some(fault.word()), None),
                Verdict::Left(why) => ("left_out", None, Some(*why)),
            };
            let took_ms = u64::try_from(case.took.as_millis()).unwrap_or(u64::MAX);
            json!({"hook": case.hook, "name": case.name, "expected": case.expected, "seen": case.seen,
                "verdict": verdict, "fault": fault, "leftOutBecause": why, "tookMs": took_ms})
        };
        let fault = |fault: Fault| json!({"name": fault.word(), "what": format!("the app {}", fault.what()), "why": fault.why(), "do": fault.advice()});
        let hook = |(name, url): &(&str, String)| json!({"name": name, "url": url});
        json!({
            "schema": "ringup.loyalty-check.1",
            "generation": self.generation.word(),
            "hooks": self.hooks.iter().map(hook).collect::<Vec<_>>(),
            "score": {"passed": passed, "failed": failed, "leftOut": left, "percent": self.percent()},
            "faults": self.faults().into_iter().map(fault).collect::<Vec<_>>(),
            "cases": self.cases.iter().map(case).collect::<Vec<_>>(),
        })
    }

    /// For build servers: a suite for each hook.
    pub fn junit(&self) -> String {
        let [passed, failed, left] = self.score();
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"ringup loyalty check\" tests=\"{}\" failures=\"{failed}\" skipped=\"{left}\">\n",
            passed + failed + left
        );
        for (hook, _) in &self.hooks {
            let cases: Vec<&Case> = self.cases.iter().filter(|case| case.hook == *hook).collect();
            let count = |test: fn(&Verdict) -> bool| cases.iter().filter(|case| test(&case.verdict)).count();
            let (failed, left) =
                (count(|it| matches!(it, Verdict::Failed(_))), count(|it| matches!(it, Verdict::Left(_))));
            let _ = writeln!(
                xml,
                "  <testsuite name=\"{hook}\" tests=\"{}\" failures=\"{failed}\" skipped=\"{left}\">",
                cases.len()
            );
            for case in cases {
                let took = case.took.as_millis();
                let _ = write!(
                    xml,
                    "    <testcase classname=\"{hook}\" name=\"{}\" time=\"{}.{:03}\"",
                    escaped(case.name),
                    took / 1_000,
                    took % 1_000
                );
                match &case.verdict {
                    Verdict::Passed => xml.push_str("/>\n"),
                    Verdict::Left(why) => {
                        let _ = writeln!(xml, "><skipped message=\"{}\"/></testcase>", escaped(why));
                    }
                    Verdict::Failed(fault) => {
                        let words = format!(
                            "expected {}; seen {}. {} {}",
                            case.expected,
                            case.seen,
                            fault.why(),
                            fault.advice()
                        );
                        let message = format!("the app {}", fault.what());
                        let _ = writeln!(
                            xml,
                            "><failure type=\"{fault}\" message=\"{}\">{}</failure></testcase>",
                            escaped(&message),
                            escaped(&words)
                        );
                    }
                }
            }
            xml.push_str("  </testsuite>\n");
        }
        xml.push_str("</testsuites>\n");
        xml
    }

    /// Of the cases that were tried, rounded down: 100 means all.
    fn percent(&self) -> usize {
        let [passed, failed, _] = self.score();
        (passed * 100).checked_div(passed + failed).unwrap_or(0)
    }
}

fn line(text: &mut String, case: &Case) {
    let _ = match &case.verdict {
        Verdict::Passed => writeln!(text, "  ok    {:<34} {}", case.name, case.seen),
        Verdict::Left(why) => writeln!(text, "  –     {:<34} not tried: {why}", case.name),
        Verdict::Failed(fault) => writeln!(
            text,
            "  FAIL  {:<34} {fault}\n          expected  {}\n          seen      {}",
            case.name, case.expected, case.seen
        ),
    };
}

/// As XML 1.0 can hold it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringup_core::hook::Generation;

    fn report() -> Report {
        let case = |name, seen: &str, verdict| Case {
            hook: "validateCoupon",
            name,
            expected: "a",
            seen: seen.to_owned(),
            verdict,
            took: std::time::Duration::from_millis(1_042),
        };
        let cases = vec![
            case("good", "200", Verdict::Passed),
            case("bad", "200 <html>&\"\u{1b}", Verdict::Failed(Fault::Html)),
            case("left", "", Verdict::Left("no secret")),
        ];
        Report { hooks: vec![("validateCoupon", "https://a/b".to_owned())], generation: Generation::Newer, cases }
    }

    #[test]
    fn a_report_says_the_same_in_three_ways() {
        let report = report();
        let text = report.text();
        assert!(text.contains("Score: 1 of 2 (50 %), 1 not tried; html\n"), "{text}");
        assert!(text.contains("html: the app answers with a web page."), "{text}");
        let json = report.json();
        assert_eq!(json["score"], json!({"passed": 1, "failed": 1, "leftOut": 1, "percent": 50}));
        assert_eq!(json["faults"][0]["name"], "html");
        let xml = report.junit();
        assert!(xml.contains("tests=\"3\" failures=\"1\" skipped=\"1\""), "{xml}");
        assert!(xml.contains("time=\"1.042\"") && xml.contains("200 &lt;html&gt;&amp;&quot; "), "{xml}");
        assert!(!report.is_well());
    }
}
