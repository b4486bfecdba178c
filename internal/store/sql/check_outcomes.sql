-- files by their latest outcome
SELECT
    coalesce(e.status, '') AS status,
    count(*) AS files,
    coalesce(epoch_us(max(CAST(e.processed_at AS TIMESTAMP))), 0) AS latest
FROM ingestion_log AS e
WHERE %s
GROUP BY 1
ORDER BY 1
