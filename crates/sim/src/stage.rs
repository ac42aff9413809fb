//! Where lives are lived: each has a runtime of its own, and what is durable passes from one to the next.

use std::sync::Arc;
use std::time::Duration;

use ringup_core::account::{Account, Environment};
use ringup_core::endpoint::Endpoint;
use ringup_core::hook::NoneDeclared;
use ringup_core::id::{AccountId, EndpointId, EnvironmentId};
use ringup_core::key::{AccountKey, EndpointKey, EnvironmentKey};
use ringup_core::ports::Clock;
use ringup_core::settings::{Settings, SystemDefaults};
use ringup_core::subscription::Subscription;
use ringup_core::time::Timestamp;
use ringup_dispatch::{Dispatch, Parts};
use ringup_egress::EgressPlan;
use ringup_store::catalogue::Catalogue;
use ringup_store::directory::Directory;
use ringup_store::memory::MemoryStore;
use ringup_store::seam::{Change, Store, StoreError};
use tokio::time::sleep;

use crate::dice::{Dice, Purpose};
use crate::mix::{Departure, Mix};
use crate::observed::{ObservedStore, store_plan};
use crate::ports::{BEGINNING, SeededRandom};
use crate::receiver::Network;
use crate::vigil::Vigil;
use crate::world::{World, url_of};

/// Pause before reading the configuration is tried again when a process begins.
const LOAD_AGAIN: Duration = Duration::from_millis(100);

pub struct Stage {
    pub world: Arc<World>,
    store: MemoryStore,
    lives: u32,
    vigil: Vigil,
}

/// A running process, and what surrounds it.
#[derive(Clone)]
pub struct Life {
    pub world: Arc<World>,
    pub store: MemoryStore,
    pub catalogue: Arc<Catalogue>,
}

impl Stage {
    /// A world at its beginning: accounts and endpoints are there, no process runs.
    pub fn new(mix: Mix, keep_text: bool) -> Stage {
        let world = Arc::new(World::new(mix, keep_text));
        let store = MemoryStore::new(store_plan(&world));
        let stage = Stage { world, store, lives: 0, vigil: Vigil::begin() };
        stage.runtime().block_on(stage.furnish()).expect("a store without faults takes its first configuration");
        stage
    }

    /// One life of the process: from its start through what `act` does to the departure that it answers.
    pub fn live<T>(&mut self, act: impl AsyncFnOnce(&Life) -> (T, Departure)) -> T {
        let runtime = self.runtime();
        self.lives += 1;
        let (answer, store) = runtime.block_on(async {
            self.world.time.begin_life();
            let (life, dispatch) = self.begin().await;
            let (answer, departure) = act(&life).await;
            let store = self.depart(dispatch, departure).await;
            self.world.time.end_life();
            (answer, store)
        });
        self.store = store;
        // Its tasks end here, wherever they are.
        drop(runtime);
        answer
    }

    /// `ERROR` lines in the process's log so far.
    pub fn error_lines(&self) -> Vec<String> {
        self.vigil.lines()
    }

    fn runtime(&self) -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing that could be missing")
    }

    fn observed(&self) -> Arc<ObservedStore> {
        Arc::new(ObservedStore { inner: self.store.clone(), world: self.world.clone() })
    }

    async fn furnish(&self) -> Result<(), StoreError> {
        let store = self.observed();
        let (name, at) = ("live".to_owned(), BEGINNING);
        let id = EnvironmentId::new(at, 0);
        let environment = Environment {
            key: EnvironmentKey(0),
            id,
            name,
            strict: false,
            validation: Default::default(),
            created_at: at,
        };
        let environment = EnvironmentKey(store.change(Change::PutEnvironment(environment)).await?);
        let mut accounts = Vec::new();
        for number in 0..self.world.mix.accounts {
            let key = store.change(Change::PutAccount(account(number, environment))).await?;
            accounts.push(AccountKey(key));
        }
        for (receiver, mix) in self.world.mix.endpoints.iter().enumerate() {
            self.world.facts().endpoints[receiver].account = mix.account;
            if !mix.later {
                store.change(Change::PutEndpoint(endpoint(receiver, accounts[mix.account], &mix.settings))).await?;
            }
        }
        Ok(())
    }

    async fn begin(&self) -> (Life, Dispatch) {
        let observed = self.observed();
        let configuration = loop {
            match observed.load_configuration().await {
                Ok(configuration) => break configuration,
                Err(_) => sleep(LOAD_AGAIN).await,
            }
        };
        let directory = Directory::new(SystemDefaults::default(), configuration);
        let catalogue = Arc::new(Catalogue::new(observed, directory));
        self.world.begin_life(self.lives, catalogue.clone());
        let process = Dice::new(self.world.mix.seed, Purpose::Process(self.lives));
        let parts = Parts {
            catalogue: catalogue.clone(),
            caller: Arc::new(Network { world: self.world.clone() }),
            egress: Arc::new(EgressPlan::default()),
            clock: Arc::new(self.world.time.clone()),
            random: Arc::new(SeededRandom::new(process)),
            // Nobody subscribes to operational events here.
            words: |_| bytes::Bytes::from_static(b"{}"),
            contracts: Arc::new(NoneDeclared),
        };
        let dispatch = Dispatch::start(self.world.mix.plan.clone(), parts);
        (Life { world: self.world.clone(), store: self.store.clone(), catalogue }, dispatch)
    }

    /// Answers the store that the next life finds.
    async fn depart(&self, dispatch: Dispatch, departure: Departure) -> MemoryStore {
        let how = match departure {
            Departure::Crash => {
                self.world.facts().tally.crashes += 1;
                "crash"
            }
            Departure::Stop { grace } => {
                self.world.facts().tally.stops += 1;
                self.world.trace(format_args!("stop"));
                let leftover = dispatch.stop(grace).await;
                self.world.trace(format_args!("{leftover:?}"));
                // What it could not take is lost, as after a crash.
                let _ = self.store.close().await;
                "stop"
            }
        };
        self.world.end_life(how);
        self.store.crash()
    }
}

impl Life {
    pub fn accounts(&self) -> Vec<AccountKey> {
        let directory = self.catalogue.directory();
        let environment = directory.environment_named("live").expect("made at the beginning").key;
        directory.accounts(environment).iter().map(|view| view.account.key).collect()
    }

    pub fn wall(&self) -> Timestamp {
        Clock::now(&self.world.time)
    }

    /// The key of a receiver's endpoint, if it was ever created.
    pub fn key(&self, receiver: usize) -> Option<EndpointKey> {
        self.world.facts().endpoints[receiver].key
    }

    /// Changes an endpoint as its owner would.
    pub async fn change(&self, receiver: usize, change: impl FnOnce(&mut Endpoint)) -> Result<i64, StoreError> {
        let key = self.key(receiver).ok_or(StoreError::NotFound)?;
        let now = self.wall();
        let decide = |directory: &Directory| {
            let view = directory.endpoint(key).ok_or(StoreError::NotFound)?;
            let mut endpoint = view.endpoint.clone();
            change(&mut endpoint);
            endpoint.updated_at = now;
            Ok(Change::PutEndpoint(endpoint))
        };
        self.catalogue.change(decide).await
    }

    pub async fn create(&self, receiver: usize) -> Result<i64, StoreError> {
        let mix = &self.world.mix.endpoints[receiver];
        let new = endpoint(receiver, self.accounts()[mix.account], &mix.settings);
        self.catalogue.change(|_| Ok(Change::PutEndpoint(new))).await
    }

    pub async fn delete(&self, receiver: usize) -> Result<i64, StoreError> {
        let key = self.key(receiver).ok_or(StoreError::NotFound)?;
        self.catalogue.change(|_| Ok(Change::DeleteEndpoint(key))).await
    }
}

fn account(number: usize, environment: EnvironmentKey) -> Account {
    Account {
        key: AccountKey(0),
        id: AccountId::new(BEGINNING, number as u128),
        environment,
        uid: None,
        name: format!("account {number}"),
        metadata: std::collections::BTreeMap::new(),
        settings: Settings::default(),
        created_at: BEGINNING,
        updated_at: BEGINNING,
    }
}

fn endpoint(receiver: usize, account: AccountKey, settings: &Settings) -> Endpoint {
    Endpoint {
        key: EndpointKey(0),
        id: EndpointId::new(BEGINNING, receiver as u128),
        account,
        uid: None,
        url: url_of(receiver),
        description: String::new(),
        metadata: std::collections::BTreeMap::new(),
        subscription: Subscription::default(),
        stopped: None,
        stopped_why: String::new(),
        secrets: Vec::new(),
        headers: Vec::new(),
        authorization: Default::default(),
        settings: settings.clone(),
        created_at: BEGINNING,
        updated_at: BEGINNING,
    }
}
