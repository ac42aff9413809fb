//! Every key there is. This table is the only list of them: the typed [`Config`], parsing, `config show` and the
//! reference are made from it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use ringup_core::account::Validation;
use ringup_core::log::LogMode;
use ringup_core::policy::Policy;
use ringup_store::postgres::NodeAddress;

use super::setting::Settings;
use super::value::base_url::BaseUrl;
use super::value::choice::{LogFilter, LogFormat, RequestLog};
use super::value::mailbox::Mailbox;
use super::value::secret::{EncryptionKey, OperatorKey, RelayUrl, StoreUrl};
use super::value::site::Site;
use super::value::size::ByteSize;
use super::value::{Raw, Value};

macro_rules! keys {
    ($(
        $(#[doc = $section_doc:literal])+
        $section:ident: $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty = $default:literal $(in $min:literal..=$max:literal)?;
            )+
        }
    )+) => {
        /// Every effective value, typed and within its bounds.
        #[derive(Clone, Debug)]
        pub struct Config {
            $( $(#[doc = $section_doc])+ pub $section: $Section, )+
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug)]
            pub struct $Section {
                $( $(#[doc = $doc])+ pub $field: $type, )+
            }
        )+

        pub const SECTIONS: &[Section] = &[$(
            Section {
                name: stringify!($section),
                doc: concat!($($section_doc),+),
                keys: &[$(
                    Key {
                        name: concat!(stringify!($section), ".", stringify!($field)),
                        doc: concat!($($doc),+),
                        default: $default,
                        bounds: None,
                        kind: Kind::of::<$type>(),
                    }$(.within($min, $max))?,
                )+],
            },
        )+];

        impl Config {
            pub(super) fn from_settings(settings: &Settings) -> Self {
                Self {$(
                    $section: $Section {$(
                        $field: settings.typed(concat!(stringify!($section), ".", stringify!($field))),
                    )+},
                )+}
            }
        }
    };
}

keys! {
    /// The door through which programs come in.
    server: Server {
        /// Address and port to listen on. Port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:8080";
        /// Where people reach the console, such as `https://ringup.example`: links to it begin with this. The address that
        /// is listened on when not set.
        public_url: Option<Site> = "none";
        /// Largest body of a request, in bytes; a larger one is answered 413.
        body_bytes_max: ByteSize = "256KiB" in "1KiB"..="16MiB";
        /// Requests being served at a time; further ones are answered 503. Looks at the health are not counted.
        requests_in_flight_max: u32 = "4096" in "1"..="65536";
        /// Requests of one key being served at a time; further ones are answered 429.
        key_requests_in_flight_max: u32 = "1024" in "1"..="65536";
        /// Requests a second of one key, of which a second's worth may come at once; further ones are answered 429. Not
        /// limited when not set.
        key_requests_per_second: Option<u32> = "50000" in "1"..="1000000";
        /// Sites whose scripts may ask from a browser, such as `https://shop.example`; none when empty.
        cors_origins: Vec<Site> = "";
        /// How long a stop waits for what is in flight; zero does not wait.
        shutdown_grace: Duration = "30s" in "0s"..="1h";
        /// Worker threads; one for each core when not set.
        threads: Option<u32> = "none" in "1"..="1024";
    }
    /// What is remembered, where, and for how long.
    store: Store {
        /// PostgreSQL database, 15 or newer, that holds everything instead of the data folder. Needs
        /// `store.encryption_key`. Certificate authorities of `egress.ca_files` are trusted for it, too.
        url: Option<StoreUrl> = "none";
        /// Where this node listens for the other nodes of one database, which hand it events of the accounts that it delivers
        /// for: an address and a port that they reach. `auto`: the address from which it reaches the database, and a free
        /// port. `off`: nowhere; it neither takes events from other nodes nor hands them any, and more goes through the
        /// database. Whoever connects must have `store.encryption_key`.
        node_address: NodeAddress = "auto";
        /// Folder of the embedded store. One process at a time uses it.
        data_dir: PathBuf = "./ringup-data";
        /// Seals signing secrets, receivers' credentials and extra headers: 32 bytes in base64, the same on all nodes of one
        /// database. Without a database and when not set, the first start makes a key in the file `encryption.key` of the
        /// data folder.
        encryption_key: Option<EncryptionKey> = "none";
        /// Folder for backups, which an operator asks for from the console or the API; without it none are made.
        backup_dir: Option<PathBuf> = "none";
        /// How long events with their payloads are kept. An event with a live delivery is kept longer.
        payload_retention: Duration = "90d" in "1h"..="3650d";
        /// How long the log of attempts is kept.
        attempt_retention: Duration = "30d" in "1h"..="3650d";
        /// How long the audit log is kept: who changed what. Of very many changes the oldest go sooner.
        audit_retention: Duration = "400d" in "1d"..="3650d";
        /// How long a repeated publish is recognised by its idempotency key or event id. Not longer than
        /// `store.payload_retention`.
        idempotency_window: Duration = "24h" in "1m"..="30d";
    }
    /// The way out to receivers.
    egress: Egress {
        /// Networks that may be called although they are not public, such as `10.20.0.0/16`.
        allow_networks: Vec<IpNet> = "";
        /// Whether receivers without TLS may be called.
        allow_http: bool = "false";
        /// PEM files with certificate authorities that are trusted besides those of the web.
        ca_files: Vec<PathBuf> = "";
        /// Name servers to ask; those of the system when empty.
        dns_servers: Vec<SocketAddr> = "";
        /// How long looking up a name, connecting and TLS may take together. `delivery.time_limit` ends it sooner.
        connect_time_limit: Duration = "5s" in "10ms"..="30s";
        /// Connections open to one host at a time.
        connections_per_host_max: u32 = "64" in "1"..="1024";
        /// Local address that calls are made from; the system chooses when not set.
        bind_address: Option<IpAddr> = "none";
    }
    /// How deliveries are made where neither the account nor the endpoint says otherwise.
    delivery: Delivery {
        /// Policy that decides what is repeated and when. `guide` repeats what a server answered with 5xx, 408 or 429;
        /// `durable` repeats nearly everything for three days, by a schedule of its own unless `delivery.retry` or
        /// `delivery.cooldown` is set.
        policy: Policy = "guide";
        /// Number of repeats after the first attempt; zero makes one attempt only.
        retry: u32 = "1" in "0"..="100";
        /// Pause before a repeat, counted from the end of the failed attempt.
        cooldown: Duration = "7s" in "0s"..="1d";
        /// Time for the whole exchange, from connecting to the last byte of the answer.
        time_limit: Duration = "30s" in "100ms"..="2m";
        /// What the log keeps: `full` successes and errors, `error` only what went wrong, `none` nothing.
        log_mode: LogMode = "full";
        /// Attempts in flight at a time, over all endpoints.
        in_flight_max: u32 = "1024" in "1"..="65536";
        /// Attempts in flight at a time to one endpoint.
        endpoint_in_flight_max: u32 = "64" in "1"..="64";
        /// Failures in a row after which an endpoint is left alone but for single probes.
        breaker_failures: u32 = "10" in "1"..="1000";
        /// How long an endpoint may fail without one success before it is paused; never when not set.
        pause_after: Option<Duration> = "5d" in "1s"..="365d";
        /// How long an endpoint may fail without one success before `endpoint.failing` tells it to those who want to hear.
        alert_after: Duration = "15m" in "1s"..="30d";
    }
    /// Alerts by e-mail: operational endpoints whose URL is a `mailto:` address.
    smtp: Smtp {
        /// Relay that letters are handed to: `smtps://user:password@mail.example:465` for TLS from the start,
        /// `smtp://user:password@mail.example:587?tls=required` for STARTTLS, `smtp://localhost:25` for a relay without
        /// either. No letters are sent when not set.
        url: Option<RelayUrl> = "none";
        /// Sender of the letters, such as `Ringup <ringup@shop.example>`.
        from: Mailbox = "Ringup <ringup@localhost>";
    }
    /// What the first start creates.
    bootstrap: Bootstrap {
        /// Operator key to accept; when not set, the first start makes one and prints it once.
        key: Option<OperatorKey> = "none";
    }
    /// The log of the process itself, on standard error.
    log: Log {
        /// How its lines are written: `text` for people, `json` for machines.
        format: LogFormat = "text";
        /// Level of the line about each request, which tells who asked what and how it was answered; `off` for none.
        requests: RequestLog = "debug";
        /// Which lines it has: a level, or levels by part of the program.
        filter: LogFilter = "info";
    }
    /// The pages for people, served where the API is.
    console: Console {
        /// Whether people reach the console by HTTPS, as behind a proxy that ends TLS: its cookies are then sent over
        /// nothing else.
        secure: bool = "false";
    }
    /// Built-in receivers for trying things out.
    catcher: Catcher {
        /// Address and port of their own for write URLs; without it they are served at `server.listen`.
        listen: Option<SocketAddr> = "none";
        /// How write URLs begin, where they are reached by another name, such as `https://hooks.example`.
        base_url: Option<BaseUrl> = "none";
        /// Requests that one catcher keeps; the oldest go first.
        requests_max: u32 = "100" in "1"..="10000";
        /// Bytes of a request's body that are kept.
        body_bytes_max: ByteSize = "256KiB" in "1KiB"..="16MiB";
        /// Bytes of all that is kept, over all accounts; the oldest go first.
        bytes_max: ByteSize = "64MiB" in "16MiB"..="64GiB";
        /// How long a request is kept.
        keep: Duration = "24h" in "1m"..="30d";
    }
    /// Events and their types.
    events: Events {
        /// Whether the environment made by the first start refuses event types that nobody registered.
        strict: bool = "false";
        /// Whether new environments begin with the event types of the guide, each with its schema and a sample.
        catalogue: bool = "true";
        /// What new environments do about a payload that is not as the schema of its type says: `off` does not look, `warn`
        /// accepts it and notes what is wrong with it, `strict` refuses it.
        validation: Validation = "warn";
    }
}

/// A struct of [`Config`].
pub struct Section {
    pub name: &'static str,
    pub doc: &'static str,
    pub keys: &'static [Key],
}

/// One value that can be set.
pub struct Key {
    /// `section.key`
    pub name: &'static str,
    pub doc: &'static str,
    /// As it would be written in a variable.
    pub default: &'static str,
    bounds: Option<Bounds>,
    kind: Kind,
}

/// Both ends included, as they would be written.
#[derive(Clone, Copy)]
struct Bounds {
    min: &'static str,
    max: &'static str,
}

/// What the table must know of a key's type.
struct Kind {
    secret: bool,
    expected: fn() -> String,
    check: fn(&Raw, Option<Bounds>) -> Result<String, String>,
}

impl Kind {
    const fn of<T: Value>() -> Self {
        Self { secret: T::SECRET, expected: T::expected, check: check::<T> }
    }
}

/// All keys in the order of the table.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

pub fn key(name: &str) -> Option<&'static Key> {
    keys().find(|key| key.name == name)
}

pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

impl Key {
    const fn within(self, min: &'static str, max: &'static str) -> Self {
        Self { bounds: Some(Bounds { min, max }), ..self }
    }

    /// The name without its section.
    pub fn field(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, field)| field)
    }

    pub fn name_text(&self) -> String {
        self.name.to_owned()
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("RINGUP__{}", self.name.replace('.', "__").to_uppercase())
    }

    pub fn secret(&self) -> bool {
        self.kind.secret
    }

    /// Completes "expected …", with an example and the bounds.
    pub fn expected(&self) -> String {
        let expected = (self.kind.expected)();
        match self.bounds {
            Some(Bounds { min, max }) => format!("{expected}; from {min} to {max}"),
            None => expected,
        }
    }

    /// The value as TOML, or what is wrong with it. Neither repeats a secret.
    pub fn check(&self, raw: &Raw) -> Result<String, String> {
        (self.kind.check)(raw, self.bounds)
    }
}

fn check<T: Value>(raw: &Raw, bounds: Option<Bounds>) -> Result<String, String> {
    let value = T::read(raw)?;
    if let Some(Bounds { min, max }) = bounds {
        let bound = |text: &str| {
            let bound = T::read(&Raw::Text(text.to_owned())).ok().and_then(|value| value.measure());
            bound.expect("the bounds of every key are read when its default is checked")
        };
        let (least, most) = (bound(min), bound(max));
        if value.measure().is_some_and(|measure| measure < least) {
            return Err(format!("{} is below the least allowed, {min}", value.show()));
        }
        if value.measure().is_some_and(|measure| measure > most) {
            return Err(format!("{} is above the most allowed, {max}", value.show()));
        }
    }
    Ok(value.show())
}
