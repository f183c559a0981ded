CREATE TABLE products (sku TEXT PRIMARY KEY, name TEXT NOT NULL, price_cents INTEGER NOT NULL CHECK (price_cents >= 0));
INSERT INTO products VALUES
  ('book',  'A notebook, 96 pages',    450),
  ('chair', 'A folding chair',        3990),
  ('lamp',  'A desk lamp',            1950),
  ('sugar', 'A lump of sugar',          10),
  ('tea',   'A tin of green tea',      325);
