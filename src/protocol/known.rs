//! What a server still knows of a source that has no schema of its own, packed small enough for one control
//! message: the fields that earlier samples held. An agent that was started anew knows none of them, and would
//! refuse to be asked for a rare field until a sample happens to meet it again.
//!
//! It is a hint from the other end: what it says is shown and looked up like any field, and a policy keeps back
//! what it would keep back anyway.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::catalog::{Catalog, Column, Table};
use crate::error::{Error, Result};

/// Bytes of a packed text at most, well below what a control message may have.
const MOST: usize = 40 * 1024;
/// Bytes of JSON that are unpacked at most.
const MOST_JSON: u64 = 8 << 20;
/// Where not everything fits, fields of which so large a share of the documents has them are left out first:
/// the next sample meets them anyway.
const SHARES: [f64; 5] = [1.1, 0.9, 0.5, 0.1, 0.02];

/// Packs what is worth knowing; None where there is nothing, or where it does not fit.
pub fn pack(catalog: &Catalog) -> Option<String> {
    SHARES.iter().find_map(|below| {
        let rare = |column: &&Column| column.seen.is_some_and(|seen| seen < *below);
        let tables = catalog.tables.iter().filter_map(|table| {
            let columns: Vec<Column> = table.columns.iter().filter(rare).map(bare).collect();
            (!columns.is_empty()).then(|| Table {
                schema: table.schema.clone(),
                name: table.name.clone(),
                columns,
                ..Table::default()
            })
        });
        let tables: Vec<Table> = tables.collect();
        if tables.is_empty() {
            return None;
        }
        let json = serde_json::to_vec(&Catalog { tables }).ok()?;
        let packed = STANDARD.encode(zstd::encode_all(json.as_slice(), 3).ok()?);
        (packed.len() <= MOST).then_some(packed)
    })
}

/// A column without values of the data.
fn bare(column: &Column) -> Column {
    Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        kind: column.kind,
        nullable: true,
        types: column.types.clone(),
        seen: column.seen,
        last_seen_day: column.last_seen_day,
        ..Column::default()
    }
}

/// Reads what [`pack`] wrote. Errors: `Invalid` for anything else.
pub fn unpack(packed: &str) -> Result<Catalog> {
    let broken = || Error::Invalid("What is known of the schema cannot be read.".into());
    let bytes = STANDARD.decode(packed).map_err(|_| broken())?;
    let decoder = zstd::Decoder::new(bytes.as_slice()).map_err(|_| broken())?;
    let mut json = Vec::new();
    decoder
        .take(MOST_JSON)
        .read_to_end(&mut json)
        .map_err(|_| broken())?;
    serde_json::from_slice(&json).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ColumnKind;

    fn collection(name: &str, fields: usize, seen: f64) -> Table {
        let column = |number| Column {
            name: format!("{name}.field_{number:05}.{:x}", number * 7_919),
            type_name: "string".into(),
            kind: ColumnKind::Text,
            seen: Some(seen),
            values: vec!["secret".into()],
            last_seen_day: Some(20_000),
            ..Column::default()
        };
        Table {
            name: name.into(),
            columns: (0..fields).map(column).collect(),
            ..Table::default()
        }
    }

    #[test]
    fn what_is_known_comes_back_without_values() {
        let tables = vec![collection("orders", 20, 0.3)];
        let known = unpack(&pack(&Catalog { tables }).expect("it fits")).expect("it can be read");
        assert_eq!(known.tables[0].columns.len(), 20);
        let column = &known.tables[0].columns[0];
        assert!(column.values.is_empty());
        assert_eq!(
            (column.kind, column.last_seen_day),
            (ColumnKind::Text, Some(20_000))
        );
        assert_eq!(pack(&Catalog::default()), None);
    }

    #[test]
    fn where_not_all_fits_the_rare_ones_go_first() {
        let tables = vec![collection("wide", 60_000, 0.95), collection("rare", 50, 0.01)];
        let packed = pack(&Catalog { tables }).expect("the rare ones fit");
        assert!(packed.len() <= MOST);
        let names: Vec<String> = unpack(&packed)
            .expect("it can be read")
            .tables
            .into_iter()
            .map(|t| t.name)
            .collect();
        assert_eq!(names, ["rare"]);
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in ["", "!", "AAAA", &STANDARD.encode("{}")] {
            assert!(matches!(unpack(wrong), Err(Error::Invalid(_))), "{wrong}");
        }
    }
}
