//! The functions a query may call, per dialect. A function that is not listed here does not run: new
//! functions of a database (and extensions) are unknown until somebody has read what they do.
//!
//! Left out on purpose: everything that writes, waits, locks, reads files or settings, runs SQL given as
//! text (`query_to_xml`, `ts_stat`), or reaches other servers.

use crate::catalog::Dialect;

/// Whether `name`, as the database would read it, may be called in an expression.
pub fn is_allowed(name: &str, dialect: Dialect) -> bool {
    if returns_rows(name, dialect) {
        return true;
    }
    match dialect {
        Dialect::Postgresql => [COMMON, POSTGRESQL, POSTGRESQL_NEWER, POSTGRESQL_EXTENSIONS]
            .iter()
            .any(|list| in_list(list, name)),
        Dialect::Datafusion => in_list(COMMON, name) || in_list(DATAFUSION, name),
        Dialect::Mysql => in_list(MYSQL, name),
        Dialect::Sqlite => in_list(SQLITE, name),
        // Its queries are no SQL.
        Dialect::Mongodb => false,
    }
}

/// Whether `name` may stand in FROM like a table.
pub(super) fn returns_rows(name: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgresql => in_list(POSTGRESQL_ROWS, name),
        Dialect::Datafusion => in_list(DATAFUSION_ROWS, name),
        Dialect::Mysql | Dialect::Mongodb => false,
        Dialect::Sqlite => in_list(SQLITE_ROWS, name),
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
        (Dialect::Sqlite, "json_each" | "json_tree") => {
            Some(&["key", "value", "type", "atom", "id", "parent", "fullkey", "path"])
        }
        _ => None,
    }
}

/// Every function that a query may call, as it is written.
pub fn allowed(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    let lists: &[&'static str] = match dialect {
        Dialect::Postgresql => &[
            COMMON,
            POSTGRESQL,
            POSTGRESQL_NEWER,
            POSTGRESQL_EXTENSIONS,
            POSTGRESQL_ROWS,
        ],
        Dialect::Datafusion => &[COMMON, DATAFUSION, DATAFUSION_ROWS],
        Dialect::Mysql => &[MYSQL],
        Dialect::Sqlite => &[SQLITE, SQLITE_ROWS],
        Dialect::Mongodb => &[],
    };
    lists.iter().flat_map(|list| list.split_ascii_whitespace())
}

/// Functions of PostgreSQL that its version 15 does not have yet.
pub fn newer() -> impl Iterator<Item = &'static str> {
    POSTGRESQL_NEWER.split_ascii_whitespace()
}

/// What does the work of a function that may not be called, where something does: a half-sentence to put
/// after the refusal.
pub(super) fn instead_of(name: &str, dialect: Dialect) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let elsewhere = ELSEWHERE.lines().find_map(|line| {
        let (known, ours) = line.split_once(':')?;
        in_list(known, &name).then(|| ours.trim())
    });
    // What that list names is PostgreSQL's and DataFusion's.
    let has_ours = matches!(dialect, Dialect::Postgresql | Dialect::Datafusion);
    if let Some(ours) = elsewhere.filter(|_| has_ours) {
        return Some(format!("use {ours}."));
    }
    // One slip in a short name, two in a long one.
    let slips = if name.len() < 6 { 1 } else { 2 };
    allowed(dialect)
        .map(|known| (strsim::damerau_levenshtein(&name, known), known))
        .filter(|(distance, known)| *distance <= slips && known.len() > 3)
        .min()
        .map(|(_, known)| format!("did you mean {known}?"))
}

/// What other databases call it: what does the same in both dialects.
const ELSEWHERE: &str = "
    ifnull isnull nvl zn: coalesce
    nvl2 if iif: CASE WHEN … THEN … ELSE … END
    len datalength: length
    getdate sysdate curdate today systimestamp utc_timestamp: now() or current_date
    strftime date_format time_format format_date: to_char
    str_to_date to_datetime parse_date: to_date
    age datediff date_diff timestampdiff julianday: a subtraction of the two dates
    dateadd date_add date_sub adddate subdate timestampadd add_months: date + INTERVAL '1 day'
    year month day hour minute second quarter week datepart: extract(year FROM …), or month, day and so on
    weekday dayofweek day_of_week dayofyear day_of_year: extract(dow FROM …) or extract(doy FROM …)
    dayname monthname: to_char
    unix_timestamp: extract(epoch FROM …)
    mod: a % b
    div: floor(a / b)
    last_day eomonth: date_trunc('month', …) + INTERVAL '1 month' - INTERVAL '1 day'
    group_concat listagg wm_concat: string_agg
    instr charindex locate: strpos
    ucase: upper
    lcase: lower
    median percentile percentile_approx quantile approx_percentile: percentile_cont(0.5) WITHIN GROUP (ORDER BY …)
    approx_distinct approx_count_distinct uniq countd: count(DISTINCT …)
    stdev stddevp stdevp stddev_sample stddev_population: stddev_samp or stddev_pop
    var varp variance_samp: variance
    rand: random
    truncate: trunc
    char_len: char_length
    localtimestamp: now()
    to_number to_int toint tofloat to_decimal convert try_cast safe_cast: CAST(… AS …)
    countif count_if: count(*) FILTER (WHERE …)
    sumif sum_if: sum(…) FILTER (WHERE …)
    regexp_extract regexp_substr: regexp_match
    safe_divide div0: a / nullif(b, 0)
";

fn in_list(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == name)
}

/// PostgreSQL and DataFusion.
const COMMON: &str = "
    count sum avg min max stddev stddev_pop stddev_samp var_pop var_samp variance corr covar_pop covar_samp
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    bool_and bool_or bit_and bit_or bit_xor array_agg string_agg grouping mode percentile_cont
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value

    coalesce nullif greatest least

    abs acos acosh asin asinh atan atan2 atanh cbrt ceil ceiling cos cosh cot degrees exp factorial floor gcd
    lcm ln log log10 pi pow power radians random round sign sin sinh sqrt tan tanh trunc

    ascii bit_length btrim char_length character_length chr concat concat_ws initcap left length
    lower lpad ltrim md5 octet_length overlay position repeat replace reverse right rpad rtrim
    split_part starts_with strpos substr substring to_hex translate trim upper
    regexp_count regexp_instr regexp_like regexp_match regexp_replace
    encode decode sha224 sha256 sha384 sha512

    now current_date current_time current_timestamp date_bin date_part date_trunc make_date make_time
    to_char to_date to_timestamp date
";

const POSTGRESQL: &str = "
    every json_agg jsonb_agg json_object_agg jsonb_object_agg
    percentile_disc range_agg range_intersect_agg

    acosd asind atan2d atand cosd cotd div min_scale mod scale sind tand
    trim_scale width_bucket numeric_inc

    bit_count convert convert_from convert_to format get_bit get_byte normalize
    parse_ident quote_ident quote_literal quote_nullable regexp_substr set_bit set_byte
    string_to_array to_ascii unistr
    textlike like notlike like_escape similar_to_escape

    extract age clock_timestamp isfinite justify_days justify_hours justify_interval
    localtime localtimestamp make_interval make_timestamp make_timestamptz statement_timestamp timeofday
    timezone transaction_timestamp
    text bpchar varchar bool int2 int4 int8 float4 float8 numeric interval time timetz timestamp timestamptz

    array array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
    array_positions array_prepend array_remove array_replace
    array_to_string array_upper cardinality trim_array row

    int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange
    tsmultirange tstzmultirange datemultirange isempty lower_inc lower_inf upper_inc upper_inf range_merge
    multirange

    to_json to_jsonb array_to_json row_to_json json_build_array json_build_object jsonb_build_array
    jsonb_build_object json_object jsonb_object
    json_array_length jsonb_array_length json_extract_path
    json_extract_path_text jsonb_extract_path jsonb_extract_path_text json_typeof jsonb_typeof
    json_strip_nulls jsonb_strip_nulls jsonb_set jsonb_set_lax jsonb_insert jsonb_pretty jsonb_path_exists
    jsonb_path_match jsonb_path_query_array jsonb_path_query_first jsonb_path_exists_tz jsonb_path_match_tz
    jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_contains jsonb_exists

    to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd
    ts_headline ts_delete ts_filter setweight strip numnode querytree tsquery_phrase tsvector_to_array
    array_to_tsvector

    abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen
    macaddr8_set7bit

    area center diagonal diameter height isclosed isopen npoints path pclose point polygon popen radius slope
    width box circle line lseg bound_box

    gen_random_uuid
    pg_typeof pg_size_pretty num_nonnulls num_nulls version current_database current_schema
    current_catalog current_user current_role session_user user
    xmlcomment xpath xpath_exists
";

/// PostgreSQL's, since one of its versions 16 to 18.
const POSTGRESQL_NEWER: &str = "
    any_value json_agg_strict jsonb_agg_strict json_object_agg_strict jsonb_object_agg_strict
    json_object_agg_unique jsonb_object_agg_unique erf erfc random_normal gamma lgamma casefold
    crc32 crc32c to_bin to_oct unicode_assigned date_add date_subtract array_reverse array_sample
    array_shuffle array_sort json_array json_arrayagg json_objectagg json_scalar json_exists
    json_value json_query uuidv4 uuidv7 uuid_extract_timestamp uuid_extract_version
";

/// Those of the extensions fuzzystrmatch, hstore, ltree, pg_trgm and unaccent.
const POSTGRESQL_EXTENSIONS: &str = "
    unaccent similarity word_similarity strict_word_similarity levenshtein levenshtein_less_equal
    soundex difference metaphone dmetaphone dmetaphone_alt hstore akeys avals exist defined
    hstore_to_json hstore_to_jsonb hstore_to_array nlevel subpath subltree lca ltree2text text2ltree
    index
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
    approx_percentile_cont_with_weight quantile_cont

    nvl nvl2 ifnull isnan iszero nanvl log2 signum uuid
    contains ends_with find_in_set instr levenshtein substr_index substring_index to_local_time rand

    year month day hour minute second quarter week dayofmonth dayofyear
    date_diff datediff date_format strftime datepart datetrunc from_unixtime to_unixtime
    to_timestamp_millis to_timestamp_micros to_timestamp_nanos to_timestamp_seconds to_time today
    len string_to_array array_to_string array_length cardinality
";

/// DataFusion's functions that give rows.
const DATAFUSION_ROWS: &str = "generate_series range unnest";

/// What MySQL and MariaDB have: a function that only one of them knows is the other's syntax error.
const MYSQL: &str = "
    count sum avg min max std stddev stddev_pop stddev_samp variance var_pop var_samp bit_and bit_or bit_xor
    group_concat json_arrayagg json_objectagg any_value median percentile_cont percentile_disc
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value

    coalesce ifnull nullif if greatest least isnull

    abs acos asin atan atan2 ceil ceiling conv cos cot crc32 degrees exp floor ln log log10 log2 mod pi pow
    power radians rand round sign sin sqrt tan truncate

    ascii bin bit_length bit_count char_length character_length concat concat_ws elt field find_in_set format
    from_base64 to_base64 hex unhex instr lcase left length locate lower lpad ltrim make_set mid oct
    octet_length ord position quote repeat replace reverse right rpad rtrim soundex space strcmp substr
    substring substring_index trim ucase upper regexp_like regexp_instr regexp_replace regexp_substr
    md5 sha sha1 sha2

    adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date date_add
    date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear from_days from_unixtime hour
    last_day localtime localtimestamp makedate maketime microsecond minute month monthname now period_add
    period_diff quarter sec_to_time second str_to_date subdate subtime sysdate time time_format time_to_sec
    timediff timestamp timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time
    utc_timestamp week weekday weekofyear year yearweek

    json_array json_array_append json_array_insert json_contains json_contains_path json_depth json_extract
    json_insert json_keys json_length json_merge_patch json_merge_preserve json_object json_overlaps
    json_query json_quote json_remove json_replace json_search json_set json_type json_unquote json_valid
    json_value

    inet_aton inet_ntoa inet6_aton inet6_ntoa
    st_area st_asgeojson st_astext st_contains st_distance st_geomfromtext st_intersects st_length st_within
    st_x st_y
    uuid version database schema current_user session_user
";

/// SQLite's own functions, as the bundled library has them.
const SQLITE: &str = "
    count sum total avg min max group_concat string_agg
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value

    coalesce ifnull nullif iif likely unlikely

    abs random round sign

    char concat concat_ws format hex instr length like lower ltrim octet_length printf quote replace rtrim
    soundex substr substring trim typeof unhex unicode upper

    date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp

    json json_array json_array_length json_extract json_insert json_object json_patch json_pretty json_quote
    json_remove json_replace json_set json_type json_valid json_group_array json_group_object

    bm25 highlight snippet
    sqlite_version
";

/// SQLite's functions that give rows.
const SQLITE_ROWS: &str = "json_each json_tree";

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
            "sleep",
            "benchmark",
            "get_lock",
            "release_lock",
            "is_free_lock",
            "load_file",
            "master_pos_wait",
            "name_const",
            "last_insert_id",
            "sys_exec",
            "extractvalue",
            "updatexml",
            "load_extension",
            "readfile",
            "writefile",
            "edit",
            "fts3_tokenizer",
            "randomblob",
            "zeroblob",
            "sqlite_dbpage",
            "pragma_table_info",
        ] {
            for dialect in [
                Dialect::Postgresql,
                Dialect::Datafusion,
                Dialect::Mysql,
                Dialect::Sqlite,
            ] {
                assert!(
                    !is_allowed(name, dialect),
                    "{name} is allowed for {}",
                    dialect.name()
                );
            }
        }
    }
}
