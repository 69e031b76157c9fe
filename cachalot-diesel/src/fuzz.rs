//! Properties that must hold for any bytes. The fuzz targets in `fuzz/` check them with generated
//! input, the tests with the files in `fuzz/corpus`.

pub use crate::entries::fuzz_checks::{entry, record};

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// Checks every file of a target's corpus.
    fn check_corpus(target: &str, check: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../fuzz/corpus")
            .join(target);
        let mut count = 0;
        for file in fs::read_dir(&folder).expect("the corpus is there") {
            let path = file.unwrap().path();
            eprintln!("{}", path.display());
            check(&fs::read(path).unwrap());
            count += 1;
        }
        assert!(count >= 20, "{count} files in {}", folder.display());
    }

    #[test]
    fn x04_the_corpus_of_entries_holds() {
        check_corpus("entry", super::entry);
    }

    #[test]
    fn x04_the_corpus_of_records_holds() {
        check_corpus("record", super::record);
    }
}
