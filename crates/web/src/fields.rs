//! Fields of a form or a query string, in their order.

use url::form_urlencoded;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    pub fn parse(text: &[u8]) -> Fields {
        Fields(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value, without spaces around it; `None` where there is nothing in it.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The first value as it came.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn many<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    /// A query string with these fields set anew; an empty value leaves one out.
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let kept = |name: &str| changes.iter().all(|(changed, _)| *changed != name);
        query.extend_pairs(self.0.iter().filter(|(name, value)| kept(name) && !value.is_empty()));
        query.extend_pairs(changes.iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }
}

/// A path, or a part of one, as it stands in an address.
pub fn escaped(part: &str) -> String {
    form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_changed() {
        let fields = Fields::parse(b"a=1&b=+x+&b=y&empty=");
        assert_eq!(fields.one("b"), Some("x"));
        assert_eq!(fields.many("b").count(), 2);
        assert_eq!(fields.one("empty"), None);
        assert_eq!(fields.with(&[("a", ""), ("c", "ü&")]), "b=+x+&b=y&c=%C3%BC%26");
    }

    #[test]
    fn names_are_escaped_for_paths() {
        assert_eq!(escaped("a/b c?"), "a%2Fb%20c%3F");
    }
}
