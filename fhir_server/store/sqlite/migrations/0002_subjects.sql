-- Which of its owners a version is about: 1 for its subject, 0 for who only plays a part in it. Rows of before this
-- column say 0 until their version is indexed anew, so that nobody sees too much meanwhile.
ALTER TABLE owner ADD COLUMN subject INTEGER NOT NULL DEFAULT 0;
