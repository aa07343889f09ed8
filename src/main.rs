//! Starts the command that was asked for.

use std::io::Write;

fn main() {
    let code = clean_custard::cli::main();
    // Threads of the pools may still be at work inside SQLite or OpenSSL. An ordinary exit would take these
    // libraries down under them (a crash once everything is done), so only the streams are finished here.
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    // SAFETY: `_exit` ends the process and touches no memory of it.
    unsafe { libc::_exit(code) }
}
