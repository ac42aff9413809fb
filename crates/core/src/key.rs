//! Small integer keys that the house uses inside; wire ids stay at the edges.

macro_rules! key {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub i64);
    )*};
}

key! {
    /// A closed world with its own keys, catalogue and accounts.
    EnvironmentKey,
    /// A merchant or brand: the isolation boundary.
    AccountKey,
    /// A receiver's URL with its subscription, secrets and settings.
    EndpointKey,
    /// A built-in receiver that shows and scripts.
    CatcherKey,
}
