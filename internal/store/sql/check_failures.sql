-- files whose latest outcome is failed or partial, the latest first
SELECT
    e.file_path,
    coalesce(e.symbol, '') AS symbol,
    coalesce(epoch_us(CAST(e.processed_at AS TIMESTAMP)), 0) AS processed_at,
    e.status,
    coalesce(e.error_message, '') AS error_message,
    %s
FROM ingestion_log AS e
WHERE e.status IN ('failed', 'partial') AND %s
ORDER BY e.processed_at DESC, e.file_path
LIMIT ?
