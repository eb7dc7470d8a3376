-- Why a message cannot be shown before somebody mends something.
ALTER TABLE notices ADD COLUMN trouble TEXT;
