//! A scripted OpenID provider on a port of its own: it signs with a real RSA key, checks client, redirect
//! address and PKCE as a real one does, and lies in whatever way a test asks for.
//!
//! The browser's part, logging in at the provider, is [`Provider::authorize`]. The keys beside it are for
//! these tests only.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const CLIENT_ID: &str = "clean-custard";
pub const CLIENT_SECRET: &str = "the provider's secret";

/// Somebody at the provider.
#[derive(Debug, Clone)]
pub struct Person {
    pub subject: String,
    pub email: Option<String>,
    pub verified: bool,
    pub name: String,
}

impl Person {
    pub fn new(subject: &str, email: &str) -> Person {
        Person {
            subject: subject.into(),
            email: Some(email.into()),
            verified: true,
            name: "Pat Provided".into(),
        }
    }

    pub fn unverified(mut self) -> Person {
        self.verified = false;
        self
    }
}

/// What is wrong with the ID token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lie {
    Nothing,
    OtherKey,
    /// Another key under the name of the right one.
    OtherKeySameName,
    AlgorithmNone,
    /// HMAC with the public key as its secret.
    PublicKeyAsSecret,
    /// HMAC with the client's secret, which the client knows too.
    ClientSecret,
    Nonce,
    NoNonce,
    Audience,
    Issuer,
    Expired,
    /// The e-mail address is only told at the userinfo endpoint.
    ThinToken,
    /// So it is, but for somebody else.
    OtherUserinfo,
}

struct Granted {
    person: Person,
    lie: Lie,
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

#[derive(Default)]
struct State {
    codes: HashMap<String, Granted>,
    tokens: HashMap<String, Value>,
    key_name: String,
}

/// The running provider; it stops with the test process.
pub struct Provider {
    pub issuer: String,
    state: Arc<Mutex<State>>,
}

impl Provider {
    pub async fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State {
            key_name: "first".into(),
            ..State::default()
        }));
        let provider = Provider {
            issuer: issuer.clone(),
            state: state.clone(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, issuer.clone(), state.clone()));
            }
        });
        provider
    }

    /// The provider signs under another key's name from now on, as after a rotation.
    pub fn rotate(&self) {
        self.state.lock().expect("no panic").key_name = "second".into();
    }

    /// Somebody logs in at the address that our server sent the browser to; gives the code and the state that
    /// the browser brings back.
    pub fn authorize(&self, url: &str, person: Person, lie: Lie) -> (String, String) {
        let url = url::Url::parse(url).expect("an address");
        assert!(
            url.as_str().starts_with(&format!("{}/authorize", self.issuer)),
            "{url}"
        );
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT_ID);
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(
            asked["scope"].split(' ').any(|scope| scope == "openid"),
            "{asked:?}"
        );
        let mut state = self.state.lock().expect("no panic");
        let code = format!("code-{}", state.codes.len());
        state.codes.insert(
            code.clone(),
            Granted {
                person,
                lie,
                nonce: asked["nonce"].clone(),
                challenge: asked["code_challenge"].clone(),
                redirect_uri: asked["redirect_uri"].clone(),
            },
        );
        (code, asked["state"].clone())
    }
}

fn key(pem: &str, name: &str) -> CoreRsaPrivateSigningKey {
    CoreRsaPrivateSigningKey::from_pem(pem, Some(JsonWebKeyId::new(name.into()))).expect("a key")
}

const OWN: &str = include_str!("keys/provider.pem");
const STRANGER: &str = include_str!("keys/stranger.pem");

fn id_token(issuer: &str, key_name: &str, granted: &Granted) -> String {
    let now = chrono::Utc::now().timestamp();
    let lie = granted.lie;
    let mut claims = json!({
        "iss": if lie == Lie::Issuer { "http://127.0.0.1:1" } else { issuer },
        "sub": granted.person.subject,
        "aud": if lie == Lie::Audience { "somebody-else" } else { CLIENT_ID },
        "iat": now - if lie == Lie::Expired { 7200 } else { 0 },
        "exp": now + if lie == Lie::Expired { -3600 } else { 600 },
        "nonce": if lie == Lie::Nonce { "another" } else { granted.nonce.as_str() },
        "name": granted.person.name,
    });
    if lie == Lie::NoNonce {
        claims.as_object_mut().expect("an object").remove("nonce");
    }
    if !matches!(lie, Lie::ThinToken | Lie::OtherUserinfo) {
        claims["email"] = json!(granted.person.email);
        claims["email_verified"] = json!(granted.person.verified);
    }
    let (algorithm, kid) = match lie {
        Lie::AlgorithmNone => ("none", key_name),
        Lie::PublicKeyAsSecret | Lie::ClientSecret => ("HS256", key_name),
        Lie::OtherKey => ("RS256", "stranger"),
        _ => ("RS256", key_name),
    };
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encode(&json!({ "alg": algorithm, "typ": "JWT", "kid": kid }));
    let signed = format!("{head}.{}", encode(&claims));
    let rsa = |pem: &str| {
        let signature = key(pem, kid)
            .sign(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, signed.as_bytes())
            .expect("a signature");
        URL_SAFE_NO_PAD.encode(signature)
    };
    let hmac = |secret: &[u8]| {
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).expect("a code")
    };
    let signature = match lie {
        Lie::AlgorithmNone => String::new(),
        Lie::PublicKeyAsSecret => hmac(jwk(key_name).to_string().as_bytes()),
        Lie::ClientSecret => hmac(CLIENT_SECRET.as_bytes()),
        Lie::OtherKey | Lie::OtherKeySameName => rsa(STRANGER),
        _ => rsa(OWN),
    };
    format!("{signed}.{signature}")
}

fn jwk(name: &str) -> Value {
    serde_json::to_value(key(OWN, name).as_verification_key()).expect("JSON")
}

async fn serve(mut stream: TcpStream, issuer: String, state: Arc<Mutex<State>>) {
    let mut text = Vec::new();
    let (head, body) = loop {
        let mut chunk = [0u8; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => text.extend_from_slice(&chunk[..read]),
        }
        let all = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = all.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0usize);
        if body.len() >= length {
            break (head.to_owned(), body.to_owned());
        }
    };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let authorization = head
        .lines()
        .find_map(|line| {
            line.split_once(": ")
                .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        })
        .map(|(_, value)| value.to_owned())
        .unwrap_or_default();
    let (status, answer) = answer(&issuer, &state, &path, &authorization, &body);
    let answer = answer.to_string();
    let response = format!(
        "HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    );
    let _ = stream.write_all(response.as_bytes()).await;
}

fn answer(issuer: &str, state: &Mutex<State>, path: &str, authorization: &str, body: &str) -> (u16, Value) {
    let mut state = state.lock().expect("no panic");
    match path {
        "/.well-known/openid-configuration" => (
            200,
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
                "jwks_uri": format!("{issuer}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            }),
        ),
        "/jwks" => (200, json!({ "keys": [jwk(&state.key_name)] })),
        "/token" => {
            let refused = |why: &str| (400, json!({ "error": "invalid_grant", "error_description": why }));
            let given: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
                .into_owned()
                .collect();
            let encode =
                |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let basic = STANDARD.encode(format!("{}:{}", encode(CLIENT_ID), encode(CLIENT_SECRET)));
            if authorization != format!("Basic {basic}") {
                return (401, json!({ "error": "invalid_client" }));
            }
            let Some(granted) = given.get("code").and_then(|code| state.codes.remove(code)) else {
                return refused("no such code");
            };
            let verifier = given.get("code_verifier").cloned().unwrap_or_default();
            if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) != granted.challenge {
                return refused("PKCE");
            }
            if given.get("redirect_uri") != Some(&granted.redirect_uri) {
                return refused("redirect address");
            }
            let access_token = format!("access-{}", state.tokens.len());
            let subject = match granted.lie {
                Lie::OtherUserinfo => "somebody-else",
                _ => granted.person.subject.as_str(),
            };
            let info = json!({
                "sub": subject,
                "email": granted.person.email,
                "email_verified": granted.person.verified,
                "name": granted.person.name,
            });
            let token = id_token(issuer, &state.key_name, &granted);
            state.tokens.insert(access_token.clone(), info);
            (
                200,
                json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": token }),
            )
        }
        "/userinfo" => match authorization
            .strip_prefix("Bearer ")
            .and_then(|token| state.tokens.get(token))
        {
            Some(info) => (200, info.clone()),
            None => (401, json!({ "error": "invalid_token" })),
        },
        _ => (404, json!({})),
    }
}
