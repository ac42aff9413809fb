//! The one thread that has `catcher.db` open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use ringup_core::catcher::{Capture, Catcher};
use ringup_core::key::CatcherKey;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::mpsc;
use tracing::{error, warn};

use super::super::fault::{Fault, InFile, Outcome};
use super::super::schema;
use super::{Order, row};
use crate::catcher::ledger::{Ledger, Name, PAGE_BYTES, cost};
use crate::catcher::{Limits, Usage};
use crate::seam::StoreError;

pub(crate) const NAME: &str = "catcher.db";

const CACHE_KIB: u32 = 1_024;

/// Pages of the journal from which it is folded, on this thread: 2 MiB.
const JOURNAL_PAGES: u32 = 512;

/// What a journal file keeps of its length after a burst, and what one commit takes in: small beside the reserve.
const JOURNAL_LENGTH_MAX: u32 = 2 * 1024 * 1024;
const GROUP_ROWS_MAX: usize = 256;
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// Opens the file and starts the thread. It ends when nobody can order any more.
pub(super) fn start(
    data_dir: &Path,
    limits: Limits,
    orders: mpsc::Receiver<Order>,
) -> Result<JoinHandle<()>, StoreError> {
    let file = File::open(data_dir, limits)?;
    let thread = std::thread::Builder::new().name("store-catcher".to_owned()).spawn(move || file.run(orders));
    thread.in_file(Path::new("store-catcher")).map_err(StoreError::from)
}

struct File {
    connection: Connection,
    path: PathBuf,
    ledger: Ledger,
    /// The last number of each catcher.
    last: BTreeMap<CatcherKey, u64>,
    lost: u64,
}

impl File {
    fn open(data_dir: &Path, limits: Limits) -> Outcome<File> {
        let path = data_dir.join(NAME);
        if !path.exists() {
            schema::create(&path, &row::LADDER, u32::try_from(PAGE_BYTES).unwrap_or(4_096))?;
        }
        schema::check_header(&path)?;
        let connection = schema::open(&path, CACHE_KIB)?;
        schema::check_whole(&connection, &path)?;
        schema::migrate(&connection, &path, &row::LADDER, None)?;
        let settle = || -> rusqlite::Result<()> {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "wal_autocheckpoint", JOURNAL_PAGES)?;
            connection.pragma_update(None, "journal_size_limit", JOURNAL_LENGTH_MAX)
        };
        settle().in_file(&path)?;
        let mut file = File { connection, path, ledger: Ledger::new(limits), last: BTreeMap::new(), lost: 0 };
        file.take_stock()?;
        Ok(file)
    }

    /// What is in the file goes into the ledger; limits may have become smaller since.
    fn take_stock(&mut self) -> Outcome<()> {
        for remembered in row::load(&self.connection).in_file(&self.path)? {
            self.last.insert(remembered.catcher.key, remembered.last_number);
        }
        let mut gone = Vec::new();
        for (name, capture) in row::sizes(&self.connection).in_file(&self.path)? {
            gone.extend(self.ledger.add(name, cost(&capture), capture.at));
        }
        self.delete(&gone).map(drop)
    }

    fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut next = orders.blocking_recv();
        while let Some(order) = next.take() {
            next = if matches!(order, Order::Capture { .. } | Order::Stamp(..)) {
                self.group(order, &mut orders)
            } else {
                self.answer(order);
                None
            };
            next = next.or_else(|| orders.blocking_recv());
        }
        if let Err(error) = self.fold() {
            warn!(%error, "catcher.db keeps its journal; the next start folds it");
        }
    }

    /// Takes in whatever waits, in one commit. Answers the order that ended the group.
    fn group(&mut self, first: Order, orders: &mut mpsc::Receiver<Order>) -> Option<Order> {
        let (mut group, mut bytes) = (vec![first], 0);
        let mut next = None;
        while group.len() < GROUP_ROWS_MAX && bytes < GROUP_BYTES_MAX {
            match orders.try_recv() {
                Ok(order @ (Order::Capture { .. } | Order::Stamp(..))) => {
                    bytes += if let Order::Capture { capture, .. } = &order { capture.body.len() } else { 0 };
                    group.push(order);
                }
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        let mut taken = Vec::new();
        if let Err(fault) = self.write(&group, &mut taken) {
            self.lost += taken.len() as u64;
            // The file has none of them: nor may the ledger. What it let go for them is gone at the next start.
            for (catcher, number) in taken {
                self.ledger.remove(catcher, Some(number));
            }
            warn!(%fault, lost = self.lost, "captured requests could not be written");
        }
        next
    }

    fn write(&mut self, group: &[Order], taken: &mut Vec<Name>) -> Outcome<()> {
        let File { connection, path, ledger, last, .. } = self;
        let mut write = || -> rusqlite::Result<()> {
            let transaction = connection.unchecked_transaction()?;
            let mut newest = BTreeMap::new();
            for order in group {
                match order {
                    Order::Capture { capture, .. } => {
                        let name = (capture.catcher, capture.number);
                        let Some(place) = row::place(name.0, name.1) else { continue };
                        match last.get_mut(&name.0) {
                            Some(last) if *last < name.1 => *last = name.1,
                            _ => continue,
                        }
                        taken.push(name);
                        row::insert(&transaction, place, capture)?;
                        newest.insert(name.0, name.1);
                        for (catcher, number) in ledger.add(name, cost(capture), capture.at) {
                            let place = row::place(catcher, number);
                            place.map(|place| row::delete(&transaction, place)).transpose()?;
                        }
                    }
                    Order::Stamp(catcher, number, stamp) => {
                        if let Some(place) = row::place(*catcher, *number) {
                            row::stamp(&transaction, place, *stamp)?;
                        }
                    }
                    // A group has no others.
                    _ => {}
                }
            }
            for (catcher, number) in newest {
                row::last_number(&transaction, catcher, number)?;
            }
            transaction.commit()
        };
        write().in_file(path)
    }

    fn answer(&mut self, order: Order) {
        // Whoever asked may have gone away.
        match order {
            Order::Load(reply) => drop(reply.send(self.told(|file| row::load(&file.connection).in_file(&file.path)))),
            Order::Put(catcher, reply) => drop(reply.send(self.told(|file| file.put(&catcher)))),
            Order::Remove(catcher, reply) => drop(reply.send(self.told(|file| file.remove(catcher)))),
            Order::Requests(catcher, range, bodies, reply) => {
                let rows = self.told(|file| {
                    let rows = row::requests(&file.connection, catcher, range, bodies).in_file(&file.path)?;
                    Ok(rows.into_iter().map(Arc::new).collect::<Vec<Arc<Capture>>>())
                });
                drop(reply.send(rows));
            }
            Order::Request(catcher, number, reply) => {
                let found = self.told(|file| match row::place(catcher, number) {
                    Some(place) => row::request(&file.connection, place).in_file(&file.path),
                    None => Ok(None),
                });
                drop(reply.send(found.map(|found| found.map(Arc::new))));
            }
            Order::Clear(catcher, number, reply) => {
                let gone = self.ledger.remove(catcher, number);
                drop(reply.send(self.told(|file| file.delete(&gone))));
            }
            Order::Expire(now, reply) => {
                let gone = self.ledger.expire(now);
                drop(reply.send(self.told(|file| file.delete(&gone))));
            }
            Order::Usage(reply) => {
                let (requests, bytes) = (self.ledger.len(), self.ledger.bytes());
                drop(reply.send(Ok(Usage { catchers: self.last.len(), requests, bytes, lost: self.lost })));
            }
            Order::Capture { .. } | Order::Stamp(..) => {}
        }
    }

    fn told<T>(&mut self, verb: impl FnOnce(&mut File) -> Outcome<T>) -> Result<T, StoreError> {
        verb(self).map_err(|fault| {
            if let Fault::Damaged(text) = &fault {
                error!(%text, "the catchers' file is damaged");
            }
            fault.into()
        })
    }

    fn put(&mut self, catcher: &Catcher) -> Outcome<CatcherKey> {
        let put = || -> rusqlite::Result<Option<CatcherKey>> {
            self.connection.pragma_update(None, "synchronous", "FULL")?;
            let put = row::put(&self.connection, catcher);
            self.connection.pragma_update(None, "synchronous", "NORMAL")?;
            put
        };
        let key = put().map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Fault::Refused(StoreError::Conflict("write token")),
            _ => Fault::of(&self.path, &error),
        })?;
        let key = key.ok_or(Fault::Refused(StoreError::NotFound))?;
        self.last.entry(key).or_default();
        Ok(key)
    }

    fn remove(&mut self, catcher: CatcherKey) -> Outcome<()> {
        let gone = self.ledger.remove(catcher, None);
        self.delete(&gone)?;
        if !row::remove(&self.connection, catcher).in_file(&self.path)? {
            return Err(Fault::Refused(StoreError::NotFound));
        }
        self.last.remove(&catcher);
        Ok(())
    }

    fn delete(&mut self, gone: &[Name]) -> Outcome<usize> {
        let delete = || -> rusqlite::Result<usize> {
            let transaction = self.connection.unchecked_transaction()?;
            let mut deleted = 0;
            for (catcher, number) in gone {
                let place = row::place(*catcher, *number);
                deleted += place.map(|place| row::delete(&transaction, place)).transpose()?.unwrap_or(0);
            }
            transaction.commit()?;
            Ok(deleted)
        };
        delete().in_file(&self.path)
    }

    fn fold(&self) -> Outcome<()> {
        schema::fold_at_end(&self.connection).in_file(&self.path)?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).in_file(&self.path)
    }
}
