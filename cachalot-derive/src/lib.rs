//! `#[derive(Cacheable)]` of [cachalot-diesel](https://docs.rs/cachalot-diesel), which re-exports it.
//! The documentation is at its trait `Cacheable`.
//!
//! `attr` parses the attributes, `model` collects them, `check` finds inconsistencies, and `expand`
//! generates the code. All errors are reported at once, each with its span; `fallback` then generates
//! code that causes no further errors.
#![forbid(unsafe_code)]

mod attr;
mod check;
mod errors;
mod expand;
mod fallback;
mod model;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Registers the cache settings of a model's table; see the trait of the same name.
#[proc_macro_derive(Cacheable, attributes(cachalot, diesel))]
pub fn derive_cacheable(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = errors::Errors::default();
    let model = model::Model::of(&input, &mut errors);
    check::check(&model, &mut errors);
    match errors.finish() {
        Ok(()) => expand::expand(&model),
        Err(error) => fallback::fallback(&model, &error),
    }
    .into()
}
