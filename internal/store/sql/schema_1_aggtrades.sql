CREATE TABLE aggtrades_history (
    agg_trade_id BIGINT NOT NULL,
    timestamp TIMESTAMP NOT NULL, -- UTC, microseconds
    symbol VARCHAR NOT NULL,
    price DECIMAL(18, 8) NOT NULL,
    quantity DECIMAL(18, 8) NOT NULL,
    side ENUM ('buy', 'sell') NOT NULL, -- the taker's
    -- computed when it is read: stored, it would be 44 % of the file
    gross_value DOUBLE GENERATED ALWAYS AS (CAST(price AS DOUBLE) * CAST(quantity AS DOUBLE)) VIRTUAL,
    market ENUM ('spot', 'um', 'cm') NOT NULL
)
