//! Starts the command that was asked for.

fn main() {
    std::process::exit(clean_custard::cli::main());
}
