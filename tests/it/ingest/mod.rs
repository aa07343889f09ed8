//! Files in: every cell is found again, types are judged by the whole file, broken files get a sentence and
//! leave nothing. All data is invented here.

mod csv;
mod formats;
mod profiling;
mod refused;
mod typing;

use std::path::Path;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clean_custard::error::Error;
use clean_custard::ingest::{self, Import, ImportLimits, ImportedTable, Overrides};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

fn limits() -> ImportLimits {
    ImportLimits {
        memory_bytes: 1 << 30,
        time: Duration::from_secs(120),
    }
}

/// An imported file and the folder it lies in.
struct Done {
    dir: tempfile::TempDir,
    import: Import,
}

impl Done {
    fn only(&self) -> &ImportedTable {
        assert_eq!(self.import.tables.len(), 1, "one table");
        &self.import.tables[0]
    }

    fn rows(&self) -> Vec<Vec<String>> {
        self.rows_of(self.only())
    }

    fn rows_of(&self, table: &ImportedTable) -> Vec<Vec<String>> {
        read(&self.dir.path().join("out").join(&table.parquet))
    }

    /// Name and type of each column.
    fn types(&self) -> Vec<(&str, &str)> {
        self.only()
            .report
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.type_name.as_str()))
            .collect()
    }
}

fn read(parquet: &Path) -> Vec<Vec<String>> {
    let file = std::fs::File::open(parquet).expect("the Parquet is there");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .expect("Parquet")
        .build()
        .expect("a reader");
    let mut rows = Vec::new();
    for batch in reader {
        let batch: RecordBatch = batch.expect("rows");
        let options = FormatOptions::default().with_null("∅");
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable column"))
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(
                columns
                    .iter()
                    .map(|column| column.value(row).to_string())
                    .collect(),
            );
        }
    }
    rows
}

async fn import_with(name: &str, bytes: &[u8], overrides: &Overrides) -> Result<Done, Error> {
    ingest::set_worker_binary(env!("CARGO_BIN_EXE_clean-custard"));
    let dir = tempfile::tempdir().expect("a temp folder");
    let original = dir.path().join("original");
    std::fs::write(&original, bytes).expect("the original");
    let out = dir.path().join("out");
    std::fs::create_dir(&out).expect("the output folder");
    let result = ingest::import(&original, name, &out, overrides, &limits()).await;
    if result.is_err() {
        let left: Vec<_> = std::fs::read_dir(&out).expect("the folder").flatten().collect();
        assert!(left.is_empty(), "a failed import leaves nothing: {left:?}");
    }
    result.map(|import| Done { dir, import })
}

async fn import(name: &str, bytes: impl AsRef<[u8]>) -> Done {
    match import_with(name, bytes.as_ref(), &Overrides::default()).await {
        Ok(done) => done,
        Err(error) => panic!("{name}: {error}"),
    }
}

async fn refusal(name: &str, bytes: impl AsRef<[u8]>) -> String {
    match import_with(name, bytes.as_ref(), &Overrides::default()).await {
        Err(Error::Invalid(message)) => message,
        Err(other) => panic!("{name}: {other:?}"),
        Ok(done) => panic!("{name} gave {:?}", done.rows()),
    }
}
