//! What the rooms may not hold: `unsafe` belongs to the Python room alone, and the compiler is told so.

mod support;

use std::path::{Path, PathBuf};
use support::reached;

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory of sources").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// How often a word stands in a source, as a word.
fn count(source: &str, word: &str) -> usize {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let alone = |at: usize| {
        let before = at.checked_sub(1).map(|at| source.as_bytes()[at]);
        let after = source.as_bytes().get(at + word.len()).copied();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    };
    source.match_indices(word).filter(|(at, _)| alone(*at)).count()
}

#[test]
fn nothing_is_unsafe_outside_the_python_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let python = root.join("python");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (inside, outside): (Vec<_>, Vec<_>) = sources(&root).into_iter().partition(|path| path.starts_with(&python));
    for path in &outside {
        assert_eq!(count(&read(path), "unsafe"), 0, "{}", path.display());
    }
    // The count can find what it looks for.
    assert!(inside.iter().map(|path| count(&read(path), "unsafe")).sum::<usize>() > 0);
    let mut forbidden = 0;
    for room in
        std::fs::read_dir(&root).expect("the sources").map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir())
    {
        if room != python {
            let text = read(&room.join("mod.rs"));
            assert!(text.lines().any(|line| line == "#![forbid(unsafe_code)]"), "{}", room.display());
            forbidden += 1;
        }
    }
    assert_eq!(forbidden, 3, "bytes, waiting and the test doubles");
    reached(
        "G27",
        "files without `unsafe` outside the Python room, in rooms that forbid it",
        &format!("{} of {}", outside.len(), outside.len()),
    );
}
