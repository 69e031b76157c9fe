//! The queries that load PostgreSQL's system catalogs.

/// A condition that excludes system schemas and the temporary ones of sessions.
pub(super) const IS_USER_SCHEMA: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') \
                     AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'";

/// No other column's name differs only by case; equal values are equal bytes, and `=` is the server's own.
macro_rules! is_comparable {
    () => {
        "a.attcollation NOT IN ( \
            SELECT l.oid FROM pg_catalog.pg_collation l WHERE NOT l.collisdeterministic) \
         AND (a.attcollation = 0 OR pg_catalog.getdatabaseencoding() = 'UTF8') \
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute b \
            WHERE b.attrelid = a.attrelid AND b.attnum <> a.attnum AND NOT b.attisdropped \
            AND pg_catalog.lower(b.attname) = pg_catalog.lower(a.attname)) \
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_operator o \
            WHERE o.oprname = '=' AND o.oid >= 16384 AND (o.oprleft < 16384 OR o.oprright < 16384))"
    };
}

/// - 28: the bits of `INSERT`, `UPDATE` and `DELETE`.
/// - 1266 and 1270: `timetz` and its array, whose comparisons use the time zone's offset of today.
/// - Outside: unlogged tables are empty after a crash, which the server's start time does not show;
///   tables of a subscription are written by another server; a relation with the name of a system
///   relation is not the one that the unqualified name refers to; and a column whose type is the row type
///   of a temporary table changes with that table.
/// - Keys: the columns of primary keys and of foreign keys. Not those with a nondeterministic collation or with
///   a name that differs from another's only by case; no texts, if the server's encoding may give two of them the
///   same bytes; none of them, if an operator of the user's may take the place of `=`.
pub(super) const RELATIONS: &str = concat!(
    "\
SELECT c.oid AS number, c.relname::text AS name, c.relkind::text AS kind, \
 CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END AS definition, \
 c.relkind = 'v' AND pg_catalog.pg_relation_is_updatable(c.oid, true) & 28 <> 0 AS updatable, \
 c.relkind IN ('f', 'S') OR c.relpersistence = 'u' OR EXISTS ( \
  SELECT FROM pg_catalog.pg_class s WHERE s.relname = c.relname \
  AND s.relnamespace = 'pg_catalog'::pg_catalog.regnamespace) OR EXISTS ( \
  SELECT FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = c.oid \
  OR s.srrelid IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(c.oid))) OR c.oid IN ( \
  SELECT a.attrelid FROM pg_catalog.pg_attribute a WHERE a.atttypid IN ( \
   SELECT t.oid FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e \
    ON e.oid = CASE WHEN t.typelem <> 0 THEN t.typelem ELSE t.typbasetype END \
   JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace OR s.oid = e.typnamespace \
   WHERE s.nspname LIKE 'pg\\_temp\\_%')) AS outside, \
 EXISTS (SELECT FROM pg_catalog.pg_attribute a \
  WHERE a.attrelid = c.oid AND a.atttypid IN (1266, 1270)) AS zoned_time, \
 coalesce(g.names, '{}') AS generated, \
 coalesce(k.names, '{}') AS key_names, coalesce(k.types, '{}') AS key_types, \
 coalesce(k.modifiers, '{}') AS key_modifiers, coalesce(k.uniques, '{}') AS key_unique \
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
LEFT JOIN (SELECT attrelid, pg_catalog.array_agg(attname::text) AS names \
 FROM pg_catalog.pg_attribute WHERE attgenerated <> '' GROUP BY attrelid) g ON g.attrelid = c.oid \
LEFT JOIN (SELECT attrelid, pg_catalog.array_agg(name) AS names, \
 pg_catalog.array_agg(atttypid) AS types, pg_catalog.array_agg(atttypmod) AS modifiers, \
 pg_catalog.array_agg(is_unique) AS uniques \
 FROM (SELECT a.attrelid, a.attname::text AS name, a.atttypid, a.atttypmod, \
  pg_catalog.bool_or(u.contype = 'p' AND NOT u.condeferrable \
   AND pg_catalog.cardinality(u.conkey) = 1) AS is_unique \
  FROM pg_catalog.pg_constraint u \
  JOIN pg_catalog.pg_attribute a ON a.attrelid = u.conrelid AND a.attnum = ANY (u.conkey) \
  WHERE u.contype IN ('p', 'f') AND ",
    is_comparable!(),
    "   GROUP BY a.attrelid, a.attname, a.atttypid, a.atttypmod) columns \
 GROUP BY attrelid) k ON k.attrelid = c.oid \
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND "
);

/// The columns of relations that the program may have declared as keys, by the relations' names in lower case.
pub(super) const DECLARED_COLUMNS: &str = concat!(
    "\
SELECT a.attrelid AS relation, c.relname::text AS table_name, a.attname::text AS name, \
 a.atttypid AS type, a.atttypmod AS modifier, ",
    is_comparable!(),
    " AS comparable \
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped \
AND pg_catalog.lower(c.relname) = ANY ($1) AND "
);

pub(super) const FOREIGN_KEYS: &str = "\
SELECT c.relname::text AS child, p.relname::text AS parent, \
 k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update, \
 ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a \
  WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS child_columns, \
 ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a \
  WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)) AS parent_columns \
FROM pg_catalog.pg_constraint k \
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
JOIN pg_catalog.pg_class p ON p.oid = k.confrelid \
WHERE k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))";

/// Internal triggers are those of foreign keys and, on older servers, those that a partition inherits
/// from its parent; the latter are included.
pub(super) const TRIGGERS: &str = "\
SELECT c.relname::text AS on_table, t.tgtype AS events, t.tgfoid AS routine, \
 c.relkind = 'p' AS partitioned \
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid \
WHERE NOT t.tgisinternal \
 OR coalesce(pg_catalog.to_jsonb(t) ->> 'tgparentid', '0') <> '0'";

/// Rules other than those of views. Their statements run with or instead of those on the table.
pub(super) const RULES: &str = "\
SELECT c.relname::text AS on_table, r.ev_type::text AS event, \
 pg_catalog.pg_get_ruledef(r.oid) AS definition \
FROM pg_catalog.pg_rewrite r \
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class \
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE r.rulename <> '_RETURN' AND ";

/// Routines that are called by defaults and checks of a table, or of a column's domain.
pub(super) const DEFAULTS: &str = "\
SELECT c.relname::text AS on_table, d.refobjid AS routine \
FROM pg_catalog.pg_depend d \
LEFT JOIN pg_catalog.pg_attrdef a \
 ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.oid = d.objid \
LEFT JOIN pg_catalog.pg_constraint k \
 ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid \
LEFT JOIN pg_catalog.pg_type t ON t.typtype = 'd' AND (t.oid = k.contypid OR \
 (d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.objid)) \
LEFT JOIN pg_catalog.pg_attribute u ON u.atttypid = t.oid \
JOIN pg_catalog.pg_class c ON c.oid = coalesce(a.adrelid, nullif(k.conrelid, 0), u.attrelid) \
WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass";

pub(super) const EVENT_TRIGGERS: &str = "\
SELECT '' AS on_table, evtfoid AS routine FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D'";

pub(super) const OPERATORS: &str = "\
SELECT o.oprname::text AS on_table, o.oprcode::oid AS routine \
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace \
WHERE o.oprcode <> 0 AND ";

pub(super) const CASTS: &str = "\
SELECT k.castcontext::text AS on_table, k.castfunc AS routine \
FROM pg_catalog.pg_cast k WHERE k.castfunc >= 16384";

/// Functions whose only argument is a row of a table: they can be called like a column.
pub(super) const COMPUTED: &str = "\
SELECT c.relname::text AS on_table, p.oid AS routine \
FROM pg_catalog.pg_proc p \
JOIN pg_catalog.pg_class c ON c.reltype = p.proargtypes[0] \
WHERE p.pronargs = 1 AND p.oid >= 16384";

/// Functions of rows are those whose first argument can have any type, except `count`, to which all rows are
/// equal. If a row can be converted to another type, that may be all.
pub(super) const BUILTINS: &str = "\
SELECT ARRAY(SELECT DISTINCT proname::text FROM pg_catalog.pg_proc \
 WHERE pronamespace = 'pg_catalog'::pg_catalog.regnamespace) AS names, \
 ARRAY(SELECT DISTINCT p.proname::text FROM pg_catalog.pg_proc p \
 LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid \
 WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace \
 AND p.prokind <> 'w' AND p.proname <> 'count' AND coalesce(a.aggkind, 'n') = 'n' \
 AND (p.proargtypes[0] IN ('pg_catalog.record'::pg_catalog.regtype, \
   'pg_catalog.any'::pg_catalog.regtype, 'pg_catalog.anyelement'::pg_catalog.regtype, \
   'pg_catalog.anynonarray'::pg_catalog.regtype, \
   pg_catalog.to_regtype('pg_catalog.anycompatible'), \
   pg_catalog.to_regtype('pg_catalog.anycompatiblenonarray')) \
  OR EXISTS (SELECT FROM pg_catalog.pg_cast k \
   JOIN pg_catalog.pg_type t ON t.oid = k.castsource WHERE t.typrelid <> 0))) AS of_rows";

/// The body of a routine in standard SQL is stored as a tree, so it is cut out of the definition. The
/// body of an aggregate are calls of its functions. The extensions `tablefunc` and `xml2` run SQL that
/// is passed as text.
pub(super) const ROUTINES: &str = "\
SELECT p.oid AS number, p.proname::text AS name, l.lanname::text AS language, \
 p.provolatile = 'v' AS volatile, \
 p.provolatile = 's' AND (l.lanname NOT IN ('internal', 'c', 'sql', 'plpgsql') \
  OR p.probin ~ '(tablefunc|pgxml)') AS reading, \
 CASE WHEN p.prokind = 'a' THEN pg_catalog.concat_ws('() ', a.aggtransfn, a.aggfinalfn, \
  a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn, '') \
 WHEN l.lanname = 'sql' AND p.prosrc = '' THEN pg_catalog.regexp_replace( \
  pg_catalog.pg_get_functiondef(p.oid), '^.*?\\m(BEGIN ATOMIC|RETURN)\\M', '') \
 WHEN l.lanname IN ('sql', 'plpgsql') THEN p.prosrc END AS body, \
 coalesce(pg_catalog.pg_get_expr(p.proargdefaults, 0), '') AS defaults \
FROM pg_catalog.pg_proc p \
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid \
WHERE ";

pub(super) const POLICIES: &str = "\
SELECT c.relname::text AS on_table, \
 pg_catalog.concat_ws(' AND ', pg_catalog.pg_get_expr(p.polqual, p.polrelid), \
 pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) AS condition \
FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid";

pub(super) const INHERITANCE: &str = "\
SELECT p.relname::text AS parent, c.relname::text AS child \
FROM pg_catalog.pg_inherits i \
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relkind IN ('r', 'p', 'f') \
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid";
