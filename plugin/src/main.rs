//! The command line of the plugin.

fn main() {}
