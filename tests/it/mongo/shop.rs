//! The documents that the MongoDB tests ask: an invented shop with nested documents, lists, mixed types, a
//! view and a time series.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Decimal128, Document, doc};

use crate::support::mongo::{Database, Mongod};

/// The n-th customer's id.
pub fn customer(n: u32) -> ObjectId {
    ObjectId::parse_str(format!("65000000000000000000{n:04}")).expect("an id")
}

/// Midnight of a day in 2024, UTC.
pub fn day(month: u32, day: u32) -> DateTime {
    let text = format!("2024-{month:02}-{day:02}T00:00:00Z");
    DateTime::parse_rfc3339_str(text).expect("a date")
}

fn customers() -> Vec<Document> {
    [("Ada", "Bern"), ("Bob", "Basel"), ("Cy", "Bern"), ("Dee", "Chur")]
        .into_iter()
        .enumerate()
        .map(|(n, (name, city))| {
            let n = n as u32 + 1;
            let mut document = doc! {
                "_id": customer(n), "name": name, "address": {"city": city, "zip": 3000 + n as i32},
                "tags": if n.is_multiple_of(2) { vec!["vip", "news"] } else { vec!["news"] },
            };
            if n > 1 {
                document.insert("friend", customer(n - 1));
            }
            document
        })
        .collect()
}

fn orders() -> Vec<Document> {
    (1..=24_i32)
        .map(|n| {
            let exact: Decimal128 = format!("{n}.10").parse().expect("a decimal");
            let mut order = doc! {
                "_id": n, "customer_id": customer(n as u32 % 3 + 1), "at": day(1 + (n as u32 - 1) % 12, 1 + n as u32 % 28),
                "status": if n % 4 == 0 { "open" } else { "paid" },
                "items": [
                    {"sku": "cone", "qty": n % 3 + 1, "price": 2.5},
                    {"sku": if n % 2 == 0 { "tub" } else { "cup" }, "qty": 1, "price": 4.0},
                ],
                "total": f64::from(n) * 2.5, "total_exact": exact,
            };
            match n % 6 {
                0 => order.insert("note", "call first"),
                1 => order.insert("note", 7),
                _ => None,
            };
            order
        })
        .collect()
}

/// A new database that holds the shop.
pub async fn shop(server: &Mongod) -> Database<'_> {
    let products = vec![
        doc! {"_id": "cone", "name": "Cone", "price": 2.5},
        doc! {"_id": "tub", "name": "Tub", "price": 4.0},
        doc! {"_id": "cup", "name": "Cup", "price": 4.0},
    ];
    let database = server
        .database(&[
            ("customers", customers()),
            ("orders", orders()),
            ("products", products),
        ])
        .await;
    database
        .command(doc! {"createIndexes": "customers", "indexes": [
            {"key": {"name": 1}, "name": "by_name", "unique": true}, {"key": {"address.city": 1}, "name": "by_city"},
        ]})
        .await;
    database
        .command(
            doc! {"create": "paid_orders", "viewOn": "orders", "pipeline": [{"$match": {"status": "paid"}}]},
        )
        .await;
    database
        .command(doc! {"create": "readings", "timeseries": {"timeField": "at", "metaField": "where"}})
        .await;
    let readings: Vec<Document> = (1..=10_u32)
        .map(|n| doc! {"at": day(1, n), "where": {"room": if n % 2 == 0 { "a" } else { "b" }}, "value": f64::from(n)})
        .collect();
    database
        .root()
        .collection::<Document>("readings")
        .insert_many(readings)
        .await
        .expect("readings");
    database
}
