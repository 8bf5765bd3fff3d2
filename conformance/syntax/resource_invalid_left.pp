$a { b => c }
