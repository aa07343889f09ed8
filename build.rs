//! Rebuilds when a migration or the built UI changes: both are embedded.

fn main() {
    // Cargo can only watch what exists. The folder is git-ignored and stays empty until the UI is built.
    let _ = std::fs::create_dir_all("assets/ui/dist");
    println!("cargo:rerun-if-changed=assets/ui/dist");
    println!("cargo:rerun-if-changed=migrations");
}
