//! To whom a connection or a file is open: everybody in the organisation, or some of its members.

use serde_json::json;

use super::{Accounts, Identity, Role, deeds};
use crate::db::{Conn, connections, files, source_access, users};
use crate::error::{Error, Result};
use crate::service::status::Whose;

/// What is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Connection(String),
    File(String),
}

/// To whom it is open; owners and admins see it either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sharing {
    Everyone,
    /// These members, by id.
    Members(Vec<String>),
}

impl Source {
    fn id(&self) -> &str {
        match self {
            Source::Connection(id) | Source::File(id) => id,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Source::Connection(_) => "connection",
            Source::File(_) => "file",
        }
    }
}

impl Accounts {
    /// To whom a source is open. Errors: `NotFound`; `Forbidden` for who is neither admin nor added the file.
    pub async fn sharing(&self, who: &Identity, source: Source) -> Result<Sharing> {
        let who = who.clone();
        self.db
            .read(move |conn| {
                may_share(conn, &who, &source)?;
                Ok(
                    match source_access::of(conn, &who.organization_id, source.id())? {
                        None => Sharing::Everyone,
                        Some(members) => Sharing::Members(members),
                    },
                )
            })
            .await
    }

    /// Opens a source to everybody, or to some members only; whoever added a file always sees it. Holds at
    /// once. Errors: as [`Accounts::sharing`]; `Invalid` for somebody who is no member.
    pub async fn share(&self, who: &Identity, source: Source, sharing: Sharing) -> Result<Sharing> {
        let actor = who.clone();
        let sharing = self
            .db
            .write(move |conn| {
                let creator = may_share(conn, &actor, &source)?;
                let members = match sharing {
                    Sharing::Everyone => None,
                    Sharing::Members(mut chosen) => {
                        chosen.extend(creator);
                        chosen.sort();
                        chosen.dedup();
                        let known = users::members(conn, &actor.organization_id)?;
                        if let Some(stranger) =
                            chosen.iter().find(|id| !known.iter().any(|user| user.id == **id))
                        {
                            return Err(Error::Invalid(format!(
                                "There is no member with the id {stranger} in your organization."
                            )));
                        }
                        Some(chosen)
                    }
                };
                source_access::set(conn, &actor.organization_id, source.id(), members.as_deref())?;
                let details = json!({ "everyone": members.is_none(), "members": members });
                let target = (source.kind(), source.id());
                deeds::by(conn, &actor, "source.access_changed", target, details)?;
                Ok(members.map_or(Sharing::Everyone, Sharing::Members))
            })
            .await?;
        self.forget(Whose::Organization(who.organization_id.clone()))
            .await;
        Ok(sharing)
    }
}

/// Whoever added the file, if they are still a member. Errors: as [`Accounts::sharing`].
fn may_share(conn: &mut Conn, who: &Identity, source: &Source) -> Result<Option<String>> {
    let missing = |what: &str| Error::NotFound(format!("There is no {what} with this id."));
    if !who.access.sees(source.id()) {
        return Err(missing(source.kind()));
    }
    let or_missing = |error: Error| match error {
        Error::NotFound(_) => missing(source.kind()),
        other => other,
    };
    let organization = &who.organization_id;
    let creator = match source {
        Source::Connection(id) => {
            connections::name_and_type(conn, organization, id).map_err(or_missing)?;
            None
        }
        Source::File(id) => Some(files::one(conn, organization, id).map_err(or_missing)?.created_by),
    };
    if who.role < Role::Admin && creator.as_ref() != Some(&who.user_id) {
        return Err(Error::Forbidden(
            "Only an owner, an admin or whoever added the file decides who sees it.".into(),
        ));
    }
    match creator {
        Some(id) => match users::member(conn, organization, &id) {
            Ok(user) => Ok(Some(user.id)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        },
        None => Ok(None),
    }
}
