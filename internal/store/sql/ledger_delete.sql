DELETE FROM ingestion_log WHERE file_path = ?
