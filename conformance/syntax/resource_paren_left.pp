(foo) { b => c }
