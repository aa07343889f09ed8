//! Profiles tell the shape of a column.

use clean_custard::ingest::{self, profile::Profile};

use super::{Done, import, limits};

async fn profile(done: &Done) -> Profile {
    ingest::profile(&done.dir.path().join("out").join(&done.only().parquet), &limits())
        .await
        .expect("a profile")
}

#[tokio::test]
async fn profiles_tell_the_shape_of_columns() {
    let mut text = "n,word,price,day\n".to_owned();
    for n in 1..=1_000 {
        let word = if n % 10 == 0 {
            ""
        } else {
            ["red", "green", "red"][n % 3]
        };
        text.push_str(&format!("{n},{word},{}.25,2024-01-{:02}\n", n % 4, n % 20 + 1));
    }
    let done = import("p.csv", text).await;
    let profile = profile(&done).await;
    assert_eq!(profile.row_count, 1_000);
    let [n, word, price, day] = profile.columns.as_slice() else {
        panic!("four columns")
    };
    assert_eq!((n.distinct, n.distinct_approximate, n.nulls), (1_000, false, 0));
    assert_eq!(
        (n.min.as_deref(), n.max.as_deref(), n.mean),
        (Some("1"), Some("1000"), Some(500.5))
    );
    assert_eq!(n.histogram.iter().map(|bin| bin.count).sum::<u64>(), 1_000);
    let median: f64 = n
        .quantiles
        .as_ref()
        .expect("quantiles")
        .p50
        .parse()
        .expect("a number");
    assert!((499.0..=502.0).contains(&median), "{median}");
    assert_eq!(
        (
            word.distinct,
            word.nulls,
            word.top[0].value.as_str(),
            word.top[0].count
        ),
        (2, 100, "red", 600)
    );
    assert_eq!(
        (price.type_name.as_str(), price.distinct, price.mean),
        ("decimal", 4, Some(1.75))
    );
    assert_eq!(
        (day.min.as_deref(), day.max.as_deref(), day.histogram.len()),
        (Some("2024-01-01"), Some("2024-01-20"), 20)
    );
    assert_eq!(day.quantiles.as_ref().expect("quantiles").p50.len(), 10);
}
