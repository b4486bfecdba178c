-- the newest trade in microseconds since the epoch, NULL where there is no row; answered from statistics
SELECT epoch_us(max(timestamp)) AS newest FROM aggtrades_history
