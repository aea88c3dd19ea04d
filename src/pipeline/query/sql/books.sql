-- Accounts whose balance differs from their ledger less their charges: none, if all is well.
-- It needs the rows from the first batch on; after a retention has dropped some, every old account is listed.
-- Rows and state are asked one after the other: on a node that takes batches meanwhile, or that has stopped between two
-- checkpoints of its outputs, accounts whose rows came between them are listed. A replay of the journal is of one moment.
WITH charged AS (
    SELECT shard, account_id, sum(charge) AS charges FROM intervals WHERE account_id IS NOT NULL GROUP BY ALL
), posted AS (
    SELECT shard, account_id, sum(amount) AS ledger FROM ledger GROUP BY ALL
)
SELECT
    account_id,
    coalesce(ledger, 0) AS ledger,
    coalesce(charges, 0) AS charges,
    balance,
    balance - coalesce(ledger, 0) + coalesce(charges, 0) AS difference
FROM state.accounts
LEFT JOIN posted USING (shard, account_id)
LEFT JOIN charged USING (shard, account_id)
WHERE balance <> coalesce(ledger, 0) - coalesce(charges, 0)
ORDER BY abs(difference) DESC, account_id
