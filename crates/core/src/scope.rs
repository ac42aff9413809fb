//! What a key may be used for. A role says where it may act, its scopes say what it may do there.

use std::fmt;

/// One thing that a key can be allowed to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// Look at everything that is no secret.
    Read,
    /// Report events, and strike out their payloads again.
    Publish,
    /// Create, change and remove accounts.
    Accounts,
    /// Change how an account's deliveries are made and logged.
    Settings,
    /// Create, change and remove endpoints, with their settings and headers.
    Endpoints,
    /// See the signing secret of an endpoint.
    Secrets,
    /// Replace the signing secret of an endpoint.
    Rotate,
    /// Ask for attempts: resend, recover, replay, send an example.
    Recover,
    /// Register, change and remove event types.
    EventTypes,
    /// Make and end keys, portal links and sessions.
    Keys,
}

impl Scope {
    pub const ALL: [Scope; 10] = [
        Scope::Read,
        Scope::Publish,
        Scope::Accounts,
        Scope::Settings,
        Scope::Endpoints,
        Scope::Secrets,
        Scope::Rotate,
        Scope::Recover,
        Scope::EventTypes,
        Scope::Keys,
    ];

    /// Its name on the wire, in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Publish => "publish",
            Scope::Accounts => "accounts",
            Scope::Settings => "settings",
            Scope::Endpoints => "endpoints",
            Scope::Secrets => "secrets",
            Scope::Rotate => "rotate",
            Scope::Recover => "recover",
            Scope::EventTypes => "event_types",
            Scope::Keys => "keys",
        }
    }

    pub fn from_word(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.word() == word)
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    pub const NONE: Scopes = Scopes(0);
    /// Unrestricted.
    pub const ALL: Scopes = Scopes((1 << Scope::ALL.len()) - 1);
    /// A key that changes nothing.
    pub const READ_ONLY: Scopes = Scopes(1 << Scope::Read as u16);
    /// The most that a person may do who came by a portal link: keep house in one account. Reporting events, the
    /// account itself, event types and keys are its operator's business.
    pub const PORTAL: Scopes = Scopes(
        (1 << Scope::Read as u16)
            | (1 << Scope::Settings as u16)
            | (1 << Scope::Endpoints as u16)
            | (1 << Scope::Secrets as u16)
            | (1 << Scope::Rotate as u16)
            | (1 << Scope::Recover as u16),
    );
    /// The most that a key of one account may do.
    pub const ACCOUNT: Scopes = Scopes(Scopes::PORTAL.0 | (1 << Scope::Publish as u16));

    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// What both have.
    #[must_use]
    pub fn within(self, other: Scopes) -> Scopes {
        Scopes(self.0 & other.0)
    }

    /// Whether the other has all of these.
    pub fn is_within(self, other: Scopes) -> bool {
        self.within(other) == self
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Scopes {
        Scopes(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.word())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_word(scope.word()), Some(scope));
        }
        assert_eq!(Scope::from_word("everything"), None);
    }

    #[test]
    fn all_has_each_and_none_has_none() {
        assert!(Scope::ALL.into_iter().all(|scope| Scopes::ALL.has(scope) && !Scopes::NONE.has(scope)));
        assert_eq!(Scope::ALL.into_iter().collect::<Scopes>(), Scopes::ALL);
        assert_eq!(Scopes::ALL.iter().count(), Scope::ALL.len());
    }

    #[test]
    fn a_portal_keeps_house_and_no_more() {
        let beyond = [Scope::Publish, Scope::Accounts, Scope::EventTypes, Scope::Keys];
        assert!(beyond.into_iter().all(|scope| !Scopes::PORTAL.has(scope)));
        assert_eq!(Scopes::PORTAL.iter().count() + beyond.len(), Scope::ALL.len());
        assert!(Scopes::READ_ONLY.is_within(Scopes::PORTAL) && Scopes::PORTAL.is_within(Scopes::ACCOUNT));
        assert!(!Scopes::ACCOUNT.is_within(Scopes::PORTAL));
        assert_eq!(Scopes::READ_ONLY.to_string(), "read");
    }
}
