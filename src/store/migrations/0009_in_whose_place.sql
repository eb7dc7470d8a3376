-- Whose decision it was, where somebody else said it because that one was away.
ALTER TABLE decisions ADD COLUMN in_place_of TEXT;
