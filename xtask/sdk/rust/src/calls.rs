//! A client of the SDK whose calls are counted, by the name of the operation.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use svix::api::{Svix, SvixOptions};

pub struct Calls {
    pub svix: Svix,
    made: Rc<RefCell<BTreeMap<&'static str, usize>>>,
}

impl Calls {
    pub fn new(url: &str, key: &str) -> Self {
        let options = SvixOptions { server_url: Some(url.to_owned()), ..SvixOptions::default() };
        Self { svix: Svix::new(key.to_owned(), Some(options)), made: Rc::default() }
    }

    /// The same server with another key; calls are counted together.
    pub fn with_key(&self, key: &str) -> Self {
        Self { svix: self.svix.with_token(key.to_owned()), made: self.made.clone() }
    }

    pub fn count(&self, operation: &'static str) {
        *self.made.borrow_mut().entry(operation).or_default() += 1;
    }

    /// Calls, and different operations among them.
    pub fn made(&self) -> (usize, usize) {
        let made = self.made.borrow();
        (made.values().sum(), made.len())
    }
}

/// `call!(calls, endpoint.get(app, id))` makes the call and counts it as `endpoint.get`.
#[macro_export]
macro_rules! call {
    ($calls:expr, $resource:ident.$operation:ident($($argument:expr),* $(,)?)) => {{
        $calls.count(concat!(stringify!($resource), ".", stringify!($operation)));
        $calls.svix.$resource().$operation($($argument),*).await
    }};
    ($calls:expr, $resource:ident.$part:ident.$operation:ident($($argument:expr),* $(,)?)) => {{
        $calls.count(concat!(stringify!($resource), ".", stringify!($part), ".", stringify!($operation)));
        $calls.svix.$resource().$part().$operation($($argument),*).await
    }};
}
