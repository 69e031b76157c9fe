use crate::{attr::Table, errors::Errors, model::Model};

/// Checks that the attributes are consistent.
pub(crate) fn check(model: &Model<'_>, errors: &mut Errors) {
    let attributes = &model.attributes;
    if let (Some((ttl, _)), Some(_)) = (&attributes.ttl, &attributes.uncacheable) {
        errors.at(
            ttl,
            "`ttl` has no effect together with `uncacheable`",
            "remove one of the two",
        );
    }
    for path in attributes.table_names.iter().skip(1) {
        errors.at(path, "duplicate key `table_name`", "remove one of them");
    }
    let others = attributes.depends_on.iter().flat_map(|(_, tables)| tables);
    for table in model.tables.iter().chain(others) {
        if let Table::Name(name) = table {
            let text = name.value();
            let error = if text.trim().is_empty() {
                "empty table name"
            } else if text.contains('\0') {
                "table name with a zero byte"
            } else {
                continue;
            };
            errors.at(name, error, "write the SQL name, like \"users\"");
        }
    }
}
