//! Numbers, switches and paths.

use std::path::PathBuf;

use super::{Scalar, quoted};

impl Scalar for u32 {
    const EXPECTED: &'static str = "a whole number such as 1";

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("is not a whole number".to_owned());
        }
        text.parse().map_err(|_| "is too large to hold".to_owned())
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn measure(&self) -> Option<u128> {
        Some(u128::from(*self))
    }
}

impl Scalar for bool {
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "is neither true nor false".to_owned())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// Relative paths are taken from the folder the process was started in.
impl Scalar for PathBuf {
    const EXPECTED: &'static str = r#"a path such as "/var/lib/ringup""#;

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("is not a path".to_owned()),
            text if text.contains(char::is_control) => Err("has a control character".to_owned()),
            // The shell expands it; here it would name a folder called "~".
            text if text == "~" || text.starts_with("~/") => {
                Err("begins with ~, which only a shell expands".to_owned())
            }
            text => Ok(PathBuf::from(text)),
        }
    }

    fn show(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepts, refuses};
    use super::*;

    #[test]
    fn numbers_switches_and_paths_are_read_and_shown() {
        accepts::<u32>("0", "0");
        accepts::<u32>("4294967295", "4294967295");
        accepts::<Option<u32>>("4", "4");
        accepts::<Option<u32>>("none", r#""none""#);
        accepts::<bool>("true", "true");
        accepts::<bool>("false", "false");
        accepts::<PathBuf>("./ringup-data", r#""./ringup-data""#);
        accepts::<PathBuf>(r#"C:\"data""#, r#""C:\\\"data\"""#);
        accepts::<Vec<PathBuf>>("/a.pem,/b.pem", r#"["/a.pem", "/b.pem"]"#);
    }

    #[test]
    fn what_is_none_is_refused_with_its_reason() {
        for text in ["", "one", "-1", "+1", "1.0", "1_000", " 1"] {
            refuses::<u32>(text, &format!("{text:?} is not a whole number"));
        }
        refuses::<u32>("4294967296", r#""4294967296" is too large to hold"#);
        for text in ["", "yes", "1", "True"] {
            refuses::<bool>(text, &format!("{text:?} is neither true nor false"));
        }
        refuses::<PathBuf>("", r#""" is not a path"#);
        refuses::<PathBuf>("/a\n", r#""/a\n" has a control character"#);
        refuses::<PathBuf>("~/data", r#""~/data" begins with ~, which only a shell expands"#);
    }
}
