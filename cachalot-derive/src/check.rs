use crate::{attr::Table, errors::Errors, model::Model};

/// What is right key by key and wrong together.
pub(crate) fn check(model: &Model<'_>, errors: &mut Errors) {
    let attributes = &model.attributes;
    if let (Some((ttl, _)), Some(_)) = (&attributes.ttl, &attributes.uncacheable) {
        errors.at(
            ttl,
            "`ttl` means nothing beside `uncacheable`",
            "leave one of the two out",
        );
    }
    let others = attributes.depends_on.iter().flat_map(|(_, tables)| tables);
    for table in std::iter::once(&model.table).chain(others) {
        if let Table::Name(name) = table {
            let text = name.value();
            if text.trim().is_empty() || text.contains('\0') {
                errors.at(
                    name,
                    "a table's name is empty",
                    "write its SQL name, like \"users\"",
                );
            }
        }
    }
}
