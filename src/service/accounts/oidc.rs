//! Log-in through an OpenID provider: code flow with PKCE, a nonce, and a state that is bound to the browser
//! by a signed cookie.
//!
//! Whom the provider means is its issuer and its name for the person, never the address alone. An address is
//! believed only when the provider says that it was verified. Then it leads to an account once: to an
//! existing one that has no second factor and no other identity at the provider, else to an invitation, else,
//! where configured, to a new account. A password that somebody set before the address was confirmed is void.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, Validation};
use moka::future::Cache;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreGenderClaim, CoreIdToken,
    CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EmptyAdditionalClaims, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, SignatureVerificationError, TokenResponse,
    UserInfoClaims, http,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq;

use super::{Accounts, LogIn, Role, Verified, Visitor, check, deeds, new_user, sign_up};
use crate::config::{OidcConfig, SignUp};
use crate::db::user_tokens::{self, Kind};
use crate::db::users::{self, Organization, User};
use crate::db::{Conn, invitations, oidc_identities, sessions, sign_ups};
use crate::error::{Error, Result};
use crate::id;
use crate::service::status::Whose;

/// The provider's name in our own addresses.
pub const ID: &str = "sso";

/// How long somebody may take at the provider, in seconds.
pub const FLOW_SECONDS: i64 = 10 * 60;

/// How long the provider's description and keys are believed; a key that is not among them is looked for at once.
const METADATA_FOR: Duration = Duration::from_secs(60 * 60);

/// What the provider sends at most, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Who a flow cookie is for: access tokens have no audience, so neither can be taken for the other.
const AUDIENCE: &str = "oidc-flow";

/// Signatures with the provider's public keys. Those with a shared secret are left out on purpose, and
/// `none` with them.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
];

/// Log-in through the configured provider. Cheap to clone.
#[derive(Clone)]
pub struct Oidc {
    accounts: Accounts,
    config: Arc<OidcConfig>,
    http: reqwest::Client,
    provider: Cache<(), Arc<CoreProviderMetadata>>,
}

/// Where the browser goes, and what it carries there and back.
pub struct Departing {
    pub url: String,
    pub cookie: String,
}

/// Why somebody was not let in: what the log-in page shows a sentence for, and what the log says.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub code: &'static str,
    pub reason: String,
}

/// What the browser brings back from the provider.
pub struct Returned {
    pub cookie: String,
    pub code: String,
    pub state: String,
}

/// Remembered by the browser, signed.
#[derive(Serialize, Deserialize)]
struct Flow {
    aud: String,
    exp: i64,
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
}

/// What the provider says of somebody.
struct Person {
    subject: String,
    email: Option<String>,
    verified: bool,
    name: Option<String>,
}

impl Refusal {
    fn new(code: &'static str, reason: impl std::fmt::Display) -> Refusal {
        Refusal {
            code,
            reason: reason.to_string(),
        }
    }

    fn failed(reason: impl std::fmt::Display) -> Refusal {
        Refusal::new("oidc_failed", reason)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::failed(error)
    }
}

/// What goes wrong between us and the provider.
#[derive(Debug, thiserror::Error)]
enum HttpFault {
    #[error("{0}")]
    Reqwest(#[from] reqwest::Error),
    #[error("{0}")]
    Http(#[from] http::Error),
    #[error("the provider's answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
}

impl Oidc {
    /// Errors: `Internal` when no HTTP client can be made.
    pub fn new(accounts: Accounts, config: OidcConfig) -> Result<Oidc> {
        let http = reqwest::Client::builder()
            // A provider that redirects its own endpoints is not what was configured.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(15))
            .build()
            .map_err(Error::internal)?;
        Ok(Oidc {
            accounts,
            config: Arc::new(config),
            http,
            provider: Cache::builder()
                .max_capacity(1)
                .time_to_live(METADATA_FOR)
                .build(),
        })
    }

    /// What the button says.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Begins a log-in that ends at `return_to`, a path of the UI.
    pub async fn depart(&self, redirect_uri: &str, return_to: Option<&str>) -> Result<Departing, Refusal> {
        let metadata = self.metadata().await?;
        let client = self.client(&metadata, redirect_uri)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        for scope in &self.config.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
        let flow = Flow {
            aud: AUDIENCE.into(),
            exp: id::now().and_utc().timestamp() + FLOW_SECONDS,
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
            return_to: local_path(return_to).to_owned(),
        };
        let key = &self.accounts.keys.encoding;
        let cookie =
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &flow, key).map_err(Error::internal)?;
        Ok(Departing {
            url: url.into(),
            cookie,
        })
    }

    /// Ends a log-in: who came back is logged in, and goes to the path given here.
    pub async fn arrive(
        &self,
        redirect_uri: &str,
        returned: Returned,
        visitor: &Visitor,
    ) -> Result<(LogIn, String), Refusal> {
        let flow = self.flow(&returned)?;
        let metadata = self.metadata().await?;
        let client = self.client(&metadata, redirect_uri)?;
        let http = self.transport();
        let tokens = client
            .exchange_code(AuthorizationCode::new(returned.code))
            .map_err(Refusal::failed)?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier))
            .request_async(&http)
            .await
            .map_err(|error| Refusal::failed(format!("the provider did not take the code: {error}")))?;
        let token = tokens
            .id_token()
            .ok_or_else(|| Refusal::failed("the provider sent no ID token"))?;
        let nonce = Nonce::new(flow.nonce);
        let (claims, metadata) = self.verified(token, metadata, redirect_uri, &nonce).await?;
        if let Some(expected) = claims.access_token_hash() {
            let client = self.client(&metadata, redirect_uri)?;
            let verifier = client.id_token_verifier();
            let actual = AccessTokenHash::from_token(
                tokens.access_token(),
                token.signing_alg().map_err(Refusal::failed)?,
                token.signing_key(&verifier).map_err(Refusal::failed)?,
            )
            .map_err(Refusal::failed)?;
            if actual != *expected {
                return Err(Refusal::failed("the ID token belongs to another access token"));
            }
        }
        let mut person = Person {
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            verified: claims.email_verified().unwrap_or(false),
            name: claims
                .name()
                .and_then(|name| name.get(None))
                .map(|name| name.to_string()),
        };
        // Many providers keep their ID tokens thin.
        if person.email.is_none() && metadata.userinfo_endpoint().is_some() {
            let client = self.client(&metadata, redirect_uri)?;
            let info: UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim> = client
                .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
                .map_err(Refusal::failed)?
                .request_async(&http)
                .await
                .map_err(|error| Refusal::failed(format!("the provider did not say who this is: {error}")))?;
            person.email = info.email().map(|email| email.to_string());
            person.verified = info.email_verified().unwrap_or(false);
            let name = info.name().and_then(|name| name.get(None));
            person.name = name.map(|name| name.to_string()).or(person.name);
        }
        Ok((self.let_in(person, visitor).await?, flow.return_to))
    }

    /// The cookie's flow, when the browser that comes back is the one that left.
    fn flow(&self, returned: &Returned) -> Result<Flow, Refusal> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.leeway = 5;
        let flow = jsonwebtoken::decode::<Flow>(&returned.cookie, &self.accounts.keys.decoding, &validation)
            .map_err(|error| Refusal::new("oidc_expired", format!("the flow's cookie is no good: {error}")))?
            .claims;
        if bool::from(flow.state.as_bytes().ct_eq(returned.state.as_bytes())) {
            Ok(flow)
        } else {
            Err(Refusal::failed("the state is not the one this browser left with"))
        }
    }

    /// The token's claims, once signature, issuer, audience, times and nonce are right. A key that we do not
    /// know makes us read the provider's keys again, once.
    async fn verified(
        &self,
        token: &CoreIdToken,
        metadata: Arc<CoreProviderMetadata>,
        redirect_uri: &str,
        nonce: &Nonce,
    ) -> Result<(CoreIdTokenClaims, Arc<CoreProviderMetadata>), Refusal> {
        let read = |metadata: &CoreProviderMetadata| {
            let client = self.client(metadata, redirect_uri)?;
            let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
            Ok::<_, Refusal>(token.claims(&verifier, nonce).cloned())
        };
        match read(&metadata)? {
            Ok(claims) => Ok((claims, metadata)),
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                self.provider.invalidate(&()).await;
                let metadata = self.metadata().await?;
                let claims = read(&metadata)?.map_err(bad_token)?;
                Ok((claims, metadata))
            }
            Err(error) => Err(bad_token(error)),
        }
    }

    async fn let_in(&self, person: Person, visitor: &Visitor) -> Result<LogIn, Refusal> {
        let email = match &person.email {
            Some(email) if person.verified => check::email(email).ok(),
            _ => None,
        };
        let domains = &self.config.allowed_domains;
        if !domains.is_empty() {
            let allowed = email
                .as_deref()
                .is_some_and(|email| domains.contains(check::domain(email)));
            if !allowed {
                return Err(Refusal::new(
                    "oidc_domain",
                    "the address is in none of the allowed domains",
                ));
            }
        }
        let (oidc, visitor) = (self.clone(), visitor.clone());
        let log_in = self
            .accounts
            .db
            .write(move |conn| {
                let (user, organization) = match oidc.account(conn, &person, email, &visitor)? {
                    Ok(found) => found,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                deeds::by_user(conn, &user, "auth.login", json!({ "with": "oidc" }), &visitor)?;
                oidc.accounts
                    .open_session(conn, user, organization, &visitor)
                    .map(Ok)
            })
            .await??;
        // Perhaps sessions of somebody else ended with it.
        let user_id = log_in.identity.user_id.clone();
        self.accounts.forget(Whose::User(user_id)).await;
        Ok(log_in)
    }

    /// The account of somebody whom the provider vouches for. `email` is there only when it was verified.
    fn account(
        &self,
        conn: &mut Conn,
        person: &Person,
        email: Option<String>,
        visitor: &Visitor,
    ) -> Result<Result<(User, Organization), Refusal>> {
        let issuer = &self.config.issuer;
        if let Some(user_id) = oidc_identities::user(conn, issuer, &person.subject)? {
            let found = users::by_id(conn, &user_id)?;
            return Ok(found.ok_or_else(|| Refusal::failed("the account is gone")));
        }
        let Some(email) = email else {
            return Ok(Err(Refusal::new(
                "oidc_email_unverified",
                "the provider sent no address that it calls verified",
            )));
        };
        let now = id::now();
        let (user, organization) = match users::by_email(conn, &email)? {
            Some((user, organization)) => {
                if user.totp_enabled_at.is_some() {
                    return Ok(Err(Refusal::new(
                        "oidc_second_factor",
                        "the account has a second factor, so its address alone does not open it",
                    )));
                }
                if oidc_identities::is_linked(conn, issuer, &user.id)? {
                    return Ok(Err(Refusal::new(
                        "oidc_other_identity",
                        "the address belongs to an account of another identity at the provider",
                    )));
                }
                if user.email_verified_at.is_none() {
                    // Whoever set this password never showed that the address is theirs.
                    users::set_password(conn, &user.id, "")?;
                    users::set_verified(conn, &user.id, now)?;
                    sessions::revoke_all(conn, &user.id, now)?;
                    for kind in [Kind::Verify, Kind::Reset, Kind::Email] {
                        user_tokens::delete_all(conn, &user.id, kind)?;
                    }
                    for token in crate::db::api_tokens::all(conn, &user.id)? {
                        crate::db::api_tokens::delete(conn, &token.id)?;
                    }
                }
                (user, organization)
            }
            None => match self.newcomer(conn, person, &email)? {
                Ok(made) => {
                    deeds::by_user(conn, &made.0, "user.joined", json!({ "with": "oidc" }), visitor)?;
                    made
                }
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        oidc_identities::insert(conn, issuer, &person.subject, &user.id, now)?;
        let details = json!({ "issuer": issuer, "subject": person.subject });
        deeds::by_user(conn, &user, "auth.oidc_linked", details, visitor)?;
        Ok(Ok((user, organization)))
    }

    fn newcomer(
        &self,
        conn: &mut Conn,
        person: &Person,
        email: &str,
    ) -> Result<Result<(User, Organization), Refusal>> {
        let closed = self.accounts.config.sign_up == SignUp::Closed;
        let invitation = match closed {
            true => None,
            false => invitations::newest_for(conn, email, id::now())?,
        };
        let (organization, role) = match invitation {
            Some(invitation) => {
                let organization = users::organization(conn, &invitation.organization_id)?;
                invitations::delete(conn, &organization.id, &invitation.id)?;
                (organization, Role::parse(&invitation.role))
            }
            None if self.config.create_accounts && users::any(conn)? => (
                sign_up::first_organization(conn)?,
                Role::from(self.config.default_role),
            ),
            None => {
                return Ok(Err(Refusal::new(
                    "oidc_no_account",
                    "there is neither an account nor an invitation for the address",
                )));
            }
        };
        sign_ups::delete_all(conn, email)?;
        let name = person
            .name
            .as_deref()
            .and_then(|name| check::name(name, "name").ok())
            .unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
        let user = new_user(
            conn,
            &organization,
            email,
            &name,
            role,
            String::new(),
            Verified::Yes,
        )?;
        Ok(Ok((user, organization)))
    }

    /// The provider's description and keys.
    async fn metadata(&self) -> Result<Arc<CoreProviderMetadata>, Refusal> {
        if let Some(known) = self.provider.get(&()).await {
            return Ok(known);
        }
        let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(Refusal::failed)?;
        let http = self.transport();
        let found = CoreProviderMetadata::discover_async(issuer, &http)
            .await
            .map_err(|error| {
                Refusal::new(
                    "oidc_unreachable",
                    format!("the provider cannot be read: {error}"),
                )
            })?;
        let found = Arc::new(found);
        self.provider.insert((), found.clone()).await;
        Ok(found)
    }

    fn client(&self, metadata: &CoreProviderMetadata, redirect_uri: &str) -> Result<Client, Refusal> {
        let secret = self
            .config
            .client_secret
            .as_ref()
            .map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(Refusal::failed)?;
        // Basic is what the specification assumes; some providers only take the secret in the body.
        let only_in_body = metadata
            .token_endpoint_auth_methods_supported()
            .is_some_and(|methods| {
                !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                    && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
            });
        let client = CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.config.client_id.clone()),
            secret,
        )
        .set_redirect_uri(redirect);
        Ok(match only_in_body {
            true => client.set_auth_type(AuthType::RequestBody),
            false => client,
        })
    }

    /// Our own HTTP client, as the OpenID library calls one.
    fn transport(
        &self,
    ) -> impl Fn(HttpRequest) -> futures::future::BoxFuture<'static, Result<HttpResponse, HttpFault>> + use<>
    {
        let http = self.http.clone();
        move |request| {
            let http = http.clone();
            Box::pin(async move {
                let mut response = http.execute(reqwest::Request::try_from(request)?).await?;
                let mut answer = http::Response::builder().status(response.status());
                for (name, value) in response.headers() {
                    answer = answer.header(name, value);
                }
                let mut body = Vec::new();
                while let Some(chunk) = response.chunk().await? {
                    body.extend_from_slice(&chunk);
                    if body.len() > MAX_ANSWER {
                        return Err(HttpFault::TooLarge);
                    }
                }
                Ok(answer.body(body)?)
            })
        }
    }
}

type Client = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

fn bad_token(error: ClaimsVerificationError) -> Refusal {
    Refusal::failed(format!("the ID token is no good: {error}"))
}

/// Only a path of our own pages: anything else would send people to strangers after they logged in.
fn local_path(given: Option<&str>) -> &str {
    match given {
        Some(path)
            if path.starts_with('/')
                && !path.starts_with("//")
                && path.len() <= 2_000
                && !path.contains(['\\', '\r', '\n', '\t']) =>
        {
            path
        }
        _ => "/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_return_to_our_own_pages_only() {
        assert_eq!(local_path(Some("/ask?q=1")), "/ask?q=1");
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "evil",
            "",
            "/\t/evil.example",
        ] {
            assert_eq!(local_path(Some(foreign)), "/", "{foreign}");
        }
        assert_eq!(local_path(None), "/");
    }
}
