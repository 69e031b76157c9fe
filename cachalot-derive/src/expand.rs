use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::{
    attr::{KeyColumn, Table},
    model::Model,
};

pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let Model {
        name,
        generics,
        krate,
        attributes,
        tables: own,
    } = model;
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let others = attributes.depends_on.iter().flat_map(|(_, tables)| tables);
    let tables = own.iter().chain(others).map(sql_name);
    let text = name.to_string();
    let ttl = match &attributes.ttl {
        Some((_, ttl)) => {
            let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
            quote!(::core::option::Option::Some(#millis))
        }
        None => quote!(::core::option::Option::None),
    };
    let uncacheable = attributes.uncacheable.is_some();
    let columns = attributes.keys.iter().flat_map(|(_, columns)| columns);
    let keys = columns.map(|column| column_name(column, own.first()));
    quote! {
        #[allow(deprecated)] // the model may be deprecated
        const _: () = {
            // An import, so that a wrong path causes one error instead of one per use.
            use #krate as __cachalot;

            // Outside the `impl`, as `Policy` needs it without generic parameters.
            fn tables() -> &'static [&'static str] {
                static TABLES: __cachalot::__private::Tables = __cachalot::__private::Tables::new();
                TABLES.get(|| ::std::vec![#(#tables),*])
            }

            #[automatically_derived]
            impl #impl_generics __cachalot::Cacheable for #name #ty_generics #where_clause {
                fn tables() -> &'static [&'static str] {
                    tables()
                }
            }

            __cachalot::__private::inventory::submit! {
                __cachalot::__private::Policy::new(
                    #text, tables, #ttl, #uncacheable, &[#(#keys),*]
                )
            }
        };
    }
}

/// A constant expression for a column's name. Errors point at the column.
fn column_name(column: &KeyColumn, table: Option<&Table>) -> TokenStream {
    match (column, table) {
        (KeyColumn::Field(column), Some(Table::Module(path))) => {
            quote_spanned!(column.span()=> __cachalot::__private::key_name::<#path::#column>())
        }
        (KeyColumn::Field(column), _) => {
            let name = column.to_string();
            quote!(#name)
        }
        (KeyColumn::Name(name), _) => quote!(#name),
    }
}

/// An expression for a table's name. Errors point at the module's path, or at the type from whose name
/// it was inferred.
fn sql_name(table: &Table) -> TokenStream {
    match table {
        Table::Name(name) => quote!(__cachalot::__private::written(#name)),
        Table::Module(path) => {
            // The span of the last segment: spans of several tokens may not be joinable.
            let Some(last) = path.segments.last() else {
                return TokenStream::new();
            };
            quote_spanned!(last.ident.span()=> __cachalot::__private::sql_name::<#path::table>())
        }
    }
}
