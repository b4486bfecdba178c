-- files by their latest outcome; a time in the future counts where there is no other
SELECT
    coalesce(e.status, '') AS status,
    count(*) AS files,
    coalesce(
        epoch_us(max(CAST(e.processed_at AS TIMESTAMP)) FILTER (WHERE CAST(e.processed_at AS TIMESTAMP) <= ?)),
        epoch_us(max(CAST(e.processed_at AS TIMESTAMP))),
        0
    ) AS latest
FROM ingestion_log AS e
WHERE %s
GROUP BY 1
ORDER BY 1
