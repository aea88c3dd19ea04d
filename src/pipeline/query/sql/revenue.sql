-- Revenue by tariff: energy, what it cost, standing charges and corrections.
-- By the tariff that each account has now; a read counts whole when its stretch ends.
WITH charged AS (
    SELECT shard, account_id, sum(energy) AS energy, sum(charge) AS charges
    FROM intervals
    WHERE account_id IS NOT NULL AND ($since IS NULL OR "end" > $since) AND ($until IS NULL OR "end" <= $until)
    GROUP BY ALL
), posted AS (
    SELECT
        shard,
        account_id,
        -sum(amount) FILTER (kind = 'standing') AS standing,
        -sum(amount) FILTER (kind = 'correction') AS corrections
    FROM ledger
    WHERE kind IN ('standing', 'correction')
        AND ($since IS NULL OR "at" > $since) AND ($until IS NULL OR "at" <= $until)
    GROUP BY ALL
)
SELECT
    tariff,
    count(*) AS accounts,
    coalesce(sum(energy), 0) AS energy,
    coalesce(sum(charges), 0) AS charges,
    coalesce(sum(standing), 0) AS standing,
    coalesce(sum(corrections), 0) AS corrections,
    coalesce(sum(charges), 0) + coalesce(sum(standing), 0) + coalesce(sum(corrections), 0) AS revenue
FROM state.accounts
LEFT JOIN charged USING (shard, account_id)
LEFT JOIN posted USING (shard, account_id)
WHERE $district IS NULL OR CAST(district_id AS VARCHAR) = $district
GROUP BY tariff
ORDER BY revenue DESC, tariff
