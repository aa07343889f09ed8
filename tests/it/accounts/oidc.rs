//! Log-in through a provider, and everything that must not get through it.

use clean_custard::config::{DefaultRole, OidcConfig, SignUp};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{Builder, Caller, Store, TestApp};
use crate::support::oidc::{CLIENT_ID, CLIENT_SECRET, Lie, Person, Provider};
use crate::support::people::PASSWORD;

fn with(provider: &Provider, change: impl FnOnce(&mut OidcConfig) + 'static) -> Builder {
    let issuer = provider.issuer.clone();
    TestApp::builder().config(move |config| {
        let mut oidc = OidcConfig {
            issuer,
            client_id: CLIENT_ID.into(),
            client_secret: Some(CLIENT_SECRET.into()),
            name: "Example's log-in".into(),
            scopes: vec!["email".into(), "profile".into()],
            allowed_domains: Default::default(),
            default_role: DefaultRole::Viewer,
            create_accounts: false,
        };
        change(&mut oidc);
        config.oidc = Some(oidc);
    })
}

/// A browser: it follows nothing by itself and keeps the cookies it is given.
struct Browser {
    client: Client,
    base: String,
}

struct Landing {
    /// Where the browser ends up.
    location: String,
    refresh: Option<String>,
}

impl Browser {
    fn at(app: &TestApp) -> Browser {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Browser {
            client,
            base: format!("http://{}/api/v1/auth/oidc/sso", app.address),
        }
    }

    /// To the provider's page; the address and the cookie.
    async fn leave(&self, return_to: &str) -> (String, String) {
        let response = self
            .client
            .get(format!("{}/start", self.base))
            .query(&[("return_to", return_to)])
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::FOUND);
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        let location = response.headers()[LOCATION].to_str().unwrap().to_owned();
        (location, cookie.split(';').next().unwrap().to_owned())
    }

    async fn come_back(&self, code: &str, state: &str, cookie: &str) -> Landing {
        let response = self
            .client
            .get(format!("{}/callback", self.base))
            .query(&[("code", code), ("state", state)])
            .header(COOKIE, cookie)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::FOUND);
        let refresh = response
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().unwrap().split(';').next())
            .find(|cookie| cookie.starts_with("custard_refresh="))
            .map(str::to_owned);
        Landing {
            location: response.headers()[LOCATION].to_str().unwrap().to_owned(),
            refresh,
        }
    }
}

async fn log_in(app: &TestApp, provider: &Provider, person: Person, lie: Lie) -> Landing {
    let browser = Browser::at(app);
    let (url, cookie) = browser.leave("/ask?q=1").await;
    let (code, state) = provider.authorize(&url, person, lie);
    browser.come_back(&code, &state, &cookie).await
}

/// The page asks for an access token with the cookie it was given.
async fn user(app: &TestApp, landing: &Landing) -> (Caller, Value) {
    assert_eq!(landing.location, "/ask?q=1");
    let caller = app.anonymous();
    let request = caller
        .request(reqwest::Method::POST, "/api/v1/auth/refresh")
        .header(COOKIE, landing.refresh.clone().expect("a cookie"));
    let (status, body) = caller.send(request).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    (caller.with_token(&body), body["user"].clone())
}

fn refused(landing: &Landing, code: &str) {
    assert_eq!(landing.location, format!("/login?error={code}"));
    assert!(landing.refresh.is_none());
}

#[tokio::test]
async fn the_owner_logs_in_through_the_provider_and_stays_the_same_person() {
    for store in [Store::Sqlite, Store::Postgres] {
        let provider = Provider::start().await;
        let app = with(&provider, |_| {}).store(store).start().await;
        let owner = app.owner().await;
        let options = app.anonymous().get("/api/v1/auth/options").await.1;
        assert_eq!(
            options["oidc"],
            json!([{ "id": "sso", "name": "Example's log-in" }])
        );
        let pat = Person::new("pat-7", "Owner@Example.com");
        let (_, first) = user(&app, &log_in(&app, &provider, pat, Lie::Nothing).await).await;
        assert_eq!(first["id"], json!(owner.id().await));
        // The name at the provider counts from now on, not the address.
        let moved = Person::new("pat-7", "pat@elsewhere.example");
        let (_, second) = user(&app, &log_in(&app, &provider, moved, Lie::Nothing).await).await;
        assert_eq!(second["id"], first["id"]);
        assert_eq!(second["email"], "owner@example.com");
        // Somebody else who has the address now at the provider is not the owner.
        let heir = Person::new("heir-8", "owner@example.com");
        refused(
            &log_in(&app, &provider, heir, Lie::Nothing).await,
            "oidc_other_identity",
        );
    }
}

#[tokio::test]
async fn tokens_that_lie_are_refused() {
    let provider = Provider::start().await;
    let app = with(&provider, |oidc| oidc.create_accounts = true).start().await;
    app.owner().await;
    for lie in [
        Lie::OtherKey,
        Lie::OtherKeySameName,
        Lie::AlgorithmNone,
        Lie::PublicKeyAsSecret,
        Lie::ClientSecret,
        Lie::Nonce,
        Lie::NoNonce,
        Lie::Audience,
        Lie::Issuer,
        Lie::Expired,
        Lie::OtherUserinfo,
    ] {
        let landing = log_in(&app, &provider, Person::new("pat-7", "owner@example.com"), lie).await;
        assert_eq!(landing.location, "/login?error=oidc_failed", "{lie:?}");
        assert!(landing.refresh.is_none(), "{lie:?}");
    }
    // The same person, told the truth about.
    let pat = Person::new("pat-7", "owner@example.com");
    user(&app, &log_in(&app, &provider, pat, Lie::ThinToken).await).await;
    // After the provider took another key, nobody has to wait.
    provider.rotate();
    let pat = Person::new("pat-7", "owner@example.com");
    user(&app, &log_in(&app, &provider, pat, Lie::Nothing).await).await;
}

#[tokio::test]
async fn only_the_browser_that_left_comes_back() {
    let provider = Provider::start().await;
    let app = with(&provider, |_| {}).start().await;
    app.owner().await;
    let pat = || Person::new("pat-7", "owner@example.com");
    let (thief, victim) = (Browser::at(&app), Browser::at(&app));
    let (url, cookie) = thief.leave("/ask?q=1").await;
    let (other_url, other_cookie) = victim.leave("/ask?q=1").await;
    let (code, state) = provider.authorize(&url, pat(), Lie::Nothing);
    // Another browser, without a cookie or with its own; and a state that is not the flow's.
    refused(&victim.come_back(&code, &state, "x=y").await, "oidc_expired");
    refused(
        &victim.come_back(&code, &state, &other_cookie).await,
        "oidc_failed",
    );
    refused(&thief.come_back(&code, "made-up", &cookie).await, "oidc_failed");
    let changed = format!("{}x", &cookie[..cookie.len() - 1]);
    refused(&thief.come_back(&code, &state, &changed).await, "oidc_expired");
    // A code of another flow: PKCE does not fit.
    let (other_code, _) = provider.authorize(&other_url, pat(), Lie::Nothing);
    refused(
        &thief.come_back(&other_code, &state, &cookie).await,
        "oidc_failed",
    );
    assert!(thief.come_back(&code, &state, &cookie).await.refresh.is_some());
    // Once.
    refused(&thief.come_back(&code, &state, &cookie).await, "oidc_failed");
    // People return to our own pages only.
    for foreign in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let (url, cookie) = thief.leave(foreign).await;
        let (code, state) = provider.authorize(&url, pat(), Lie::Nothing);
        assert_eq!(thief.come_back(&code, &state, &cookie).await.location, "/");
    }
    let other = app.anonymous().get("/api/v1/auth/oidc/other/start").await;
    assert_eq!(other.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_opens_an_account_only_where_that_is_safe() {
    let provider = Provider::start().await;
    let app = with(&provider, |_| {})
        .config(|config| {
            config.accounts.sign_up = SignUp::Open;
            config.accounts.verification = false;
        })
        .start()
        .await;
    let owner = app.owner().await;
    // An address that the provider does not vouch for.
    let unverified = Person::new("eve-1", "owner@example.com").unverified();
    refused(
        &log_in(&app, &provider, unverified, Lie::Nothing).await,
        "oidc_email_unverified",
    );
    // An account with a second factor.
    let proposal = owner.post("/api/v1/auth/totp", &json!({})).await.1;
    let phone = totp_rs::Totp::from_url(proposal["otpauth_url"].as_str().unwrap()).unwrap();
    let body = json!({ "code": phone.generate_current().to_string() });
    assert_eq!(
        owner.post("/api/v1/auth/totp/confirm", &body).await.0,
        StatusCode::OK
    );
    let pat = Person::new("pat-7", "owner@example.com");
    refused(
        &log_in(&app, &provider, pat, Lie::Nothing).await,
        "oidc_second_factor",
    );
    // Somebody set a password for an address that is not theirs; its owner comes through the provider.
    let thief = app.stranger("victim@example.com").await;
    let script = thief.api_token(&["read"]).await;
    let victim = Person::new("victim-9", "victim@example.com");
    let (victim, _) = user(&app, &log_in(&app, &provider, victim, Lie::Nothing).await).await;
    assert_eq!(victim.get("/api/v1/auth/me").await.0, StatusCode::OK);
    for caller in [&thief, &script] {
        let status = caller.get("/api/v1/auth/me").await.0;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let password = json!({ "email": "victim@example.com", "password": PASSWORD });
    let (status, _) = app.anonymous().post("/api/v1/auth/login", &password).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn newcomers_need_an_invitation_unless_configured_otherwise() {
    let provider = Provider::start().await;
    let app = with(&provider, |_| {}).start().await;
    let owner = app.owner().await;
    let ada = || Person::new("ada-1", "ada@example.com");
    refused(
        &log_in(&app, &provider, ada(), Lie::Nothing).await,
        "oidc_no_account",
    );
    let body = json!({ "email": "ada@example.com", "role": "analyst" });
    owner.post("/api/v1/invitations", &body).await;
    let (_, joined) = user(&app, &log_in(&app, &provider, ada(), Lie::Nothing).await).await;
    assert_eq!(
        (&joined["role"], &joined["name"]),
        (&json!("analyst"), &json!("Pat Provided"))
    );
    assert_eq!(owner.get("/api/v1/invitations").await.1, json!([]));

    let app = with(&provider, |oidc| {
        oidc.create_accounts = true;
        oidc.allowed_domains = ["example.com".to_owned()].into();
    })
    .start()
    .await;
    // Nobody becomes the owner by being first through the provider.
    refused(
        &log_in(&app, &provider, ada(), Lie::Nothing).await,
        "oidc_no_account",
    );
    let owner = app.owner().await;
    let stranger = Person::new("eve-1", "eve@example.org");
    refused(
        &log_in(&app, &provider, stranger, Lie::Nothing).await,
        "oidc_domain",
    );
    let (caller, joined) = user(&app, &log_in(&app, &provider, ada(), Lie::Nothing).await).await;
    assert_eq!(joined["role"], "viewer");
    assert_eq!(joined["organization"], owner.get("/api/v1/organization").await.1);
    // There is no password to guess, and none that would delete the account.
    let password = json!({ "email": "ada@example.com", "password": "" });
    let (status, _) = app.anonymous().post("/api/v1/auth/login", &password).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let leave = json!({ "password": "" });
    assert_eq!(
        caller.delete_with("/api/v1/auth/me", &leave).await.0,
        StatusCode::FORBIDDEN
    );
}
