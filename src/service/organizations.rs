//! Leaving an organisation, or ending it: what lies in other services goes with the account.

use super::accounts::{Accounts, Departure, Identity};
use super::connections::Connections;
use super::files::Files;
use super::questions::Questions;
use crate::error::Result;

/// The services that hold something of somebody.
pub struct Parts<'a> {
    pub accounts: &'a Accounts,
    pub files: &'a Files,
    pub connections: &'a Connections,
    pub questions: &'a Questions,
}

/// Removes somebody's own account, perhaps with the organisation: its agents are cut, its files are deleted.
/// It may be tried again when it broke off. Errors: `Unauthorized` for a wrong password, `last_owner`,
/// `Forbidden`, `RateLimited`.
pub async fn leave(parts: &Parts<'_>, who: &Identity, password: String, departure: Departure) -> Result<()> {
    parts.accounts.may_leave(who, password, departure).await?;
    if departure == Departure::WithOrganization {
        for connection in parts.connections.list(who).await? {
            parts.connections.delete(who, &connection.id).await?;
        }
        for file in parts.files.list(who).await? {
            parts.files.delete(who, &file.record.id).await?;
        }
    }
    parts.accounts.leave(who, departure).await?;
    parts.questions.cancel_all_of(&who.user_id);
    Ok(())
}

/// Removes somebody else's account, and stops what they were asking. Errors: as
/// [`Accounts::remove_member`].
pub async fn remove_member(
    accounts: &Accounts,
    questions: &Questions,
    who: &Identity,
    member_id: &str,
) -> Result<()> {
    accounts.remove_member(who, member_id).await?;
    questions.cancel_all_of(member_id);
    Ok(())
}
