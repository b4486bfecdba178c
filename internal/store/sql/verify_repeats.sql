-- ids that come more than once, by the day on which they come first: rows that repeat another to the letter, rows with other content, and of
-- both those that are among the days that were asked for
SELECT
    coalesce(min_day - DATE '1970-01-01', -2147483648) AS trade_day,
    CAST(sum(row_count - contents) AS BIGINT) AS repeats,
    CAST(sum(contents - 1) AS BIGINT) AS conflicts,
    CAST(sum(greatest(wanted - 1, 0)) AS BIGINT) AS surplus,
    CAST(coalesce(min(id) FILTER (row_count > contents), -1) AS BIGINT) AS repeat_id,
    CAST(coalesce(min(id) FILTER (contents > 1), -1) AS BIGINT) AS conflict_id
FROM (
    SELECT
        CAST(e.agg_trade_id AS BIGINT) AS id,
        count(*) AS row_count,
        count(*) FILTER (%[2]s) AS wanted,
        count(DISTINCT (e.timestamp, e.price, e.quantity, CAST(e.side AS VARCHAR))) AS contents,
        min(CAST(e.timestamp AS DATE)) AS min_day
    FROM aggtrades_history AS e
    WHERE e.agg_trade_id BETWEEN $1 AND $2 AND %[1]s
    GROUP BY 1
    HAVING count(*) > 1
) AS ids
GROUP BY 1
ORDER BY 1
