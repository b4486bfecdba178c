CREATE TABLE ingestion_log (
    file_path VARCHAR PRIMARY KEY,
    symbol VARCHAR,
    processed_at TIMESTAMP,
    row_count BIGINT,
    status VARCHAR, -- success, failed, partial
    error_message VARCHAR,
    file_size_bytes BIGINT,
    processing_time_ms BIGINT,
    market VARCHAR,
    period_start DATE,
    period_end DATE, -- the last day
    file_mtime TIMESTAMP,
    sha256 VARCHAR,
    first_agg_trade_id BIGINT,
    last_agg_trade_id BIGINT,
    first_trade_at TIMESTAMP,
    last_trade_at TIMESTAMP,
    rows_inserted BIGINT,
    rows_duplicate BIGINT,
    rows_conflict BIGINT,
    rows_voided BIGINT,
    ids_missing BIGINT,
    days_missing VARCHAR, -- days of the period without a row, as 2024-01-02,2024-01-05
    attempts BIGINT,
    run_id VARCHAR
)
