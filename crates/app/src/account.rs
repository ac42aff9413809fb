//! Accounts: create, find, change, remove.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringup_core::account::Account;
use ringup_core::id::AccountId;
use ringup_core::key::{AccountKey, EnvironmentKey};
use ringup_core::scope::Scope;
use ringup_core::settings::Settings;
use ringup_store::directory::{AccountView, Directory};
use ringup_store::seam::Change;

use crate::app::{App, owned};
use crate::check::Faults;
use crate::error::AppError;
use crate::principal::Principal;

/// What a caller may say about an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountDraft {
    pub uid: Option<String>,
    pub name: String,
    pub metadata: BTreeMap<String, String>,
    /// Attempts a second to each of its endpoints that does not say otherwise.
    pub rate_limit: Option<u32>,
}

impl App {
    /// All accounts of the caller's environment that the caller may see, by id.
    pub fn accounts(&self, principal: &Principal) -> Result<Vec<Arc<AccountView>>, AppError> {
        let mut accounts = self.directory().accounts(principal.within(Scope::Read)?);
        accounts.retain(|view| principal.reaches(view.account.key));
        accounts.sort_by_key(|view| view.account.id);
        Ok(accounts)
    }

    pub fn account(&self, principal: &Principal, account: &str) -> Result<Arc<AccountView>, AppError> {
        self.owned(principal, account, Scope::Read)
    }

    /// `Conflict` if the uid is taken.
    pub async fn create_account(
        &self,
        principal: &Principal,
        draft: AccountDraft,
    ) -> Result<Arc<AccountView>, AppError> {
        let environment = principal.whole(Scope::Accounts)?;
        draft.check()?;
        let key = self.change(principal, |directory| self.new_account(directory, environment, draft)).await?;
        self.account_by_key(key)
    }

    /// The account with the draft's uid, untouched, or a new one. Answers whether it was made.
    pub async fn get_or_create_account(
        &self,
        principal: &Principal,
        draft: AccountDraft,
    ) -> Result<(Arc<AccountView>, bool), AppError> {
        let Some(uid) = draft.uid.clone() else {
            return Ok((self.create_account(principal, draft).await?, true));
        };
        let environment = principal.whole(Scope::Accounts)?;
        let found = || self.directory().account_named(environment, &uid);
        if let Some(view) = found() {
            return Ok((view, false));
        }
        match self.create_account(principal, draft).await {
            // Somebody else was faster.
            Err(AppError::Conflict(why)) => found().map(|view| (view, false)).ok_or(AppError::Conflict(why)),
            made => made.map(|view| (view, true)),
        }
    }

    /// Changes what `edit` changes.
    pub async fn edit_account(
        &self,
        principal: &Principal,
        account: &str,
        edit: impl FnOnce(&mut AccountDraft) + Send,
    ) -> Result<Arc<AccountView>, AppError> {
        let decide = |directory: &Directory| self.edited_account(directory, principal, account, edit);
        self.account_by_key(self.change(principal, decide).await?)
    }

    /// Replaces an account, or makes one of this uid. Answers whether it was made.
    pub async fn put_account(
        &self,
        principal: &Principal,
        account: &str,
        edit: impl FnOnce(&mut AccountDraft) + Send,
    ) -> Result<(Arc<AccountView>, bool), AppError> {
        let environment = principal.whole(Scope::Accounts)?;
        let mut made = false;
        let decide = |directory: &Directory| {
            if directory.account_named(environment, account).is_some() {
                return self.edited_account(directory, principal, account, edit);
            }
            if account.parse::<AccountId>().is_ok() {
                return Err(AppError::not_found("application", account));
            }
            let mut draft = AccountDraft { uid: Some(account.to_owned()), ..AccountDraft::default() };
            edit(&mut draft);
            draft.check()?;
            made = true;
            self.new_account(directory, environment, draft)
        };
        let key = self.change(principal, decide).await?;
        Ok((self.account_by_key(key)?, made))
    }

    /// With its endpoints and catchers. What waited for them is cancelled.
    pub async fn delete_account(&self, principal: &Principal, account: &str) -> Result<(), AppError> {
        let mut gone = None;
        let decide = |directory: &Directory| {
            let view = owned(directory, principal, account, Scope::Accounts)?;
            gone = Some(view.account.key);
            Ok::<_, AppError>(Change::DeleteAccount(view.account.key))
        };
        self.change(principal, decide).await?;
        match gone {
            Some(key) => self.forget_catchers(key).await,
            None => Ok(()),
        }
    }

    fn new_account(
        &self,
        directory: &Directory,
        environment: EnvironmentKey,
        draft: AccountDraft,
    ) -> Result<Change, AppError> {
        uid_is_free(directory, environment, draft.uid.as_deref(), None)?;
        let now = self.now();
        Ok(Change::PutAccount(Account {
            key: AccountKey(0),
            id: AccountId::new(now, self.random_128()),
            environment,
            uid: draft.uid,
            name: draft.name,
            metadata: draft.metadata,
            settings: Settings { rate_limit: draft.rate_limit, ..Settings::default() },
            created_at: now,
            updated_at: now,
        }))
    }

    fn edited_account(
        &self,
        directory: &Directory,
        principal: &Principal,
        account: &str,
        edit: impl FnOnce(&mut AccountDraft),
    ) -> Result<Change, AppError> {
        let view = owned(directory, principal, account, Scope::Accounts)?;
        let mut draft = AccountDraft::of(&view.account);
        edit(&mut draft);
        draft.check()?;
        uid_is_free(directory, view.account.environment, draft.uid.as_deref(), Some(view.account.key))?;
        let mut changed = view.account.clone();
        changed.uid = draft.uid;
        changed.name = draft.name;
        changed.metadata = draft.metadata;
        changed.settings.rate_limit = draft.rate_limit;
        changed.updated_at = self.now();
        Ok(Change::PutAccount(changed))
    }

    fn account_by_key(&self, key: i64) -> Result<Arc<AccountView>, AppError> {
        // It may have been removed again since.
        self.directory().account(AccountKey(key)).ok_or_else(|| AppError::not_found("application", ""))
    }
}

impl AccountDraft {
    fn of(account: &Account) -> AccountDraft {
        AccountDraft {
            uid: account.uid.clone(),
            name: account.name.clone(),
            metadata: account.metadata.clone(),
            rate_limit: account.settings.rate_limit,
        }
    }

    fn check(&self) -> Result<(), AppError> {
        let mut faults = Faults::default();
        faults.uid(self.uid.as_deref());
        faults.title("name", &self.name);
        faults.metadata(&self.metadata);
        faults.rate_limit(self.rate_limit);
        faults.done()
    }
}

/// Looked up among uids and ids alike, so that a uid cannot hide behind another account's id.
fn uid_is_free(
    directory: &Directory,
    environment: EnvironmentKey,
    uid: Option<&str>,
    own: Option<AccountKey>,
) -> Result<(), AppError> {
    let Some(uid) = uid else { return Ok(()) };
    match directory.account_named(environment, uid) {
        Some(other) if Some(other.account.key) != own => {
            Err(AppError::Conflict(format!("the uid {uid:?} is taken by application {}", other.account.id)))
        }
        _ => Ok(()),
    }
}
