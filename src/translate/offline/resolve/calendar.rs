//! Which date a span of time or a period is about.

use super::super::frame::{Frame, RawFilter};
use super::super::schema::{Col, spaced};
use super::{Resolver, Step, capital, refuse};

impl Resolver<'_, '_> {
    /// The date that "in 2025" or "by month" means for rows of a table.
    pub(super) fn main_date(&self, table: usize, phrase: &str) -> Step<Col> {
        let dates: Vec<Col> = self
            .schema
            .columns(table)
            .filter(|col| self.kind(*col).is_date())
            .collect();
        let plain = |col: &Col| {
            // The table's own event: `orders.ordered_at`, `order_date`, or a column called just "date".
            self.schema.words(*col).iter().all(|w| {
                matches!(
                    w.as_str(),
                    "date" | "time" | "datetim" | "timestamp" | "at" | "on" | "day" | "creat"
                ) || self.schema.table_words[table].contains(w)
            })
        };
        let own: Vec<Col> = dates.iter().copied().filter(plain).collect();
        let without_created: Vec<Col> = own
            .iter()
            .copied()
            .filter(|col| !self.schema.words(*col).iter().any(|w| w == "creat"))
            .collect();
        match (without_created.as_slice(), own.as_slice(), dates.as_slice()) {
            ([one], _, _) | ([], [one], _) => Ok(*one),
            // One date, and a table of things that happen: no other date can be meant.
            (_, _, [one]) if self.schema.table_words[table].iter().any(|w| is_event(w)) => Ok(*one),
            (_, _, []) => refuse(format!(
                "{} holds no date, so \"{phrase}\" cannot be answered.",
                capital(&spaced(&self.schema.table(table).name))
            )),
            (_, _, several) => {
                let thing = spaced(&self.schema.table(table).name);
                let columns: Vec<String> = several
                    .iter()
                    .map(|col| format!("\"{}\"", spaced(&self.schema.column(*col).name)))
                    .collect();
                refuse(format!(
                    "It is not clear which date of {thing} \"{phrase}\" refers to; {thing} has {}. Name the one that is meant.",
                    columns.join(", ")
                ))
            }
        }
    }

    /// The date a span without a column is about.
    pub(super) fn date_for(&self, raw: &RawFilter, near: Option<usize>, frame: &Frame) -> Step<Col> {
        let base = self.base.unwrap_or_default();
        let has_date = |table: usize| self.schema.columns(table).any(|col| self.kind(col).is_date());
        // Directly after a verb or noun of another table ("products sold in 2024") that table's date is meant;
        // otherwise the base's own.
        let related: Option<usize> = frame
            .related
            .iter()
            .map(|r| &r.of)
            .chain(&frame.anchors)
            .filter_map(|spot| self.table_of(spot).map(|table| (spot.end, table)))
            .rfind(|(end, table)| *end <= raw.start && raw.start - end <= 4 && has_date(*table))
            .map(|(_, table)| table);
        if let Some(table) = related {
            return self.main_date(table, &raw.text);
        }
        if has_date(base) {
            return self.main_date(base, &raw.text);
        }
        if let Some(table) = near.filter(|table| has_date(*table)) {
            return self.main_date(table, &raw.text);
        }
        self.main_date(base, &raw.text)
    }
}

/// Stems of tables whose rows are things that happen on a day.
fn is_event(stem: &str) -> bool {
    matches!(
        stem,
        "order"
            | "sale"
            | "purchas"
            | "transact"
            | "invoic"
            | "pay"
            | "visit"
            | "appoint"
            | "book"
            | "reserv"
            | "shipment"
            | "deliveri"
            | "loan"
            | "review"
            | "event"
            | "log"
            | "messag"
            | "trip"
            | "ride"
            | "game"
            | "match"
            | "snapshot"
            | "record"
            | "measur"
            | "read"
            | "ticket"
            | "incid"
            | "call"
            | "claim"
            | "rental"
            | "session"
            | "admiss"
            | "exam"
            | "checkin"
            | "attend"
    )
}
