DELETE FROM ingestion_log WHERE file_path IN (SELECT unnest(CAST(? AS VARCHAR[])))
