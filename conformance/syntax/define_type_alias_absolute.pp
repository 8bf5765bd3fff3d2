type ::X = Y
