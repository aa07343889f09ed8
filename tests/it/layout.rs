//! The map of the house in `src/lib.rs` is true: modules import only downwards, and every file says its job.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// A module's place on the map: its floor, and its line on the page.
#[derive(Debug, Clone, Copy)]
struct Place {
    floor: u32,
    line: usize,
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Reads the map from the crate's documentation, so that there is no second one to forget.
fn map() -> BTreeMap<String, Place> {
    let lib = fs::read_to_string(src().join("lib.rs")).unwrap();
    let places: BTreeMap<String, Place> = lib
        .lines()
        .enumerate()
        .filter_map(|(line, text)| {
            let mut words = text.strip_prefix("//! ")?.split_whitespace();
            let floor = words.next()?.parse().ok()?;
            Some((words.next()?.to_owned(), Place { floor, line }))
        })
        .collect();
    assert!(
        places.len() > 10,
        "the map in src/lib.rs was not found: {places:?}"
    );
    places
}

/// Every Rust file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The module of the map that a file belongs to.
fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(src()).unwrap();
    let first = Path::new(inside.components().next().unwrap().as_os_str());
    first.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The modules named by `crate::…` in a line of code, also inside braces: `use crate::{error, id}`.
fn imports(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(list) => list.trim_end_matches([';', '}']).split(',').collect(),
            None => vec![rest],
        };
        found.extend(names.iter().map(|name| {
            let name = name.trim_start();
            let end = name.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            name[..end.unwrap_or(name.len())].to_owned()
        }));
    }
    found
}

/// The API's document knows a type by its name alone: of two with the same name, one would be described as the
/// other.
#[test]
fn every_type_of_the_api_has_a_name_of_its_own() {
    let derived = Regex::new(
        r"#\[derive\([^\]]*ToSchema[^\]]*\)\](?<between>(?:\s*(?:#\[[^\n]*\]|///[^\n]*))*)\s*pub(?:\([a-z]+\))? (?:struct|enum) (?<name>\w+)",
    )
    .unwrap();
    let renamed = Regex::new(r"schema\(as = (\w+)").unwrap();
    let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut twice = Vec::new();
    for file in files(&src()) {
        let text = fs::read_to_string(&file).unwrap();
        for found in derived.captures_iter(&text) {
            let name = match renamed.captures(&found["between"]) {
                Some(other) => other[1].to_owned(),
                None => found["name"].to_owned(),
            };
            if let Some(before) = seen.insert(name.clone(), file.clone()) {
                twice.push(format!("{name}: {} and {}", before.display(), file.display()));
            }
        }
    }
    assert!(seen.len() > 150, "the types were not found: {}", seen.len());
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}

#[test]
fn modules_import_only_what_lies_below_them() {
    let map = map();
    let mut wrong = Vec::new();
    for file in files(&src()) {
        let module = module_of(&file);
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(here) = map.get(&module) else {
            wrong.push(format!("`{module}` is not on the map in src/lib.rs"));
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            for import in imports(line) {
                let Some(there) = map.get(&import).filter(|_| import != module) else {
                    continue;
                };
                let neighbours = [module.as_str(), import.as_str()];
                let strangers = neighbours.contains(&"server") && neighbours.contains(&"agent");
                if strangers || (there.floor, there.line) > (here.floor, here.line) {
                    let file = file.strip_prefix(src()).unwrap().display();
                    wrong.push(format!(
                        "src/{file}:{}: `{module}` imports `{import}`",
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the map in src/lib.rs:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_module_of_the_map_exists() {
    for module in map().keys() {
        let file = src().join(format!("{module}.rs"));
        let folder = src().join(module).join("mod.rs");
        assert!(
            file.exists() || folder.exists(),
            "`{module}` is on the map but not in src/"
        );
    }
}

#[test]
fn every_file_says_its_job() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let silent: Vec<PathBuf> = [root.join("src"), root.join("tests")]
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//! "))
        .collect();
    assert!(
        silent.is_empty(),
        "these files do not open with `//! `: {silent:?}"
    );
}

#[test]
fn imports_are_found_in_every_form() {
    assert_eq!(imports("use crate::error::{Error, Result};"), ["error"]);
    assert_eq!(imports("use crate::{error::Error, id};"), ["error", "id"]);
    assert_eq!(imports("    let x = crate::agent::run(config);"), ["agent"]);
    assert_eq!(imports("// use crate::server;"), Vec::<String>::new());
}
