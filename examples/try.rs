fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args[1] == "worker" {
        std::process::exit(clean_custard::ingest::worker());
    }
    let rt = tokio::runtime::Runtime::new().unwrap();
    for file in &args[1..] {
        let dir = tempfile::tempdir().unwrap();
        let t = std::time::Instant::now();
        let limits = clean_custard::ingest::ImportLimits {
            memory_bytes: 1536 * 1024 * 1024,
            time: std::time::Duration::from_secs(600),
        };
        let r = rt.block_on(clean_custard::ingest::import(
            std::path::Path::new(file),
            file,
            dir.path(),
            &Default::default(),
            &limits,
        ));
        match r {
            Ok(i) => {
                println!("OK {file} {:?}", t.elapsed());
                for t in &i.tables {
                    println!(
                        "  {} rows {} odd {} {:?} {:?} q{:?} header {}",
                        t.table.name,
                        t.report.row_count,
                        t.report.odd_row_count,
                        t.report.encoding,
                        t.report.delimiter,
                        t.report.quote,
                        t.report.header
                    );
                    if std::env::var_os("V").is_some() {
                        for (c, k) in t.report.columns.iter().zip(&t.table.columns) {
                            println!(
                                "    {} [{}] {} | {} nulls {} unp {:?} distinct {:?} min {:?} max {:?} values {:?} {}",
                                c.name,
                                c.original_name,
                                c.type_name,
                                c.decided,
                                c.nulls,
                                c.unparsed,
                                k.distinct_estimate,
                                k.min,
                                k.max,
                                k.values.iter().take(5).collect::<Vec<_>>(),
                                k.values_complete
                            );
                        }
                        println!(
                            "    pk {:?} unique {:?} odd {:?}",
                            t.table.primary_key, t.table.unique, t.report.odd_rows
                        );
                    }
                }
            }
            Err(e) => println!("ERR {file} {e}"),
        }
    }
}
