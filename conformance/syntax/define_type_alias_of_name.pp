type X = y
