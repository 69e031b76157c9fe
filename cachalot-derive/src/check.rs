use crate::{
    attr::{KeyColumn, Table},
    errors::Errors,
    model::Model,
};

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
    if let (Some((keys, _)), Some(_)) = (&attributes.keys, &attributes.uncacheable) {
        errors.at(
            keys,
            "`keys` has no effect together with `uncacheable`",
            "remove one of the two",
        );
    }
    for column in attributes.keys.iter().flat_map(|(_, columns)| columns) {
        match column {
            KeyColumn::Name(name) if name.value().trim().is_empty() => errors.at(
                name,
                "empty column name",
                "write the SQL name, like \"user_id\"",
            ),
            KeyColumn::Field(name) if matches!(model.tables.first(), Some(Table::Name(_))) => {
                errors.at(
                    name,
                    "the columns of a table in quotes are in quotes too",
                    "write the SQL name, like `keys(\"user_id\")`",
                )
            }
            _ => {}
        }
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
