//! People for tests: members of an organisation, and strangers with one of their own.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::app::{Caller, TestApp};

/// Everybody's password here.
pub const PASSWORD: &str = "a long password";

impl TestApp {
    /// Somebody whom `owner` invited with this role; logged in.
    pub async fn member(&self, owner: &Caller, email: &str, role: &str) -> Caller {
        let (status, invited) = owner
            .post("/api/v1/invitations", &json!({ "email": email, "role": role }))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{invited}");
        let link = invited["link"].as_str().expect("a link");
        let (_, token) = link.split_once("token=").expect("a token");
        let caller = self.anonymous();
        let body = json!({ "token": token, "name": name_of(email), "password": PASSWORD });
        let (status, joined) = caller.post("/api/v1/invitations/accept", &body).await;
        assert_eq!(status, StatusCode::OK, "{joined}");
        caller.with_token(&joined)
    }

    /// The owner of another organisation, where sign-up is open and addresses are not confirmed; logged in.
    pub async fn stranger(&self, email: &str) -> Caller {
        let body = json!({
            "email": email, "name": name_of(email), "password": PASSWORD, "organization": format!("Of {email}"),
        });
        let (status, answer) = self.anonymous().post("/api/v1/auth/signup", &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        assert_eq!(answer["status"], "created", "{answer}");
        self.log_in(email, PASSWORD).await
    }
}

impl Caller {
    pub async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(self.request(reqwest::Method::PUT, path).json(body))
            .await
    }

    pub async fn delete_with(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(self.request(reqwest::Method::DELETE, path).json(body))
            .await
    }

    /// One's own id.
    pub async fn id(&self) -> String {
        let (status, me) = self.get("/api/v1/auth/me").await;
        assert_eq!(status, StatusCode::OK, "{me}");
        me["id"].as_str().expect("an id").to_owned()
    }

    /// The same person with an API token of these scopes.
    pub async fn api_token(&self, scopes: &[&str]) -> Caller {
        let body = json!({ "name": "a script", "scopes": scopes, "expires_in_days": 1 });
        let (status, made) = self.post("/api/v1/tokens", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        self.as_bearer(made["token"].as_str().expect("a token"))
    }

    /// The same browser with another token.
    pub fn as_bearer(&self, token: &str) -> Caller {
        let mut other = self.clone();
        other.token = Some(token.to_owned());
        other
    }
}

fn name_of(email: &str) -> String {
    email.split('@').next().unwrap_or_default().to_owned()
}
