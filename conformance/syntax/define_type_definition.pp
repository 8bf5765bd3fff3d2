type X { }
type Y inherits X { notice 1 }
