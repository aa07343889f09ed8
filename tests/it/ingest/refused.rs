//! Broken files and broken limits end in a sentence; nothing and nobody is left behind.

use std::path::Path;
use std::time::Duration;

use clean_custard::error::Error;
use clean_custard::ingest::{self, ImportLimits, Overrides};

use super::*;

#[tokio::test]
async fn broken_files_are_told_where() {
    for (name, bytes, words) in [
        ("a.csv", &b"a,b\n1,2\n3,\"open\n4,5\n"[..], "line 3, column 3"),
        ("a.json", b"[{\"a\":1},\n {\"a\":}]", "line 2, column 7"),
        ("a.json", b"[{\"a\":1},\n {\"a\":2}", "line 2, column 2"),
        ("a.json", b"[{\"a\":1}] x", "line 1, column 11"),
        ("a.ndjson", b"{\"a\":1}\n{\"a\" 2}\n", "line 2"),
        ("a.csv", b"", "empty"),
        ("a.csv", b" \n\n", "empty"),
        ("a.csv", b"%PDF-1.7\n...", "PDF"),
        ("a.csv", b"\xFF\xD8\xFF\xE0\0\x10JFIF", "JPEG"),
        ("a.csv", b"\0\x01\x02\x03binary\0\0", "not text"),
        ("a.parquet", b"PAR1 but nothing else", "Parquet"),
        ("a.arrow", b"ARROW1\0\0 but nothing else", "Arrow"),
        ("a.parquet", b"a,b\n1,2\n", "named as a Parquet file"),
        ("a.xlsx", b"a,b\n1,2\n", "named as an Excel workbook"),
        ("a.html", b"<!DOCTYPE html><html></html>", "web page"),
        ("a.json", b"[]", "no records"),
    ] {
        let message = refusal(name, bytes).await;
        assert!(message.contains(words), "{name}: {message}");
        assert!(message.ends_with('.'), "{message}");
    }
}

#[tokio::test]
async fn limits_end_an_import_with_a_sentence() {
    ingest::set_worker_binary(env!("CARGO_BIN_EXE_clean-custard"));
    let dir = tempfile::tempdir().expect("a temp folder");
    let original = dir.path().join("big.csv");
    let mut text = "a,b\n".to_owned();
    for n in 0..400_000 {
        text.push_str(&format!("{n},some words that take up room {n}\n"));
    }
    std::fs::write(&original, text).expect("a file");
    for (memory_bytes, time, words) in [
        (24 << 20, Duration::from_secs(60), "memory"),
        (1 << 30, Duration::from_millis(1), "longer than"),
    ] {
        let out = dir.path().join(words);
        std::fs::create_dir(&out).expect("a folder");
        let limits = ImportLimits { memory_bytes, time };
        let error = ingest::import(&original, "big.csv", &out, &Overrides::default(), &limits)
            .await
            .expect_err("too little");
        assert!(error.to_string().contains(words), "{error:?}");
        assert!(
            matches!(error, Error::TooLarge(_) | Error::Timeout(_)),
            "{error:?}"
        );
    }
}

/// Processes whose parent we are and that work on this folder.
fn workers_on(dir: &Path) -> usize {
    let wanted = dir.display().to_string();
    std::fs::read_dir("/proc")
        .expect("Linux")
        .flatten()
        .filter(|entry| {
            std::fs::read_dir(entry.path().join("fd")).is_ok_and(|fds| {
                fds.flatten().any(|fd| {
                    std::fs::read_link(fd.path())
                        .is_ok_and(|to| to.display().to_string().starts_with(&wanted))
                })
            })
        })
        .count()
}

#[tokio::test]
async fn a_dropped_import_stops_its_worker() {
    ingest::set_worker_binary(env!("CARGO_BIN_EXE_clean-custard"));
    let dir = tempfile::tempdir().expect("a temp folder");
    let original = dir.path().join("big.csv");
    let mut text = "a,b,c\n".to_owned();
    for n in 0..1_500_000 {
        text.push_str(&format!("{n},words {n},{n}.5\n"));
    }
    std::fs::write(&original, text).expect("a file");
    let out = dir.path().join("out");
    std::fs::create_dir(&out).expect("a folder");
    let (limits, overrides) = (limits(), Overrides::default());
    {
        let running = ingest::import(&original, "big.csv", &out, &overrides, &limits);
        tokio::pin!(running);
        let started = async {
            while workers_on(dir.path()) == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            done = &mut running => panic!("it was over before it could be stopped: {:?}", done.map(|_| ())),
            () = started => {}
        }
    }
    tokio::time::timeout(Duration::from_secs(20), async {
        while workers_on(dir.path()) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the worker ends");
    assert!(!out.join("table-0.parquet").exists(), "nothing finished was left");
}
