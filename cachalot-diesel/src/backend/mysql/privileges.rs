//! Queries MySQL or MariaDB for the privileges that show triggers.

use std::collections::BTreeSet;

use diesel::{
    MysqlConnection, QueryResult, QueryableByName, RunQueryDsl,
    deserialize::{self, FromSql},
    mysql::Mysql,
    row::{Field, NamedRow, Row},
    sql_types::{BigInt, Nullable, Text},
};

use super::{
    NO_LIMIT,
    grants::{Grants, Privilege},
};

/// A line of MariaDB's `SHOW GRANTS`, whose only column is named after the account.
struct Grant(String);

impl QueryableByName<Mysql> for Grant {
    fn build<'a>(row: &impl NamedRow<'a, Mysql>) -> deserialize::Result<Self> {
        let field = Row::get(row, 0).ok_or("a grant without a column")?;
        let line = FromSql::<Text, Mysql>::from_nullable_sql(field.value())?;
        Ok(Self(line))
    }
}

#[derive(QueryableByName)]
struct PartialRevokes {
    #[diesel(sql_type = BigInt)]
    partial_revokes: i64,
}

/// An active role.
#[derive(QueryableByName)]
struct EnabledRole {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Nullable<Text>)]
    role_host: Option<String>,
}

/// A role that was granted to the account, or to another of its roles.
#[derive(QueryableByName)]
struct GrantedRole {
    #[diesel(sql_type = Nullable<Text>)]
    grantee: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    grantee_host: Option<String>,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Nullable<Text>)]
    role_host: Option<String>,
}

#[derive(QueryableByName)]
struct PrivilegeRow {
    #[diesel(sql_type = Text)]
    grantee: String,
    #[diesel(sql_type = Nullable<Text>)]
    db: Option<String>,
    #[diesel(sql_type = Text)]
    privilege: String,
}

/// The privileges of the account and of its active roles.
pub(super) fn privileges(
    conn: &mut MysqlConnection,
    version: &str,
    account: Option<&str>,
) -> QueryResult<Grants> {
    if version.contains("MariaDB") {
        let lines: Vec<Grant> = diesel::sql_query("SHOW GRANTS").load(conn)?;
        let lines: Vec<_> = lines.into_iter().map(|grant| grant.0).collect();
        return Ok(Grants::of_mariadb(&lines));
    }
    // MySQL has no column metadata for a prepared `SHOW GRANTS`, so Diesel cannot load it.
    let partial_revokes: PartialRevokes =
        diesel::sql_query("SELECT @@partial_revokes <> 0 AS partial_revokes").get_result(conn)?;
    let enabled: Vec<EnabledRole> = diesel::sql_query(format!(
        "SELECT ROLE_NAME AS role, ROLE_HOST AS role_host \
         FROM information_schema.ENABLED_ROLES WHERE ROLE_NAME IS NOT NULL {NO_LIMIT}"
    ))
    .load(conn)?;
    let granted: Vec<GrantedRole> = diesel::sql_query(format!(
        "SELECT GRANTEE AS grantee, GRANTEE_HOST AS grantee_host, ROLE_NAME AS role, \
         ROLE_HOST AS role_host FROM information_schema.APPLICABLE_ROLES \
         WHERE ROLE_NAME IS NOT NULL {NO_LIMIT}"
    ))
    .load(conn)?;
    let user = account.and_then(quoted);
    let mut grantees: BTreeSet<String> = user.iter().cloned().collect();
    let roles = enabled
        .iter()
        .map(|it| role_name(Some(&it.role), it.role_host.as_ref()));
    grantees.extend(roles);
    // An active role includes the roles granted to it.
    loop {
        let known = grantees.len();
        for it in &granted {
            let to = role_name(it.grantee.as_ref(), it.grantee_host.as_ref());
            if grantees.contains(&to) && user.as_ref() != Some(&to) {
                grantees.insert(role_name(Some(&it.role), it.role_host.as_ref()));
            }
        }
        if grantees.len() == known {
            break;
        }
    }
    // An account sees only its own rows, unless it can read the database `mysql`.
    let rows: Vec<PrivilegeRow> = diesel::sql_query(format!(
        "SELECT GRANTEE AS grantee, NULL AS db, PRIVILEGE_TYPE AS privilege \
         FROM information_schema.USER_PRIVILEGES \
         UNION ALL SELECT GRANTEE, TABLE_SCHEMA, PRIVILEGE_TYPE \
         FROM information_schema.SCHEMA_PRIVILEGES {NO_LIMIT}"
    ))
    .load(conn)?;
    let rows = rows.into_iter().map(|row| Privilege {
        grantee: row.grantee,
        db: row.db,
        name: row.privilege,
    });
    let partial_revokes = partial_revokes.partial_revokes != 0;
    Ok(Grants::of_mysql(rows.collect(), &grantees, partial_revokes))
}

/// Quotes `user@host` as the `information_schema` does: `'user'@'host'`. A host contains no `@`.
fn quoted(account: &str) -> Option<String> {
    let (user, host) = account.rsplit_once('@')?;
    Some(format!("'{user}'@'{host}'"))
}

fn role_name(name: Option<&String>, host: Option<&String>) -> String {
    let part = |part: Option<&String>| part.cloned().unwrap_or_default();
    format!("'{}'@'{}'", part(name), part(host))
}
