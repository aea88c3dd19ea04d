-- Restores one by one, those without proof of power first, then the slowest.
WITH restored AS (
    {restored}
)
SELECT
    account_id,
    reason,
    paid_at,
    issued_at,
    restored_at,
    CAST(epoch(restored_at - coalesce(paid_at, issued_at)) AS BIGINT) AS took_s
FROM restored
WHERE ($since IS NULL OR issued_at >= $since) AND ($until IS NULL OR issued_at < $until)
ORDER BY took_s DESC NULLS FIRST, issued_at, account_id
LIMIT $limit
