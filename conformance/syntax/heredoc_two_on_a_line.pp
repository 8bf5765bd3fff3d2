foo(@(A), @(B))
  a
  | A
  b
  |- B
notice 1
