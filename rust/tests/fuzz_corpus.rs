//! Replays the fuzz corpus in the ordinary run.

#[path = "../fuzz/src/targets.rs"]
mod targets;

use std::path::Path;

#[test]
fn the_fuzz_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in targets::ALL {
        let directory = corpus.join(name);
        let mut replayed = 0;
        for entry in std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path = entry.expect("a directory can be listed").path();
            let input = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            println!("{}", path.display());
            target(&input);
            replayed += 1;
        }
        assert!(replayed >= 10, "{name}: a corpus of {replayed} inputs");
    }
}
