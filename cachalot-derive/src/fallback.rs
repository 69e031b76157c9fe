use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Model;

/// The errors, and a trivial implementation, so that uses of the model cause no further errors.
pub(crate) fn fallback(model: &Model<'_>, error: &syn::Error) -> TokenStream {
    let Model {
        name,
        generics,
        krate,
        ..
    } = model;
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let error = error.to_compile_error();
    quote! {
        #error

        #[allow(deprecated)]
        const _: () = {
            use #krate as __cachalot;

            #[automatically_derived]
            impl #impl_generics __cachalot::Cacheable for #name #ty_generics #where_clause {
                fn tables() -> &'static [&'static str] {
                    &[]
                }
            }
        };
    }
}
