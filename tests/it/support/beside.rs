//! An agent in this process, beside a source and connected to a [`TestApp`] as a user would do it.

use std::sync::Arc;

use clean_custard::agent::{self, Served, Terms};
use clean_custard::config::PolicyConfig;
use clean_custard::source::Source;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::app::{Caller, eventually};

/// A connection with an agent that is online; it goes when this is dropped.
pub struct Beside {
    pub connection_id: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes a connection and serves `source` through it; waits until its schema has arrived.
pub async fn agent_beside(owner: &Caller, source: Arc<dyn Source>, policy: PolicyConfig) -> Beside {
    let (status, made) = owner
        .post(
            "/api/v1/connections",
            &json!({ "name": "shop", "db_type": source.dialect().name().to_uppercase() }),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let text = |key: &str| made[key].as_str().expect(key).to_owned();
    let served = Served {
        websocket_url: text("websocket_url"),
        key: text("api_key").into(),
        beside: source.into(),
    };
    let terms = Terms {
        allow_insecure: true,
        policy,
        ..Terms::default()
    };
    let task = tokio::spawn(async move {
        agent::serve(vec![served], terms, CancellationToken::new())
            .await
            .expect("the agent runs");
    });
    let beside = Beside {
        connection_id: text("id"),
        task,
    };
    let schema = format!("/api/v1/connections/{}/schema", beside.connection_id);
    eventually("the schema of the database", || async {
        let (_, schema) = owner.get(&schema).await;
        (schema["discovered_at"] != Value::Null).then_some(())
    })
    .await;
    beside
}
