//! A replica set of three: questions go to secondaries unless the URL says otherwise, to those with the tags it
//! names, and on to the others when one is gone.

use std::sync::Arc;
use std::time::Duration;

use clean_custard::source::{Limits, Source};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use serde_json::json;

use super::{endless, query, source};
use crate::support::conformance::values;
use crate::support::mongo::ReplicaSet;

/// The member that an endless query of this source runs at; afterwards it runs nowhere.
async fn where_it_runs(set: &ReplicaSet, source: &Arc<dyn Source>) -> usize {
    let asking = tokio::spawn({
        let source = source.clone();
        async move { source.run(&endless(), &Limits::default()).await.map(|_| ()) }
    });
    let found = until(set, |busy| busy.len() == 1).await;
    asking.abort();
    until(set, <[usize]>::is_empty).await;
    found[0]
}

async fn until(set: &ReplicaSet, wanted: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    for _ in 0..600 {
        let busy = set.busy("shop").await;
        if wanted(&busy) {
            return busy;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still {:?}", set.busy("shop").await);
}

#[tokio::test]
async fn questions_go_to_the_members_that_the_url_prefers() {
    let mut set = ReplicaSet::start().await;
    let url = set.root_url("shop");
    let root = Client::with_uri_str(format!("{url}&w=3"))
        .await
        .expect("a client");
    let many: Vec<Document> = (0..20_000).map(|n| doc! {"_id": n, "n": n}).collect();
    let documents = root.database("shop").collection::<Document>("many");
    documents
        .insert_many(many)
        .await
        .expect("documents on every member");

    let count = query("many", json!([{"$count": "n"}]));
    let answers = async |source: &Arc<dyn Source>| {
        let rows = source.run(&count, &Limits::default()).await?;
        values(rows).await
    };
    for (parameters, wanted) in [
        ("", vec![1, 2]),
        ("&readPreference=primary", vec![0]),
        (
            "&readPreference=secondaryPreferred&readPreferenceTags=use:reports",
            vec![2],
        ),
        (
            "&readPreference=secondaryPreferred&readPreferenceTags=use:nothing",
            vec![0],
        ),
        (
            "&readPreference=secondary&readPreferenceTags=use:nothing&readPreferenceTags=",
            vec![1, 2],
        ),
    ] {
        let source = source(&format!("{url}{parameters}"));
        assert_eq!(answers(&source).await.expect(parameters), [[json!(20_000)]]);
        let found = where_it_runs(&set, &source).await;
        assert!(wanted.contains(&found), "{parameters}: at member {found}");
    }

    // The tagged one goes, and then the one that takes the writes: the same source goes on with who is left.
    let reports = source(&format!(
        "{url}&readPreference=secondaryPreferred&readPreferenceTags=use:reports&readPreferenceTags="
    ));
    assert_eq!(where_it_runs(&set, &reports).await, 2);
    for gone in [2, 0] {
        set.members[gone].down();
        let mut tries = 0;
        // Who asks right now may be told that the connection broke; nobody has to start anything again.
        let rows = loop {
            match answers(&reports).await {
                Ok(rows) => break rows,
                Err(error) if tries == 20 => panic!("member {gone} is gone: {error}"),
                Err(_) => tries += 1,
            }
        };
        assert_eq!(rows, [[json!(20_000)]]);
    }
}
