type X = [1]
