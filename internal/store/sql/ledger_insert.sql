INSERT INTO ingestion_log (
    file_path, symbol, processed_at, row_count, status, error_message, file_size_bytes, processing_time_ms,
    market, period_start, period_end, file_mtime, sha256, first_agg_trade_id, last_agg_trade_id, first_trade_at, last_trade_at,
    rows_inserted, rows_duplicate, rows_conflict, rows_voided, ids_missing, days_missing, attempts, run_id
)
VALUES (
    ?, ?, make_timestamp(CAST(? AS BIGINT)), ?, ?, ?, ?, ?,
    ?, DATE '1970-01-01' + CAST(? AS INTEGER), DATE '1970-01-01' + CAST(? AS INTEGER), make_timestamp(CAST(? AS BIGINT)), ?, ?, ?,
    make_timestamp(CAST(? AS BIGINT)), make_timestamp(CAST(? AS BIGINT)),
    ?, ?, ?, ?, ?, ?, ?, ?
)
