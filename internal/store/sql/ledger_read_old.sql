SELECT
    file_path,
    coalesce(symbol, '') AS symbol,
    coalesce(epoch_us(CAST(processed_at AS TIMESTAMP)), 0) AS processed_at,
    coalesce(row_count, 0) AS row_count,
    coalesce(status, '') AS status,
    coalesce(error_message, '') AS error_message,
    coalesce(file_size_bytes, 0) AS file_size_bytes,
    coalesce(processing_time_ms, 0) AS processing_time_ms
FROM ingestion_log
