//! Reads how many tests ran from what cargo and nextest print.

/// Tests that passed and failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub passed: u64,
    pub failed: u64,
}

/// From nextest's `Summary [..] 12 tests run: 11 passed (1 slow), 1 failed, 2 skipped` and from each
/// `test result: ok. 3 passed; 0 failed; ..` of cargo's own runner.
pub fn read(text: &str) -> Count {
    let mut count = Count::default();
    for line in text.lines().map(plain) {
        let is_nextest = line.trim_start().starts_with("Summary [") && line.contains("run:");
        if !is_nextest && !line.starts_with("test result:") {
            continue;
        }
        let words: Vec<&str> = line.split([' ', ',', ';']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].trim_start_matches('(').parse::<u64>() else { continue };
            match pair[1] {
                "passed" => count.passed += number,
                "failed" | "timed" => count.failed += number,
                _ => {}
            }
        }
    }
    count
}

/// The line without escape sequences for colours.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\x1b') {
        plain.push_str(&rest[..at]);
        let end = rest[at..].find('m').map_or(rest.len(), |end| at + end + 1);
        rest = &rest[end..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, passed: u64, failed: u64) {
        assert_eq!(read(text), Count { passed, failed }, "{text}");
    }

    #[test]
    fn both_runners_are_understood() {
        check("     Summary [   0.5s] 12 tests run: 12 passed, 0 skipped", 12, 0);
        check("     Summary [  0.5s] 5 tests run: 3 passed (1 slow), 2 failed, 1 skipped", 3, 2);
        check(
            "\x1b[32;1m     Summary\x1b[0m [ 0.5s] \x1b[1m2\x1b[0m tests run: \x1b[1m2\x1b[0m \x1b[32mpassed\x1b[0m",
            2,
            0,
        );
        check("     Summary [  9.9s] 4/9 tests run: 3 passed, 1 timed out, 0 skipped", 3, 1);
        check(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\ntest result: FAILED. 1 passed; 2 failed; 0 ignored",
            4,
            2,
        );
        check("nothing of the kind: 5 passed", 0, 0);
    }
}
