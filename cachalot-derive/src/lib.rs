//! `#[derive(Cacheable)]` of [cachalot-diesel](https://docs.rs/cachalot-diesel), which re-exports it
//! and documents it at its trait `Cacheable`.
//!
//! The path of an input: `attr` reads the attributes, `model` puts them together, `check`
//! finds what does not go together, `expand` writes the code. Every mistake is reported at once,
//! each at its own place; `fallback` then keeps one mistake from causing others.
#![forbid(unsafe_code)]

mod attr;
mod check;
mod errors;
mod expand;
mod fallback;
mod model;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Registers a model's table and its settings; see the trait of the same name.
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
