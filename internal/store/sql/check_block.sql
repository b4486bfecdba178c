-- reads every block of a table and so verifies its checksum
SELECT any_value(COLUMNS(*)) FROM %s
