-- the run that recorded a file last; one in the future counts where there is no other
SELECT
    run_id,
    count(*) AS files,
    coalesce(CAST(sum(CAST(rows_inserted AS DOUBLE)) AS BIGINT), 0) AS row_count,
    epoch_us(max(processed_at)) AS ended
FROM ingestion_log
WHERE run_id IS NOT NULL AND processed_at IS NOT NULL
GROUP BY run_id
ORDER BY max(processed_at) <= ? DESC, max(processed_at) DESC, run_id DESC
LIMIT 1
