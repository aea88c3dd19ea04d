-- Money that came in and went back, by kind and by the day of the payment itself.
SELECT
    CAST("at" AS DATE) AS day,
    kind,
    count(*) AS payments,
    count(DISTINCT account_id) AS accounts,
    sum(amount) AS amount
FROM ledger
WHERE kind IN ('top_up', 'reversal', 'adjustment')
    AND ($since IS NULL OR "at" >= $since) AND ($until IS NULL OR "at" < $until)
GROUP BY ALL
ORDER BY day, kind
