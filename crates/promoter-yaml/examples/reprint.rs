//! Prints the YAML of stdin as kustomize would print it: `reprint < manifests.yaml`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::io::{Read as _, stdin};

use promoter_yaml::{Dialect, Limits, emit_kustomize, parse_all};

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    stdin().read_to_string(&mut text)?;
    let mut out = String::new();
    for (number, document) in parse_all(&text, Dialect::Resource, &Limits::default())?.iter().enumerate() {
        if number > 0 {
            out.push_str("---\n");
        }
        emit_kustomize(document, &mut out)?;
    }
    print!("{out}");
    Ok(())
}
