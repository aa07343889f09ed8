//! The organisation: its name, its people, invitations, and who sees which source.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put, web};
use serde::{Deserialize, Serialize};

use super::accounts::{LoginResponse, OrganizationBody, logged_in};
use super::sign_up::LinkRequest;
use crate::id;
use crate::server::App;
use crate::server::auth::{Admin, Analyst, Owner, User, visitor};
use crate::server::error::{ApiResult, ErrorBody};
use crate::server::links::base;
use crate::service::accounts::{Identity, Invitation, Invited, Member, Role, Sharing, Source};
use crate::service::organizations;

/// Somebody of the organisation.
#[derive(Serialize, utoipa::ToSchema)]
pub struct MemberBody {
    pub id: String,
    pub email: String,
    pub name: String,
    pub role: Role,
    /// Whether the address was confirmed.
    pub verified: bool,
    /// Whether a second factor is in force.
    pub totp: bool,
    pub last_seen_at: Option<String>,
    pub created_at: String,
}

/// Another role.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleChange {
    pub role: Role,
}

/// Another name of the organisation.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationChange {
    pub name: String,
}

/// Who is invited.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    pub email: String,
    pub role: Role,
}

/// An invitation that waits for an answer.
#[derive(Serialize, utoipa::ToSchema)]
pub struct InvitationBody {
    pub id: String,
    pub email: String,
    pub role: Role,
    /// The name of whoever invited.
    pub invited_by: String,
    pub created_at: String,
    pub expires_at: String,
    pub expired: bool,
    /// Shown when it was just made, for where mail cannot be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// What an invitation's link is about.
#[derive(Serialize, utoipa::ToSchema)]
pub struct InvitedBody {
    pub email: String,
    pub organization: String,
    pub role: Role,
    pub invited_by: String,
    pub expires_at: String,
}

/// The account of whoever was invited.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    pub token: String,
    pub name: String,
    /// At least 10 characters.
    pub password: String,
}

/// To whom a source is open; owners and admins see it either way.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessBody {
    pub everyone: bool,
    /// Ids of members; when `everyone` is false.
    #[serde(default)]
    pub members: Vec<String>,
}

impl From<Member> for MemberBody {
    fn from(member: Member) -> MemberBody {
        MemberBody {
            id: member.id,
            email: member.email,
            name: member.name,
            role: member.role,
            verified: member.verified,
            totp: member.totp,
            last_seen_at: member.last_seen_at.map(id::iso),
            created_at: id::iso(member.created_at),
        }
    }
}

impl InvitationBody {
    fn new(invitation: Invitation, link: Option<String>) -> InvitationBody {
        InvitationBody {
            expired: invitation.expires_at < id::now(),
            id: invitation.id,
            email: invitation.email,
            role: invitation.role,
            invited_by: invitation.invited_by,
            created_at: id::iso(invitation.created_at),
            expires_at: id::iso(invitation.expires_at),
            link,
        }
    }
}

impl From<Invited> for InvitedBody {
    fn from(invited: Invited) -> InvitedBody {
        InvitedBody {
            email: invited.email,
            organization: invited.organization,
            role: invited.role,
            invited_by: invited.invited_by,
            expires_at: id::iso(invited.expires_at),
        }
    }
}

impl From<Sharing> for AccessBody {
    fn from(sharing: Sharing) -> AccessBody {
        match sharing {
            Sharing::Everyone => AccessBody {
                everyone: true,
                members: Vec::new(),
            },
            Sharing::Members(members) => AccessBody {
                everyone: false,
                members,
            },
        }
    }
}

impl From<AccessBody> for Sharing {
    fn from(body: AccessBody) -> Sharing {
        match body.everyone {
            true => Sharing::Everyone,
            false => Sharing::Members(body.members),
        }
    }
}

/// One's organisation.
#[utoipa::path(operation_id = "get_organization", tag = "members", security(("token" = [])), responses(
    (status = 200, body = OrganizationBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/organization")]
pub async fn get_organization(user: User) -> web::Json<OrganizationBody> {
    web::Json(organization(user.0))
}

/// Renames the organisation.
#[utoipa::path(operation_id = "change_organization", tag = "members", security(("token" = [])), request_body = OrganizationChange, responses(
    (status = 200, body = OrganizationBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody)))]
#[patch("/organization")]
pub async fn change_organization(
    app: web::Data<App>,
    user: Owner,
    body: web::Json<OrganizationChange>,
) -> ApiResult<web::Json<OrganizationBody>> {
    let changed = app.accounts.rename_organization(&user.0, &body.name).await?;
    Ok(web::Json(organization(changed)))
}

fn organization(who: Identity) -> OrganizationBody {
    OrganizationBody {
        id: who.organization_id,
        name: who.organization_name,
    }
}

/// Everybody in the organisation.
#[utoipa::path(operation_id = "list_members", tag = "members", security(("token" = [])), responses(
    (status = 200, body = Vec<MemberBody>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/members")]
pub async fn list_members(app: web::Data<App>, user: Analyst) -> ApiResult<web::Json<Vec<MemberBody>>> {
    let all = app.accounts.members(&user.0).await?;
    Ok(web::Json(all.into_iter().map(MemberBody::from).collect()))
}

/// Gives somebody another role; it holds at once.
#[utoipa::path(operation_id = "change_member", tag = "members", security(("token" = [])), request_body = RoleChange, responses(
    (status = 200, body = MemberBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[patch("/members/{id}")]
pub async fn change_member(
    app: web::Data<App>,
    user: Admin,
    id: web::Path<String>,
    body: web::Json<RoleChange>,
) -> ApiResult<web::Json<MemberBody>> {
    let member = app.accounts.set_role(&user.0, &id, body.role).await?;
    Ok(web::Json(member.into()))
}

/// Removes somebody with what is their own; what they added for the organisation stays.
#[utoipa::path(operation_id = "remove_member", tag = "members", security(("token" = [])), responses(
    (status = 204), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[delete("/members/{id}")]
pub async fn remove_member(
    app: web::Data<App>,
    user: Admin,
    id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    organizations::remove_member(&app.accounts, &app.questions, &user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The organisation's invitations, newest first.
#[utoipa::path(operation_id = "list_invitations", tag = "members", security(("token" = [])), responses(
    (status = 200, body = Vec<InvitationBody>), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
#[get("/invitations")]
pub async fn list_invitations(app: web::Data<App>, user: Admin) -> ApiResult<web::Json<Vec<InvitationBody>>> {
    let all = app.accounts.invitations(&user.0).await?;
    Ok(web::Json(
        all.into_iter()
            .map(|invitation| InvitationBody::new(invitation, None))
            .collect(),
    ))
}

/// Invites an address, by mail. An earlier invitation of the same address is void.
#[utoipa::path(operation_id = "invite", tag = "members", security(("token" = [])), request_body = InvitationRequest, responses(
    (status = 201, body = InvitationBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
#[post("/invitations")]
pub async fn invite(
    app: web::Data<App>,
    user: Admin,
    request: HttpRequest,
    body: web::Json<InvitationRequest>,
) -> ApiResult<HttpResponse> {
    let base = base(&app, &request);
    let (invitation, link) = app
        .accounts
        .invite(&user.0, &body.email, body.role, &base)
        .await?;
    Ok(HttpResponse::Created().json(InvitationBody::new(invitation, Some(link))))
}

/// Takes an invitation back.
#[utoipa::path(operation_id = "delete_invitation", tag = "members", security(("token" = [])), responses(
    (status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[delete("/invitations/{id}")]
pub async fn delete_invitation(
    app: web::Data<App>,
    user: Admin,
    id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    app.accounts.uninvite(&user.0, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends an invitation again, with a new link; the former one is void.
#[utoipa::path(operation_id = "resend_invitation", tag = "members", security(("token" = [])), responses(
    (status = 200, body = InvitationBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[post("/invitations/{id}/resend")]
pub async fn resend_invitation(
    app: web::Data<App>,
    user: Admin,
    request: HttpRequest,
    id: web::Path<String>,
) -> ApiResult<web::Json<InvitationBody>> {
    let base = base(&app, &request);
    let (invitation, link) = app.accounts.invite_again(&user.0, &id, &base).await?;
    Ok(web::Json(InvitationBody::new(invitation, Some(link))))
}

/// What an invitation's link is about.
#[utoipa::path(operation_id = "get_invitation_by_token", tag = "members", request_body = LinkRequest, responses(
    (status = 200, body = InvitedBody), (status = 400, body = ErrorBody)))]
#[post("/invitations/by-token")]
pub async fn public_invitation(
    app: web::Data<App>,
    body: web::Json<LinkRequest>,
) -> ApiResult<web::Json<InvitedBody>> {
    Ok(web::Json(app.accounts.invitation(&body.token).await?.into()))
}

/// Makes the account of whoever was invited, and logs them in.
#[utoipa::path(operation_id = "accept_invitation", tag = "members", request_body = AcceptRequest, responses(
    (status = 200, body = LoginResponse), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 409, body = ErrorBody)))]
#[post("/invitations/accept")]
pub async fn public_accept_invitation(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Json<AcceptRequest>,
) -> ApiResult<HttpResponse> {
    let body = body.into_inner();
    let log_in = app
        .accounts
        .accept_invitation(&body.token, &body.name, body.password, &visitor(&request))
        .await?;
    Ok(logged_in(&app, &request, HttpResponse::Ok(), log_in))
}

/// To whom a connection is open.
#[utoipa::path(operation_id = "get_connection_access", tag = "connections", security(("token" = [])), responses(
    (status = 200, body = AccessBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[get("/connections/{id}/access")]
pub async fn connection_access(
    app: web::Data<App>,
    user: Admin,
    id: web::Path<String>,
) -> ApiResult<web::Json<AccessBody>> {
    let source = Source::Connection(id.into_inner());
    Ok(web::Json(app.accounts.sharing(&user.0, source).await?.into()))
}

/// Opens a connection to everybody, or to some members only; it holds at once.
#[utoipa::path(operation_id = "set_connection_access", tag = "connections", security(("token" = [])), request_body = AccessBody, responses(
    (status = 200, body = AccessBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[put("/connections/{id}/access")]
pub async fn set_connection_access(
    app: web::Data<App>,
    user: Admin,
    id: web::Path<String>,
    body: web::Json<AccessBody>,
) -> ApiResult<web::Json<AccessBody>> {
    let source = Source::Connection(id.into_inner());
    let sharing = app
        .accounts
        .share(&user.0, source, body.into_inner().into())
        .await?;
    Ok(web::Json(sharing.into()))
}

/// To whom a file is open: for admins, and for whoever added it.
#[utoipa::path(operation_id = "get_file_access", tag = "files", security(("token" = [])), responses(
    (status = 200, body = AccessBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody)))]
#[get("/files/{id}/access")]
pub async fn file_access(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
) -> ApiResult<web::Json<AccessBody>> {
    let source = Source::File(id.into_inner());
    Ok(web::Json(app.accounts.sharing(&user.0, source).await?.into()))
}

/// Opens a file to everybody, or to some members only: for admins, and for whoever added it. It holds at once.
#[utoipa::path(operation_id = "set_file_access", tag = "files", security(("token" = [])), request_body = AccessBody, responses(
    (status = 200, body = AccessBody), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
#[put("/files/{id}/access")]
pub async fn set_file_access(
    app: web::Data<App>,
    user: Analyst,
    id: web::Path<String>,
    body: web::Json<AccessBody>,
) -> ApiResult<web::Json<AccessBody>> {
    let source = Source::File(id.into_inner());
    let sharing = app
        .accounts
        .share(&user.0, source, body.into_inner().into())
        .await?;
    Ok(web::Json(sharing.into()))
}
