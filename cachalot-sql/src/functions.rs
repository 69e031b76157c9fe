//! Which functions give the same result for the same arguments and tables.
//!
//! Pure here means: within one session whose settings do not change, and as long as the tables do
//! not. So `to_char` is pure although it depends on the time zone, which is in the key. What is on
//! no list is unknown: it may be the user's own function.

use std::{collections::HashMap, sync::LazyLock};

use super::Dialect;

/// What is known of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purity {
    /// The same result for the same arguments.
    Pure,
    /// A date function of SQLite: pure if the arguments at these places (both included) are given
    /// and none of them can mean the present, nor any after them the machine's time zone.
    Dated {
        /// The first such place.
        first: usize,
        /// The last such place.
        last: usize,
    },
    /// A random result.
    Random,
    /// A result that changes by itself.
    Volatile,
    /// Not known.
    Unknown,
}

/// What is known of a built-in function of this lower-case name, called with so many arguments.
pub(super) fn purity(dialect: Dialect, name: &str, arguments: usize) -> Purity {
    match (dialect, name, arguments) {
        // The age of a time is counted from today; two arguments are a query and the text of another.
        (Dialect::Postgres, "age", 0 | 1)
        | (Dialect::Postgres, "ts_rewrite", 0..=2)
        | (Dialect::Mysql, "unix_timestamp", 0) => {
            return Purity::Volatile;
        }
        (Dialect::Sqlite, "date" | "time" | "datetime" | "julianday" | "unixepoch", _) => {
            return Purity::Dated { first: 0, last: 0 };
        }
        (Dialect::Sqlite, "strftime", _) => return Purity::Dated { first: 1, last: 1 },
        (Dialect::Sqlite, "timediff", _) => return Purity::Dated { first: 0, last: 1 },
        _ => {}
    }
    if let Some(purity) = table(dialect).get(name) {
        return *purity;
    }
    let begins_with = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    match dialect {
        Dialect::Postgres
            if begins_with(&["pg_", "txid_", "has_", "inet_client_", "inet_server_"]) =>
        {
            Purity::Volatile
        }
        Dialect::Sqlite if begins_with(&["sqlite_"]) => Purity::Volatile,
        _ => Purity::Unknown,
    }
}

/// Is there a built-in function of this name of which is known whether it is pure?
pub fn is_known_function(dialect: Dialect, name: &str) -> bool {
    purity(dialect, name, 1) != Purity::Unknown
}

/// The keyword, if this bare word is one that stands for a value which changes by itself.
pub(super) fn volatile_keyword(dialect: Dialect, word: &str) -> Option<&'static str> {
    let keywords = match dialect {
        Dialect::Postgres => POSTGRES_KEYWORDS,
        Dialect::Mysql => MYSQL_KEYWORDS,
        Dialect::Sqlite => SQLITE_KEYWORDS,
    };
    keywords
        .iter()
        .find(|keyword| keyword.eq_ignore_ascii_case(word))
        .copied()
}

fn table(dialect: Dialect) -> &'static HashMap<&'static str, Purity> {
    type Table = LazyLock<HashMap<&'static str, Purity>>;
    static POSTGRES: Table = LazyLock::new(|| {
        build(
            POSTGRES_PURE,
            POSTGRES_RANDOM,
            POSTGRES_VOLATILE,
            POSTGRES_KEYWORDS,
        )
    });
    static MYSQL: Table =
        LazyLock::new(|| build(MYSQL_PURE, MYSQL_RANDOM, MYSQL_VOLATILE, MYSQL_KEYWORDS));
    static SQLITE: Table =
        LazyLock::new(|| build(SQLITE_PURE, SQLITE_RANDOM, SQLITE_VOLATILE, SQLITE_KEYWORDS));
    match dialect {
        Dialect::Postgres => &POSTGRES,
        Dialect::Mysql => &MYSQL,
        Dialect::Sqlite => &SQLITE,
    }
}

fn build(
    pure: &'static str,
    random: &'static str,
    volatile: &'static str,
    keywords: &'static [&'static str],
) -> HashMap<&'static str, Purity> {
    let pure = COMMON_PURE
        .split_whitespace()
        .chain(pure.split_whitespace());
    let volatile = volatile.split_whitespace().chain(keywords.iter().copied());
    let random = random.split_whitespace().map(|name| (name, Purity::Random));
    pure.map(|name| (name, Purity::Pure))
        .chain(volatile.map(|name| (name, Purity::Volatile)))
        .chain(random)
        .collect()
}

const COMMON_PURE: &str = "
    abs acos asin atan atan2 avg ceil ceiling coalesce concat concat_ws cos count cume_dist degrees
    dense_rank exp first_value floor lag last_value lead length ln log lower ltrim max min mod
    nth_value ntile nullif octet_length percent_rank pi pow power radians rank replace round
    row_number rtrim sign sin sqrt substr substring sum tan trim upper
";

const POSTGRES_KEYWORDS: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "system_user",
    "user",
];

const POSTGRES_RANDOM: &str = "
    array_sample array_shuffle gen_random_bytes gen_random_uuid random random_normal
    uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 uuidv4 uuidv7
";

const POSTGRES_VOLATILE: &str = "
    clock_timestamp current_database current_query current_schemas current_setting currval lastval
    lo_close lo_creat lo_create lo_export lo_from_bytea lo_get lo_import lo_lseek lo_lseek64 lo_open
    lo_put lo_tell lo_tell64 lo_truncate lo_truncate64 lo_unlink loread lowrite nextval now row_security_active set_config setseed setval statement_timestamp timeofday
    transaction_timestamp version
";

const POSTGRES_PURE: &str = "
    acosd acosh age any_value area array array_agg array_append array_cat array_dims array_fill
    array_length array_lower array_ndims array_position array_positions array_prepend array_remove
    array_replace array_reverse array_sort array_to_json array_to_string array_to_tsvector
    array_upper ascii asind asinh atan2d atand atanh bit_and bit_count bit_length bit_or bit_xor
    bool bool_and bool_or bound_box box btrim cardinality cbrt center char_length
    character_length chr circle convert convert_from convert_to corr cosd cosh cot cotd covar_pop
    covar_samp crc32 crc32c date date_add date_bin date_part date_subtract date_trunc datemultirange
    daterange decode diagonal diameter div encode erf erfc every extract factorial family float4
    float8 format gamma gcd generate_series generate_subscripts get_bit get_byte greatest grouping
    height host hostmask inet_merge inet_same_family initcap int2 int4 int4multirange int4range int8
    int8multirange int8range isclosed isempty isfinite isopen json json_agg json_agg_strict
    json_array json_array_elements json_array_elements_text json_array_length json_arrayagg
    json_build_array json_build_object json_each json_each_text json_exists json_extract_path
    json_extract_path_text json_object json_object_agg json_object_agg_strict
    json_object_agg_unique json_object_keys json_objectagg json_populate_record
    json_populate_recordset json_query json_scalar json_serialize json_strip_nulls json_table
    json_to_record json_to_recordset json_typeof json_value jsonb jsonb_agg jsonb_agg_strict
    jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
    jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text
    jsonb_insert jsonb_object jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique
    jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz
    jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first
    jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset
    jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset
    jsonb_typeof justify_days justify_hours justify_interval lcm least left lgamma line log10
    lower_inc lower_inf lpad lseg macaddr8_set7bit make_date make_interval make_time make_timestamp
    make_timestamptz masklen md5 merge_action min_scale mode multirange netmask network normalize num_nonnulls
    num_nulls numeric nummultirange numnode numrange overlay parse_ident path pclose
    percentile_cont percentile_disc pg_size_pretty pg_typeof phraseto_tsquery plainto_tsquery point
    polygon popen position querytree quote_ident quote_literal quote_nullable radius range_agg
    range_intersect_agg range_merge regexp_count regexp_instr regexp_like regexp_match
    regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    repeat reverse right row row_to_json rpad scale set_bit set_byte set_masklen setweight sha224
    sha256 sha384 sha512 similarity sind sinh slope split_part starts_with stddev stddev_pop
    stddev_samp string_agg string_to_array string_to_table strip strpos tand tanh text timestamp
    timestamptz timezone to_ascii to_bin to_char to_date to_hex to_json to_jsonb to_number to_oct
    to_timestamp to_tsquery to_tsvector translate trim_array trim_scale trunc ts_delete ts_filter
    ts_headline ts_rank ts_rank_cd ts_rewrite tsmultirange tsquery_phrase tsrange tstzmultirange
    tstzrange tsvector_to_array unaccent unicode_assigned unistr unnest upper_inc upper_inf
    uuid_extract_timestamp uuid_extract_version uuid_generate_v3 uuid_generate_v5 var_pop var_samp
    varchar variance websearch_to_tsquery width width_bucket word_similarity xmlagg xmlattributes xmlcomment
    xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable xpath
    casefold xpath_exists
";

const MYSQL_KEYWORDS: &[&str] = &[
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "sysdate",
    "utc_date",
    "utc_time",
    "utc_timestamp",
];

const MYSQL_RANDOM: &str = "rand random_bytes sys_guid uuid uuid_short uuid_v4 uuid_v7";

const MYSQL_VOLATILE: &str = "
    benchmark connection_id curdate curtime database found_rows get_lock
    is_free_lock is_used_lock last_insert_id lastval load_file master_gtid_wait master_pos_wait
    name_const nextval now ps_current_thread_id ps_thread_id release_all_locks release_lock
    row_count schema session_user setval sleep source_pos_wait system_user
    user version wait_for_executed_gtid_set
";

const MYSQL_PURE: &str = "
    add_months adddate addtime aes_decrypt aes_encrypt any_value ascii bin bin_to_uuid bit_and
    bit_count bit_length bit_or bit_xor cast char char_length character_length charset chr
    coercibility collation compress conv convert convert_tz cot crc32 crc32c date date_add
    date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear decode elt export_set
    extract extractvalue field find_in_set format format_bytes format_pico_time from_base64
    from_days from_unixtime geometrycollection get_format greatest group_concat grouping hex hour if
    ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interval is_ipv4 is_ipv4_compat
    is_ipv4_mapped is_ipv6 is_uuid isnull json_array json_array_append json_array_insert
    json_array_intersect json_arrayagg json_compact json_contains json_contains_path json_depth json_detailed json_equals
    json_exists json_extract json_insert json_key_value json_keys json_length json_loose json_merge
    json_merge_patch json_merge_preserve json_normalize json_object json_object_filter_keys
    json_object_to_array json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace json_schema_valid
    json_schema_validation_report json_search json_set json_storage_free json_storage_size
    json_table json_type json_unquote json_valid json_value last_day lcase least left lengthb
    linestring locate log10 log2 lpad make_set makedate maketime match mbrcontains mbrcoveredby
    mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin md5
    median microsecond mid
    minute month monthname multilinestring multipoint multipolygon natural_sort_key nvl nvl2 oct ord
    percentile_cont percentile_disc period_add period_diff point polygon position quarter quote
    regexp_instr regexp_like regexp_replace regexp_substr repeat reverse right row rpad sec_to_time
    second sformat sha sha1 sha2 soundex space st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt
    st_boundary st_buffer st_buffer_strategy st_centroid st_collect st_contains st_convexhull
    st_crosses st_difference st_dimension st_disjoint st_distance st_distance_sphere st_endpoint
    st_envelope st_equals st_exteriorring st_frechetdistance st_geohash st_geomcollfromtext
    st_geomcollfromtxt st_geomcollfromwkb st_geometrycollectionfromtext
    st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn
    st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb st_hausdorffdistance
    st_interiorringn st_intersection st_intersects st_isclosed st_isempty st_isring st_issimple
    st_isvalid st_latfromgeohash st_latitude st_length st_linefromtext st_linefromwkb
    st_lineinterpolatepoint st_lineinterpolatepoints st_linestringfromtext st_linestringfromwkb
    st_longfromgeohash st_longitude st_makeenvelope st_mlinefromtext st_mlinefromwkb
    st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb st_multilinestringfromtext
    st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb st_multipolygonfromtext
    st_multipolygonfromwkb st_numgeometries st_numinteriorring st_numinteriorrings st_numpoints
    st_overlaps st_pointatdistance st_pointfromgeohash st_pointfromtext st_pointfromwkb st_pointn
    st_pointonsurface st_polyfromtext st_polyfromwkb st_polygonfromtext st_polygonfromwkb st_relate
    st_simplify st_srid st_startpoint st_swapxy st_symdifference st_touches st_transform st_union
    st_validate st_within st_x st_y std stddev stddev_pop stddev_samp str_to_date strcmp subdate
    substring_index subtime time time_format time_to_sec timediff timestamp timestampadd
    timestampdiff to_base64 to_char to_date to_days to_number to_seconds truncate ucase uncompress
    uncompressed_length unhex unix_timestamp updatexml uuid_to_bin values var_pop var_samp variance
    week weekday weekofyear weight_string year yearweek
    distance etag from_vector json_duality_object rollup statement_digest statement_digest_text
    string_to_vector to_vector vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext
    vec_totext vector_dim vector_to_string
";

const SQLITE_KEYWORDS: &[&str] = &["current_date", "current_time", "current_timestamp"];

const SQLITE_RANDOM: &str = "random randomblob";

const SQLITE_VOLATILE: &str = "changes last_insert_rowid load_extension total_changes";

const SQLITE_PURE: &str = "
    acosh asinh atanh bm25 char cosh format generate_series glob group_concat hex highlight if
    ifnull iif instr json json_array json_array_insert json_array_length json_each
    json_error_position json_extract json_group_array json_group_object json_insert json_object
    json_patch json_pretty json_quote json_remove json_replace json_set json_tree json_type
    json_valid jsonb jsonb_array jsonb_array_insert jsonb_each jsonb_extract jsonb_group_array
    jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set
    jsonb_tree like likelihood likely log10 log2 median percentile percentile_cont percentile_disc
    printf quote sinh snippet soundex sqlite_source_id sqlite_version string_agg subtype tanh total trunc typeof unhex unicode
    unistr unistr_quote unlikely zeroblob
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_function_is_on_two_lists() {
        let lists = [
            (
                POSTGRES_PURE,
                POSTGRES_RANDOM,
                POSTGRES_VOLATILE,
                POSTGRES_KEYWORDS,
            ),
            (MYSQL_PURE, MYSQL_RANDOM, MYSQL_VOLATILE, MYSQL_KEYWORDS),
            (SQLITE_PURE, SQLITE_RANDOM, SQLITE_VOLATILE, SQLITE_KEYWORDS),
        ];
        for (pure, random, volatile, keywords) in lists {
            let words = [COMMON_PURE, pure, random, volatile].map(str::split_whitespace);
            let all: Vec<_> = words
                .into_iter()
                .flatten()
                .chain(keywords.iter().copied())
                .collect();
            let mut distinct = all.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(all.len(), distinct.len());
            assert_eq!(
                build(pure, random, volatile, keywords).len(),
                distinct.len()
            );
        }
    }

    #[test]
    fn the_number_of_arguments_can_decide() {
        assert_eq!(purity(Dialect::Postgres, "age", 1), Purity::Volatile);
        assert_eq!(purity(Dialect::Postgres, "age", 2), Purity::Pure);
        assert_eq!(purity(Dialect::Postgres, "ts_rewrite", 2), Purity::Volatile);
        assert_eq!(purity(Dialect::Postgres, "ts_rewrite", 3), Purity::Pure);
        assert_eq!(
            purity(Dialect::Mysql, "unix_timestamp", 0),
            Purity::Volatile
        );
        assert_eq!(purity(Dialect::Mysql, "unix_timestamp", 1), Purity::Pure);
    }

    #[test]
    fn families_are_known_by_their_prefix() {
        assert_eq!(
            purity(Dialect::Postgres, "pg_backend_pid", 0),
            Purity::Volatile
        );
        assert_eq!(purity(Dialect::Postgres, "pg_typeof", 1), Purity::Pure);
        assert_eq!(purity(Dialect::Mysql, "st_my_function", 2), Purity::Unknown);
        assert_eq!(
            purity(Dialect::Sqlite, "sqlite_offset", 1),
            Purity::Volatile
        );
        assert_eq!(purity(Dialect::Sqlite, "sqlite_version", 0), Purity::Pure);
        assert_eq!(purity(Dialect::Postgres, "my_function", 0), Purity::Unknown);
    }
}
