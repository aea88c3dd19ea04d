-- Restore timeliness (复电及时率) by day of the command: the time from payment to power.
-- `waiting` has no proof of power yet; `paid` has both times. They run from the payment's own time to the notice `restored`.
WITH restored AS (
    {restored}
)
SELECT
    CAST(issued_at AS DATE) AS day,
    count(*) AS restores,
    count(*) FILTER (restored_at IS NULL) AS waiting,
    count(took) AS paid,
    count(*) FILTER (took <= INTERVAL 15 MINUTE) / nullif(count(took), 0) AS within_15m,
    count(*) FILTER (took <= INTERVAL 1 HOUR) / nullif(count(took), 0) AS within_1h,
    count(*) FILTER (took <= INTERVAL 24 HOUR) / nullif(count(took), 0) AS within_24h,
    CAST(quantile_disc(epoch(took), 0.5) AS BIGINT) AS median_s,
    CAST(quantile_disc(epoch(took), 0.99) AS BIGINT) AS p99_s,
    CAST(max(epoch(took)) AS BIGINT) AS max_s
FROM (SELECT *, restored_at - paid_at AS took FROM restored)
WHERE ($since IS NULL OR issued_at >= $since) AND ($until IS NULL OR issued_at < $until)
GROUP BY day
ORDER BY day
