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
    for path in attributes.table_names.iter().skip(1) {
        errors.at(path, "`table_name` is said twice", "leave one out");
    }
    let others = attributes.depends_on.iter().flat_map(|(_, tables)| tables);
    for table in model.tables.iter().chain(others) {
        if let Table::Name(name) = table {
            let text = name.value();
            let mistake = if text.trim().is_empty() {
                "a table's name is empty"
            } else if text.contains('\0') {
                "no table's name has a zero byte"
            } else {
                continue;
            };
            errors.at(name, mistake, "write its SQL name, like \"users\"");
        }
    }
}
