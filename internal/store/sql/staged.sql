-- of each id the first row of the file
CREATE TEMP TABLE staged AS
SELECT a.*
FROM staged_all AS a
INNER JOIN (
    SELECT agg_trade_id, min(file_order) AS file_order
    FROM staged_all
    GROUP BY agg_trade_id
) AS f ON a.agg_trade_id = f.agg_trade_id AND a.file_order = f.file_order
