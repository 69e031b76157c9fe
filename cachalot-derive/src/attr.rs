//! Parses `#[cachalot(…)]`, and `table_name` of `#[diesel(…)]`.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Ident, LitStr, Path, Token,
    ext::IdentExt,
    parenthesized,
    parse::{ParseStream, Parser},
    token,
};

use crate::errors::{Errors, with_help};

// The correct forms, for the help lines.
pub(crate) const KEYS: &str = "the keys are `ttl = \"10m\"`, `table = \"name\"`, `depends_on(a, b)`, `keys(a, b)`, `uncacheable` and `crate = path`";
const TTL: &str = "write a number and a unit, like `ttl = \"10m\"` or `ttl = \"1h 30m\"`; `ttl = \"0s\"` sets no limit";
const DEPENDS_ON: &str =
    "name tables, like `depends_on(users, crate::schema::posts)` or `depends_on(\"a_view\")`";
const KEY_COLUMNS: &str =
    "name columns of the table, like `keys(user_id, slug)` or `keys(\"user_id\")`";
const TABLE: &str = "write the SQL name in quotes, like `table = \"users\"`";
const CRATE: &str = "write a path, like `crate = my_crate::cachalot_diesel`";
const TABLE_NAME: &str =
    "write the path of the `table!` module, like `table_name = crate::schema::users`";

/// A table: the path of a `table!` module, or an SQL name.
pub(crate) enum Table {
    Module(Path),
    Name(LitStr),
}

/// A column of the model's table: its name in the `table!` module, or an SQL name.
pub(crate) enum KeyColumn {
    Field(Ident),
    Name(LitStr),
}

/// The attributes of a type. Each `Ident` is the key, for its span.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) ttl: Option<(Ident, Duration)>,
    pub(crate) table: Option<(Ident, LitStr)>,
    pub(crate) depends_on: Option<(Ident, Vec<Table>)>,
    pub(crate) keys: Option<(Ident, Vec<KeyColumn>)>,
    pub(crate) uncacheable: Option<Ident>,
    pub(crate) krate: Option<(Ident, Path)>,
    /// One for each `table_name`.
    pub(crate) table_names: Vec<Path>,
}

impl Attributes {
    pub(crate) fn of(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        for attribute in attributes {
            let parsed = if attribute.path().is_ident("cachalot") {
                match &attribute.meta {
                    syn::Meta::List(list) if list.tokens.is_empty() => Err(
                        syn::Error::new_spanned(list, with_help("`#[cachalot()]` is empty", KEYS)),
                    ),
                    syn::Meta::List(list) => {
                        (|input: ParseStream<'_>| this.cachalot(input, errors))
                            .parse2(list.tokens.clone())
                    }
                    meta => Err(syn::Error::new_spanned(
                        meta,
                        with_help("`#[cachalot]` needs keys in parentheses", KEYS),
                    )),
                }
            } else if attribute.path().is_ident("diesel") {
                match &attribute.meta {
                    syn::Meta::List(list) => {
                        (|input: ParseStream<'_>| this.diesel(input)).parse2(list.tokens.clone())
                    }
                    // Diesel's own derives report this.
                    _ => Ok(()),
                }
            } else {
                Ok(())
            };
            if let Err(error) = parsed {
                errors.push(error);
            }
        }
        this
    }

    /// After an error, continues with the next key if possible.
    fn cachalot(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        while !input.is_empty() {
            let key = input.call(Ident::parse_any).map_err(|error| {
                syn::Error::new(error.span(), with_help("expected a key", KEYS))
            })?;
            if let Err(error) = self.key(&key, input) {
                errors.push(error);
                skip_to_comma(input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }

    fn key(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "ttl" => {
                let text = text_after(key, input, TTL)?;
                let ttl = humantime::parse_duration(&text.value()).map_err(|error| {
                    let message = format!("invalid duration `{}`: {error}", text.value());
                    syn::Error::new_spanned(&text, with_help(message, TTL))
                })?;
                // Stored in milliseconds, so it would become zero, which sets no limit.
                if !ttl.is_zero() && ttl.as_millis() == 0 {
                    let message = format!("`{}` is less than a millisecond", text.value());
                    return Err(syn::Error::new_spanned(&text, with_help(message, TTL)));
                }
                put(&mut self.ttl, key, ttl)
            }
            "table" => {
                let name = text_after(key, input, TABLE)?;
                put(&mut self.table, key, name)
            }
            "depends_on" => {
                let tables = tables_after(key, input)?;
                put(&mut self.depends_on, key, tables)
            }
            "keys" => {
                let columns = keys_after(key, input)?;
                put(&mut self.keys, key, columns)
            }
            "uncacheable" => {
                if !input.is_empty() && !input.peek(Token![,]) {
                    let help = "write just `uncacheable`";
                    return Err(input.error(with_help("`uncacheable` takes no value", help)));
                }
                match self.uncacheable.replace(key.clone()) {
                    Some(_) => Err(duplicate(key)),
                    None => Ok(()),
                }
            }
            "crate" => {
                let missing = || with_help("`crate` needs a path", CRATE);
                input
                    .parse::<Token![=]>()
                    .map_err(|_| syn::Error::new_spanned(key, missing()))?;
                let path = input
                    .call(Path::parse_mod_style)
                    .map_err(|error| syn::Error::new(error.span(), missing()))?;
                put(&mut self.krate, key, path)
            }
            other => Err(syn::Error::new_spanned(
                key,
                with_help(format!("unknown key `{other}`"), KEYS),
            )),
        }
    }

    /// Reads `table_name` and skips all other keys, as Diesel's own derives do.
    fn diesel(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        while !input.is_empty() {
            if input.peek(Ident::peek_any) {
                let key = input.call(Ident::parse_any)?;
                if key == "table_name" {
                    self.table_names.push(table_name_after(&key, input)?);
                }
            }
            skip_to_comma(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }
}

fn put<T>(slot: &mut Option<(Ident, T)>, key: &Ident, value: T) -> syn::Result<()> {
    match slot.replace((key.clone(), value)) {
        Some(_) => Err(duplicate(key)),
        None => Ok(()),
    }
}

fn duplicate(key: &Ident) -> syn::Error {
    syn::Error::new_spanned(
        key,
        with_help(format!("duplicate key `{key}`"), "remove one of them"),
    )
}

fn text_after(key: &Ident, input: ParseStream<'_>, help: &str) -> syn::Result<LitStr> {
    let missing = || with_help(format!("`{key}` needs a value in quotes"), help);
    input
        .parse::<Token![=]>()
        .map_err(|_| syn::Error::new_spanned(key, missing()))?;
    input
        .parse()
        .map_err(|error: syn::Error| syn::Error::new(error.span(), missing()))
}

fn tables_after(key: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Table>> {
    if !input.peek(token::Paren) {
        let message = with_help("`depends_on` needs tables in parentheses", DEPENDS_ON);
        return Err(syn::Error::new_spanned(key, message));
    }
    let content;
    parenthesized!(content in input);
    let tables = tables_in(&content).inspect_err(|_| {
        // Unread tokens would cause a second error.
        let _ = content.parse::<TokenStream>();
    })?;
    if tables.is_empty() {
        let message = with_help("`depends_on` is empty", DEPENDS_ON);
        return Err(syn::Error::new_spanned(key, message));
    }
    Ok(tables)
}

fn tables_in(content: ParseStream<'_>) -> syn::Result<Vec<Table>> {
    let mut tables = Vec::new();
    while !content.is_empty() {
        if content.peek(LitStr) {
            tables.push(Table::Name(content.parse()?));
        } else {
            match content.call(Path::parse_mod_style) {
                Ok(path) => tables.push(Table::Module(path)),
                Err(error) => {
                    // Unread tokens would cause a second error.
                    content.parse::<TokenStream>()?;
                    let message = with_help("expected a path or a name in quotes", DEPENDS_ON);
                    return Err(syn::Error::new(error.span(), message));
                }
            }
        }
        if !content.is_empty() {
            content.parse::<Token![,]>().map_err(|error| {
                let message = with_help("expected `,` between tables", DEPENDS_ON);
                syn::Error::new(error.span(), message)
            })?;
        }
    }
    Ok(tables)
}

fn keys_after(key: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<KeyColumn>> {
    if !input.peek(token::Paren) {
        let message = with_help("`keys` needs columns in parentheses", KEY_COLUMNS);
        return Err(syn::Error::new_spanned(key, message));
    }
    let content;
    parenthesized!(content in input);
    let columns = keys_in(&content).inspect_err(|_| {
        // Unread tokens would cause a second error.
        let _ = content.parse::<TokenStream>();
    })?;
    if columns.is_empty() {
        let message = with_help("`keys` is empty", KEY_COLUMNS);
        return Err(syn::Error::new_spanned(key, message));
    }
    Ok(columns)
}

fn keys_in(content: ParseStream<'_>) -> syn::Result<Vec<KeyColumn>> {
    let mut columns = Vec::new();
    while !content.is_empty() {
        if content.peek(LitStr) {
            columns.push(KeyColumn::Name(content.parse()?));
        } else {
            let column = content.call(Ident::parse_any).map_err(|error| {
                let message = with_help("expected a column or a name in quotes", KEY_COLUMNS);
                syn::Error::new(error.span(), message)
            })?;
            columns.push(KeyColumn::Field(column));
        }
        if !content.is_empty() {
            content.parse::<Token![,]>().map_err(|error| {
                let message = with_help("expected `,` between columns", KEY_COLUMNS);
                syn::Error::new(error.span(), message)
            })?;
        }
    }
    Ok(columns)
}

fn table_name_after(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let missing = || with_help("`table_name` needs a path", TABLE_NAME);
    input
        .parse::<Token![=]>()
        .map_err(|_| syn::Error::new_spanned(key, missing()))?;
    input
        .call(Path::parse_mod_style)
        .map_err(|error| syn::Error::new(error.span(), missing()))
}

/// Skips a value, including the commas in its generics.
fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    // Unbalanced angle brackets are comparisons, not generics.
    let generics = skip(&input.fork(), true)?;
    skip(input, generics).map(drop)
}

/// Returns whether the angle brackets are balanced.
fn skip(input: ParseStream<'_>, generics: bool) -> syn::Result<bool> {
    let mut depth = 0_usize;
    while !input.is_empty() && (depth > 0 || !input.peek(Token![,])) {
        if let TokenTree::Punct(punct) = input.parse()? {
            match punct.as_char() {
                '<' if generics => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }
    Ok(depth == 0)
}
