//! Images, freight and locks: cases below testdata/ and laws that hold for random values.

mod freight;
mod image;
mod laws;
mod text;
