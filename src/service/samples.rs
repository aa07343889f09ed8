//! The sample data: an invented chain of frozen-custard shops, embedded in the binary. Its generator and the
//! questions it is measured with lie in `assets/samples/`. Importing it is the file service's job.

/// The sample files, by name.
pub fn files() -> &'static [(&'static str, &'static [u8])] {
    &[
        ("stores.csv", include_bytes!("../../assets/samples/stores.csv")),
        (
            "products.csv",
            include_bytes!("../../assets/samples/products.csv"),
        ),
        (
            "customers.csv",
            include_bytes!("../../assets/samples/customers.csv"),
        ),
        ("orders.csv", include_bytes!("../../assets/samples/orders.csv")),
    ]
}

/// Questions to begin with. None depends on today's date: the sample ends on a fixed day, and these have to
/// stay good for years.
pub const QUESTIONS: [&str; 4] = [
    "What are the top 5 products by revenue?",
    "Show revenue by month in 2025",
    "How many orders did each store have?",
    "What is the average rating by product category?",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggested_questions_are_measured_questions() {
        let measured = include_str!("../../assets/samples/questions.csv");
        for question in QUESTIONS {
            assert!(measured.contains(question), "{question} is not in questions.csv");
        }
    }

    #[test]
    fn files_are_csv_with_a_header_and_small() {
        let mut total = 0;
        for (name, bytes) in files() {
            let text = std::str::from_utf8(bytes).expect("UTF-8");
            let header = text.lines().next().expect("a header");
            assert!(header.contains("_id,"), "{name}: {header}");
            total += bytes.len();
        }
        assert!(total < 400_000, "{total}");
    }
}
