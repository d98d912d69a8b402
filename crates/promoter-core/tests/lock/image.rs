//! Image references, held against the grammar of the distribution project.

use promoter_core::{ImageRef, PinnedImage, Repository};
use promoter_testkit::golden;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    references: Vec<String>,
}

#[test]
fn references_print_in_their_canonical_form_or_say_what_is_wrong() {
    golden("image/*.yaml", |case: Case| {
        let line = |text: &String| match text.parse::<ImageRef>() {
            Ok(image) => {
                let again: ImageRef = image.to_string().parse().unwrap();
                assert_eq!(again, image, "the canonical form of {text:?} means something else");
                format!("{text} = {image}\n")
            }
            Err(error) => format!("{text:?}: {error}\n"),
        };
        case.references.iter().map(line).collect()
    });
}

#[test]
fn a_repository_takes_no_tag_and_a_pin_needs_a_digest() {
    assert_eq!("nginx".parse::<Repository>().unwrap().to_string(), "docker.io/library/nginx");
    assert!("nginx:1".parse::<Repository>().is_err());
    assert!("nginx:1".parse::<PinnedImage>().is_err());
    let pin = format!("localhost:5000/web:1@sha256:{}", "0".repeat(64));
    assert_eq!(pin.parse::<PinnedImage>().unwrap().to_string(), pin);
}
