COMMENT ON TABLE aggtrades_history IS 'check-ingest schema 1'
