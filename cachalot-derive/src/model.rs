use proc_macro2::Span;
use syn::{Data, DeriveInput, Generics, Ident, Path, parse_quote};

use crate::{
    attr::{Attributes, Table},
    errors::Errors,
};

/// All that the derive knows of a type.
pub(crate) struct Model<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) attributes: Attributes,
    /// The type's own table.
    pub(crate) table: Table,
    /// Where `cachalot_diesel` is.
    pub(crate) krate: Path,
}

impl<'a> Model<'a> {
    pub(crate) fn of(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        if !matches!(input.data, Data::Struct(_)) {
            errors.at(
                &input.ident,
                format!(
                    "`Cacheable` can only be derived for structs, and `{}` is none",
                    input.ident
                ),
                "derive it for the struct that a table's rows are loaded into",
            );
        }
        let attributes = Attributes::of(&input.attrs, errors);
        let table = match (&attributes.table, &attributes.table_name) {
            (Some((_, name)), _) => Table::Name(name.clone()),
            (None, Some((_, path))) => Table::Module(path.clone()),
            (None, None) => {
                Table::Module(Ident::new(&inferred(&input.ident), input.ident.span()).into())
            }
        };
        let krate = match &attributes.krate {
            Some((_, path)) => path.clone(),
            None => parse_quote!(::cachalot_diesel),
        };
        Self {
            name: &input.ident,
            generics: &input.generics,
            attributes,
            table,
            krate,
        }
    }

    /// The place to blame for the table.
    pub(crate) fn span(&self) -> Span {
        self.name.span()
    }
}

/// Diesel's own rule: snake case and an `s`.
fn inferred(name: &Ident) -> String {
    let mut table = String::new();
    for letter in name.to_string().trim_start_matches("r#").chars() {
        if letter.is_uppercase() {
            if !table.is_empty() {
                table.push('_');
            }
            table.extend(letter.to_lowercase());
        } else {
            table.push(letter);
        }
    }
    table.push('s');
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_inferred_as_diesel_does() {
        for (name, table) in [("User", "users"), ("BlogPost", "blog_posts"), ("a", "as")] {
            assert_eq!(inferred(&Ident::new(name, Span::call_site())), table);
        }
    }
}
