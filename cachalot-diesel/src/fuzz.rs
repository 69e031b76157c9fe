//! What must hold of any bytes at all. The fuzz targets in `fuzz/` call these functions with bytes of
//! their own, and the tests with those in `fuzz/corpus`.

pub use crate::{
    entries::any_bytes::{entry, record},
    statement::any_text::analysis,
};

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// Every file of a target's corpus, through the target.
    fn each(target: &str, check: fn(&[u8])) {
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
    fn the_corpus_of_the_analysis_holds() {
        each("analysis", super::analysis);
    }

    #[test]
    fn x04_the_corpus_of_entries_holds() {
        each("entry", super::entry);
    }

    #[test]
    fn x04_the_corpus_of_records_holds() {
        each("record", super::record);
    }
}
