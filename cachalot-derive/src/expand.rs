use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::{attr::Table, model::Model};

pub(crate) fn expand(model: &Model<'_>) -> TokenStream {
    let Model {
        name,
        generics,
        krate,
        attributes,
        ..
    } = model;
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let own = table(model, &model.table);
    let others = attributes
        .depends_on
        .iter()
        .flat_map(|(_, tables)| tables)
        .map(|other| table(model, other));
    let text = name.to_string();
    let ttl = match &attributes.ttl {
        Some((_, ttl)) => {
            let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
            quote!(::core::option::Option::Some(#millis))
        }
        None => quote!(::core::option::Option::None),
    };
    let uncacheable = attributes.uncacheable.is_some();
    quote! {
        const _: () = {
            // Not in the implementation: a generic one could not have a registration of its own.
            fn tables() -> &'static [&'static str] {
                static TABLES: #krate::__private::Tables = #krate::__private::Tables::new();
                TABLES.get(|| ::std::vec![#own #(, #others)*])
            }

            #[automatically_derived]
            impl #impl_generics #krate::Cacheable for #name #ty_generics #where_clause {
                fn tables() -> &'static [&'static str] {
                    tables()
                }
            }

            #krate::__private::inventory::submit! {
                #krate::__private::Policy::new(#text, tables, #ttl, #uncacheable)
            }
        };
    }
}

/// An expression of a table's SQL name. A module that is not there is blamed on the path, or on
/// the type from whose name it was inferred.
fn table(model: &Model<'_>, table: &Table) -> TokenStream {
    let krate = &model.krate;
    match table {
        Table::Name(name) => name.to_token_stream(),
        Table::Module(path) => {
            let span = if path.segments.len() > 1 {
                path.span()
            } else {
                model_span(model, path)
            };
            quote_spanned!(span=> #krate::__private::sql_name::<#path::table>())
        }
    }
}

fn model_span(model: &Model<'_>, path: &syn::Path) -> proc_macro2::Span {
    path.segments
        .last()
        .map_or_else(|| model.span(), |segment| segment.ident.span())
}
