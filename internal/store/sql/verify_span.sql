-- the end of the row numbers, which rows that were deleted leave holes in
SELECT coalesce(max(e.rowid) + 1, 0) AS row_end FROM aggtrades_history AS e
