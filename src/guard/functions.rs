//! The functions a query may call, per dialect. A function that is not listed here does not run: new
//! functions of a database (and extensions) are unknown until somebody has read what they do.
//!
//! Left out on purpose: everything that writes, waits, locks, reads files or settings, runs SQL given as
//! text (`query_to_xml`, `ts_stat`), or reaches other servers.

use crate::catalog::Dialect;

/// Whether `name`, as the database would read it, may be called in an expression.
pub(super) fn is_allowed(name: &str, dialect: Dialect) -> bool {
    if in_list(COMMON, name) || returns_rows(name, dialect) {
        return true;
    }
    match dialect {
        Dialect::Postgresql => in_list(POSTGRESQL, name),
        Dialect::Datafusion => in_list(DATAFUSION, name),
        // Its queries are no SQL.
        Dialect::Mongodb => false,
    }
}

/// Whether `name` may stand in FROM like a table.
pub(super) fn returns_rows(name: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgresql => in_list(POSTGRESQL_ROWS, name),
        Dialect::Datafusion => in_list(DATAFUSION_ROWS, name),
        Dialect::Mongodb => false,
    }
}

/// The columns of a function in FROM, where they do not depend on the call: otherwise None.
pub(super) fn row_columns(name: &str, dialect: Dialect) -> Option<&'static [&'static str]> {
    match (dialect, name) {
        (Dialect::Postgresql, "json_each" | "json_each_text" | "jsonb_each" | "jsonb_each_text") => {
            Some(&["key", "value"])
        }
        (Dialect::Postgresql, "json_array_elements" | "json_array_elements_text")
        | (Dialect::Postgresql, "jsonb_array_elements" | "jsonb_array_elements_text")
        | (Dialect::Datafusion, "generate_series" | "range") => Some(&["value"]),
        _ => None,
    }
}

fn in_list(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == name)
}

/// Both dialects.
const COMMON: &str = "
    count sum avg min max stddev stddev_pop stddev_samp var_pop var_samp variance corr covar_pop covar_samp
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    bool_and bool_or bit_and bit_or bit_xor array_agg string_agg grouping mode percentile_cont
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value

    coalesce nullif greatest least

    abs acos acosh asin asinh atan atan2 atanh cbrt ceil ceiling cos cosh cot degrees exp factorial floor gcd
    lcm ln log log10 pi pow power radians random round sign sin sinh sqrt tan tanh trunc

    ascii bit_length btrim char_length character_length chr concat concat_ws ends_with initcap left length
    lower lpad ltrim md5 octet_length overlay position repeat replace reverse right rpad rtrim
    split_part starts_with strpos substr substring to_hex translate trim upper
    regexp_count regexp_instr regexp_like regexp_match regexp_replace
    encode decode sha224 sha256 sha384 sha512

    now current_date current_time current_timestamp date_bin date_part date_trunc make_date make_time
    to_char to_date to_timestamp extract date age
";

const POSTGRESQL: &str = "
    every any_value json_agg json_agg_strict jsonb_agg jsonb_agg_strict json_object_agg jsonb_object_agg
    json_object_agg_strict jsonb_object_agg_strict json_object_agg_unique jsonb_object_agg_unique
    percentile_disc range_agg range_intersect_agg

    acosd asind atan2d atand cosd cotd div erf erfc min_scale mod random_normal scale sind tand
    trim_scale width_bucket numeric_inc gamma lgamma

    bit_count casefold convert convert_from convert_to crc32 crc32c format get_bit get_byte normalize
    parse_ident quote_ident quote_literal quote_nullable regexp_substr set_bit set_byte
    sha1 string_to_array substring_index to_ascii to_bin to_oct unistr unicode_assigned unaccent
    similarity word_similarity strict_word_similarity levenshtein levenshtein_less_equal soundex difference
    metaphone dmetaphone dmetaphone_alt
    textlike textnotlike like notlike like_escape similar_to_escape

    clock_timestamp date_add date_subtract isfinite justify_days justify_hours justify_interval
    localtime localtimestamp make_interval make_timestamp make_timestamptz statement_timestamp timeofday
    timezone transaction_timestamp
    text bpchar varchar bool int2 int4 int8 float4 float8 numeric interval time timetz timestamp timestamptz
    uuid

    array array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
    array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle
    array_sort array_to_string array_upper cardinality trim_array row

    int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange
    tsmultirange tstzmultirange datemultirange isempty lower_inc lower_inf upper_inc upper_inf range_merge
    multirange

    to_json to_jsonb array_to_json row_to_json json_build_array json_build_object jsonb_build_array
    jsonb_build_object json_object jsonb_object json_array json_arrayagg json_objectagg json_scalar
    json_array_length jsonb_array_length json_extract_path
    json_extract_path_text jsonb_extract_path jsonb_extract_path_text json_typeof jsonb_typeof
    json_strip_nulls jsonb_strip_nulls jsonb_set jsonb_set_lax jsonb_insert jsonb_pretty jsonb_path_exists
    jsonb_path_match jsonb_path_query_array jsonb_path_query_first jsonb_path_exists_tz jsonb_path_match_tz
    jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_contains jsonb_exists json_exists json_value
    json_query

    to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd
    ts_headline ts_delete ts_filter setweight strip numnode querytree tsquery_phrase tsvector_to_array
    array_to_tsvector

    abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen
    macaddr8_set7bit

    area center diagonal diameter height isclosed isopen npoints path pclose point polygon popen radius slope
    width box circle line lseg bound_box

    gen_random_uuid uuidv4 uuidv7 uuid_extract_timestamp uuid_extract_version
    pg_typeof pg_size_pretty num_nonnulls num_nulls version current_database current_schema
    current_catalog current_user current_role session_user user
    hstore akeys avals exist defined hstore_to_json hstore_to_jsonb hstore_to_array
    nlevel subpath subltree lca ltree2text text2ltree index
    xmlcomment xpath xpath_exists
";

/// PostgreSQL's functions that give rows.
const POSTGRESQL_ROWS: &str = "
    generate_series generate_subscripts unnest
    json_each json_each_text jsonb_each jsonb_each_text
    json_array_elements json_array_elements_text jsonb_array_elements jsonb_array_elements_text
    json_object_keys jsonb_object_keys json_to_record json_to_recordset jsonb_to_record jsonb_to_recordset
    jsonb_path_query jsonb_path_query_tz
    regexp_matches regexp_split_to_table regexp_split_to_array string_to_table skeys svals each
";

const DATAFUSION: &str = "
    mean median var var_population var_sample covar approx_distinct approx_median approx_percentile_cont
    approx_percentile_cont_with_weight quantile_cont stddev_population stddev_sample

    nvl nvl2 ifnull isnan iszero nanvl log2 signum uuid
    contains find_in_set instr levenshtein substr_index substring_index to_local_time rand

    year month day hour minute second quarter week dayofweek dayofyear day_of_week day_of_year dayname
    monthname weekday
    date_diff datediff date_add date_sub date_format strftime datepart datetrunc from_unixtime to_unixtime
    to_timestamp_millis to_timestamp_micros to_timestamp_nanos to_timestamp_seconds to_time today
    localtimestamp last_day timestampdiff time timestamp mod div truncate len
    char_len group_concat string_to_array array_to_string array_length cardinality unix_timestamp
";

/// DataFusion's functions that give rows.
const DATAFUSION_ROWS: &str = "generate_series range unnest";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_dangerous_is_listed() {
        for name in [
            "pg_sleep",
            "pg_sleep_for",
            "pg_sleep_until",
            "set_config",
            "current_setting",
            "pg_read_file",
            "pg_read_binary_file",
            "pg_ls_dir",
            "pg_stat_file",
            "lo_import",
            "lo_export",
            "lo_create",
            "lo_from_bytea",
            "lo_put",
            "lo_get",
            "lo_unlink",
            "dblink",
            "dblink_exec",
            "dblink_connect",
            "query_to_xml",
            "table_to_xml",
            "schema_to_xml",
            "database_to_xml",
            "cursor_to_xml",
            "ts_stat",
            "ts_rewrite",
            "pg_notify",
            "pg_advisory_lock",
            "pg_try_advisory_lock",
            "pg_advisory_xact_lock",
            "pg_terminate_backend",
            "pg_cancel_backend",
            "pg_reload_conf",
            "pg_rotate_logfile",
            "nextval",
            "setval",
            "currval",
            "lastval",
            "txid_current",
            "pg_current_xact_id",
            "pg_export_snapshot",
            "pg_logical_emit_message",
            "pg_switch_wal",
            "pg_create_restore_point",
            "pg_import_system_collations",
            "pg_stat_reset",
            "pg_get_functiondef",
            "pg_get_viewdef",
            "has_table_privilege",
            "obj_description",
            "inet_server_addr",
            "pg_ls_waldir",
            "setseed",
            "xmlparse",
            "read_csv",
            "read_parquet",
            "parquet_metadata",
            "read_file",
            "glob",
            "arrow_cast",
        ] {
            for dialect in [Dialect::Postgresql, Dialect::Datafusion] {
                assert!(
                    !is_allowed(name, dialect),
                    "{name} is allowed for {}",
                    dialect.name()
                );
            }
        }
    }
}
