-- What is over must not make what is live dearer: a person who asks every day has one assignment and
-- thousands of grants on it.
DROP INDEX grants_of_assignment;
CREATE INDEX grants_ended ON grants (assignment, ended_at);
