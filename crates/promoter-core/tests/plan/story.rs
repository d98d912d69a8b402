//! Stories: what people and the world do, line by line, and what the controller does about it.

use promoter_core::sim::story::play;
use promoter_testkit::golden_text;

#[test]
fn stories() {
    golden_text("story/*.txt", |path, text| match play(&path.to_string_lossy(), text) {
        Ok(transcript) => transcript.to_string(),
        Err(error) => panic!("{}", error.diagnosis()),
    });
}
