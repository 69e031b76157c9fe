use syn::{Data, DeriveInput, Generics, Ident, Path, parse_quote};

use crate::{
    attr::{Attributes, Table},
    errors::Errors,
};

/// The input of the derive.
pub(crate) struct Model<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) attributes: Attributes,
    /// The type's own table; several if `table_name` is duplicated.
    pub(crate) tables: Vec<Table>,
    /// The path of `cachalot_diesel`.
    pub(crate) krate: Path,
}

impl<'a> Model<'a> {
    pub(crate) fn of(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        if !matches!(input.data, Data::Struct(_)) {
            errors.at(
                &input.ident,
                format!(
                    "`Cacheable` can only be derived for structs, and `{}` is not a struct",
                    input.ident
                ),
                "derive it for the struct that the rows of a table are loaded into",
            );
        }
        if let Data::Struct(data) = &input.data {
            let of_fields = data.fields.iter().flat_map(|field| &field.attrs);
            for attribute in of_fields.filter(|attribute| attribute.path().is_ident("cachalot")) {
                errors.at(
                    attribute,
                    "`#[cachalot]` is not allowed on fields",
                    "write it above the struct",
                );
            }
        }
        let attributes = Attributes::of(&input.attrs, errors);
        let tables = match (&attributes.table, attributes.table_names.as_slice()) {
            (Some((_, name)), _) => vec![Table::Name(name.clone())],
            (None, []) => {
                let module = Ident::new(&inferred(&input.ident), input.ident.span());
                vec![Table::Module(module.into())]
            }
            (None, paths) => paths.iter().cloned().map(Table::Module).collect(),
        };
        let krate = match &attributes.krate {
            Some((_, path)) => path.clone(),
            None => parse_quote!(::cachalot_diesel),
        };
        Self {
            name: &input.ident,
            generics: &input.generics,
            attributes,
            tables,
            krate,
        }
    }
}

/// The table name that Diesel infers: snake case with an `s` appended.
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
    use proc_macro2::Span;

    use super::*;

    #[test]
    fn tables_are_inferred_as_in_diesel() {
        for (name, table) in [("User", "users"), ("BlogPost", "blog_posts"), ("a", "as")] {
            assert_eq!(inferred(&Ident::new(name, Span::call_site())), table);
        }
    }
}
